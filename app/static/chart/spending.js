// @ts-check
// What a budget buys, in words: beside the slider, on the ring, and for those who hear the page.

import { bold } from "../core.js";
import { laddersOf } from "./figures.js";
import { bestNear } from "./frontier.js";
import { isComparable } from "./traces.js";

/** @import { Page } from "../core.js" */
/** @import { State, Stitch } from "../types.js" */

const NEAR = 0.1; // of a cost: what counts as equal

/** @param {State} state @param {{gmacs: number}} stitch */
export const cost = (state, stitch) => `${laddersOf(state.stitches).gmacs.figure(stitch.gmacs)} GMACs`;

/** @param {State} state @param {number} gmacs */
export const short = (state, gmacs) => `${laddersOf(state.stitches).gmacs.figure(gmacs, 2)} GMACs`;

/** A share of photos, its interval and where it is from. @param {Stitch} stitch */
export function accuracy({ top1, interval, origin, source, classes }) {
  if (top1 === null || interval === null) return "accuracy unknown: the costliest stitch within the budget";
  const [low, high] = interval.map((end) => end.toFixed(1));
  const of = source === "partial" ? ` on ${classes} classes` : "";
  const from = source === "partial" ? "measured" : origin;
  return `${source === "estimated" ? "about " : ""}${top1.toFixed(1)} % right${of} (${low}–${high}, ${from})`;
}

/** @param {State} state @param {Stitch} stitch */
export const figures = (state, stitch) => `${short(state, stitch.gmacs)} · ${stitch.top1 === null ? "accuracy unknown" : `${stitch.top1.toFixed(1)} %`}`;

/** @param {Page} page */
export function createSpending(page) {
  const { elements, on, state } = page;

  /** @type {number[]} */
  let rivals = []; // rows of the zoo's table, the network's own anchors left out

  // The most accurate model of the zoo for the same work, and a word on what "the same" is.
  function rivalOf(stitch) {
    const { gmacs, name, top1 } = state.zoo.columns;
    const pick = (list) => rivals.map((row) => list[row]);
    const place = bestNear(pick(gmacs), pick(top1), stitch.gmacs, NEAR);
    return place < 0 ? null : { name: name[rivals[place]], top1: top1[rivals[place]] };
  }

  function sayRival(stitch) {
    if (!state.zoo || !isComparable(stitch)) {
      elements.rival.textContent = "";
      return;
    }
    const rival = rivalOf(stitch);
    if (rival) elements.rival.replaceChildren("Best fixed model within 10 % of this cost: ", bold(rival.name), `, ${rival.top1.toFixed(1)} %.`);
    else elements.rival.textContent = "No fixed model of the zoo lies within 10 % of this cost.";
  }

  /** What the server took for this stitch, warm, where it knows. @param {Stitch} stitch */
  function time(stitch) {
    const ms = state.answers.get(stitch.name)?.warm_ms;
    return typeof ms !== "number" ? "" : ` · ${ms.toFixed(ms < 10 ? 1 : 0)} ms here`;
  }

  function sayUses(stitch) {
    const parts = [bold(cost(state, stitch)), " · ", stitch.top1 === null ? accuracy(stitch) : bold(accuracy(stitch)), `${time(stitch)}.`];
    elements.uses.replaceChildren(...parts);
  }

  // A click runs what was clicked; where its cost buys a better one, the line says which.
  function sayRoute(stitch, bought) {
    if (stitch === bought) elements.chosen.replaceChildren(bold(stitch.words), ".");
    else {
      const reason = stitch.top1 === null ? "is the best known for no more" : "is better for no more";
      elements.chosen.replaceChildren(bold(stitch.words), `. Not on the front: ${bought.words} ${reason} (${figures(state, bought)}).`);
    }
  }

  function sayDetails({ name, note, image_size: size, params_m: params }) {
    const millions = laddersOf(state.stitches).params_m.figure(params, 2);
    elements.details.replaceChildren("Named ", bold(name), ` in tables, links and code. Photos at ${size} px, ${millions} M parameters on its way. ${note}.`);
  }

  /** @param {Stitch} stitch that runs @param {Stitch} bought what the budget buys: another where one was clicked */
  function sayStitch(stitch, bought) {
    sayUses(stitch);
    sayRival(stitch);
    sayRoute(stitch, bought);
    sayDetails(stitch);
  }

  on("network", ({ beats }) => {
    const own = new Set(beats.own);
    rivals = [...state.zoo.columns.name.keys()].filter((row) => !own.has(state.zoo.columns.name[row]));
  });
  on("answer", () => state.chosen && sayUses(state.chosen));

  return { sayStitch };
}
