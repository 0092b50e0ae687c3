// @ts-check
// The answers to the examples that ship with a network: they are here with it, and nothing is asked.

/** @import { Page } from "../core.js" */
/** @import { Answer, Examples, Photo } from "../types.js" */

const UNIT = 10_000; // of the rows' probabilities
const TOP = 5;

/** What a stitch says of an example. @param {Examples} examples @param {string} photo @param {number} place @returns {Answer} */
function answerOf({ classes, photos, stitches }, photo, place) {
  const row = photos[photo][place];
  const best = row.flatMap((index, at) => (at % 2 ? [] : [{ index, label: classes[index], probability: row[at + 1] / UNIT }]));
  const probabilities = Object.fromEntries(best.map(({ index, probability }) => [index, probability]));
  return { stitch: stitches[place], top5: best.slice(0, TOP), probabilities };
}

/** @param {Page} page @param {{remember: (answer: Answer) => void}} sweep */
export function createExamples(page, { remember }) {
  const { on, state } = page;

  /** @type {Examples | null} */
  let examples = null; // of the network that is shown

  on("network", (network) => {
    examples = network.examples;
  });

  /** Brings every stitch's answer to an example at once; false where they don't ship. @param {Photo} photo */
  function recall(photo) {
    if (!examples?.photos[photo.example]) return false;
    for (const place of examples.stitches.keys()) remember(answerOf(examples, photo.example, place));
    state.sweep = { photo, total: state.stitches.length, place: 0, error: "", isShipped: true };
    return true;
  }

  return { recall };
}
