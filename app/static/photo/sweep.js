// @ts-check
// Every budget at once: behind a photo's first answer all stitches answer, those that budgets buy before the rest.
// The server computes no further than the page asks, so a new photo or a closed page ends a sweep.

import { LOST } from "../server.js";

/** @import { Page } from "../core.js" */

/** @import { Budget } from "../chart/budget.js" */
/** @import { Answer, Photo } from "../types.js" */
/** @typedef {ReturnType<typeof createSweep>} Sweep */

/** @param {Page} page @param {Budget} budget */
export function createSweep(page, { bought }) {
  const { on, server, state, tell } = page;

  let turn = 0; // of the newest sweep; what comes of older ones is dropped

  // Those near the budget first: there a drag begins.
  function nearestFirst() {
    const far = (stitch) => Math.abs(Math.log(stitch.gmacs / state.gmacs));
    return bought()
      .sort((a, b) => far(a) - far(b))
      .map((stitch) => stitch.name);
  }

  /** @param {Photo} photo */
  async function sweep(photo) {
    if (state.sweep?.photo === photo) return;
    const mine = ++turn;
    const { network } = state;
    state.sweep = { photo, total: state.stitches.length, error: "" };
    const begun = await server.beginSweep(photo, network, nearestFirst());
    let left = begun.total;
    let error = begun.error;
    while (!error && left > 0) {
      if (mine !== turn) {
        server.endSweep(begun.sweep);
        return;
      }
      const more = await server.more(begun.sweep);
      if (mine !== turn) continue;
      error = more.error;
      left = more.left;
      for (const row of more.rows ?? []) remember(row);
      tell("answer");
    }
    if (mine !== turn) return;
    // the next question tries again
    if (error) state.sweep = { ...state.sweep, photo: null, error: error === LOST ? "The other stitches can't be asked: the server does not answer." : error };
    tell("answer");
  }

  // What a stitch took on its own stands; in a sweep it shares its beginning with others.
  /** @param {Answer} row */
  function remember(row) {
    const alone = state.answers.get(row.stitch)?.alone_ms ?? (row.probabilities ? undefined : row.latency_ms);
    const probabilities = row.probabilities ?? state.answers.get(row.stitch)?.probabilities;
    state.answers.set(row.stitch, { ...row, alone_ms: alone, probabilities });
  }

  const forget = () => {
    turn += 1;
    state.sweep = null;
    state.answers.clear();
    tell("answer");
  };
  on("leaving", forget);
  on("photo", forget);

  return { remember, sweep };
}
