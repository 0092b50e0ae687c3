// @ts-check
// Every budget at once: behind a photo's first answer all stitches answer, those that budgets buy before the rest.
// The server computes no further than the page asks, so a new photo or a closed page ends a sweep.

import { Newest, pause } from "../core.js";

/** @import { Page } from "../core.js" */

/** @import { Budget } from "../chart/budget.js" */
/** @import { Answer, Photo } from "../types.js" */
/** @typedef {ReturnType<typeof createSweep>} Sweep */

const TRIES = 3; // of sweeps that the server gives up before anything has come of them
const BREATH_MS = 300; // between questions that bring nothing

/** @param {Page} page @param {Budget} budget */
export function createSweep(page, { bought }) {
  const { on, server, state, tell } = page;

  const newest = new Newest();

  /** @param {{name: string}} stitch */
  const lacks = ({ name }) => !state.answers.get(name)?.probabilities;

  // Those near the budget first: there a drag begins. The server asks all others behind them; where most have
  // answered an earlier sweep, those that have not.
  function first() {
    const far = (stitch) => Math.abs(Math.log(stitch.gmacs / state.gmacs));
    const lacking = state.stitches.filter(lacks);
    const ahead = 2 * lacking.length > state.stitches.length ? bought().filter(lacks) : lacking;
    const clicked = state.clicked && lacks(state.clicked) ? [state.clicked] : [];
    return [...clicked, ...ahead.filter((stitch) => stitch !== state.clicked).sort((a, b) => far(a) - far(b))].map((stitch) => stitch.name);
  }

  /** @param {Photo} photo */
  async function sweep(photo) {
    if (state.sweep?.photo === photo) return;
    const signal = newest.begin();
    state.sweep = { photo, total: state.stitches.length, place: 0, error: "" };
    let error = "";
    for (let fruitless = 0; fruitless < TRIES; fruitless++) {
      const before = state.answers.size;
      const end = await follow(photo, signal);
      if (signal.aborted) return;
      error = end.error;
      if (!end.gone) break;
      if (state.answers.size > before) fruitless = 0;
    }
    if (error) state.sweep = { ...state.sweep, photo: null, place: 0, error }; // the next question tries again
    tell("answer");
  }

  // One sweep of the server's, to its end; `gone` where it ends before all have answered, as when the server is started anew.
  /** @param {Photo} photo @param {AbortSignal} signal @returns {Promise<{error: string, gone: boolean}>} */
  async function follow(photo, signal) {
    const { sweep, error } = await server.beginSweep(photo, state.network, first(), signal);
    if (error) return { error, gone: false };
    const end = () => server.endSweep(sweep);
    signal.addEventListener("abort", end);
    addEventListener("pagehide", end);
    try {
      if (signal.aborted) end();
      while (!signal.aborted && state.stitches.some(lacks)) {
        const begun = performance.now();
        const more = await server.more(sweep, signal);
        if (signal.aborted) break;
        if (more.error) return { error: more.error, gone: true };
        const { rows = [], left, place = 0 } = more;
        for (const row of rows) remember(row);
        state.sweep.place = place;
        tell("answer");
        if (!left) break;
        if (!rows.length && performance.now() - begun < BREATH_MS) await pause(BREATH_MS);
      }
      return { error: "", gone: false };
    } finally {
      signal.removeEventListener("abort", end);
      removeEventListener("pagehide", end);
    }
  }

  /** @param {Answer} row */
  function remember(row) {
    const before = state.answers.get(row.stitch);
    const probabilities = row.probabilities ?? before?.probabilities;
    state.answers.set(row.stitch, { ...row, warm_ms: row.warm_ms ?? before?.warm_ms, probabilities });
  }

  const forget = () => {
    newest.drop();
    state.sweep = null;
    state.answers.clear();
    tell("answer");
  };
  on("leaving", forget);
  on("photo", forget);

  return { remember, sweep };
}
