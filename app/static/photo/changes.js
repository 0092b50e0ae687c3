// @ts-check
// What more budget changes of an answer: marks on the slider where it becomes another, and a sentence where it becomes less sure.

import { short } from "../chart/spending.js";
import { make, say } from "../core.js";

/** @import { Budget } from "../chart/budget.js" */
/** @import { Page } from "../core.js" */
/** @import { Answer, Stitch } from "../types.js" */

const LESS = 0.05; // of probability: what is worth a sentence
const GAIN = 0.01; // what of it another class must have got to be named

/** @param {string[]} words */
const listed = (words) => (words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : (words[0] ?? ""));

/** @param {number} share */
const whole = (share) => `${Math.round(100 * share)} %`;

/** @param {Page} page @param {Budget} budget */
export function createChanges(page, { bought, toPosition }) {
  const { elements, on, state } = page;

  /** @param {Stitch} stitch @returns {Answer | undefined} */
  const answerOf = (stitch) => state.answers.get(stitch.name);

  /** @param {Stitch} stitch */
  const topOf = (stitch) => answerOf(stitch)?.top5[0];

  // The stitches at which the answer becomes another, once all that budgets buy have answered.
  function flips() {
    const stitches = bought();
    if (!stitches.every((stitch) => answerOf(stitch)?.probabilities)) return [];
    return stitches.filter((stitch, place) => place && topOf(stitch)?.index !== topOf(stitches[place - 1])?.index);
  }

  function markFlips() {
    const found = state.stitches.length ? flips() : [];
    const budgets = found.map((stitch) => short(state, stitch.gmacs).replace(" GMACs", ""));
    const words = found.length ? `The answer changes at ${listed(budgets)} GMACs.` : "";
    if (elements.flips.textContent === words && elements.flips.dataset.network === state.network) return;
    elements.flips.dataset.network = state.network ?? "";
    const ticks = found.map((stitch) => {
      const share = toPosition(stitch.gmacs) / Number(elements.slider.max);
      const tick = make("i", { ariaHidden: "true" });
      tick.style.setProperty("--share", String(share));
      return tick;
    });
    elements.flips.replaceChildren(make("span", {}, words), ...ticks);
  }

  // Of the cheaper stitches with the same answer, the surest: no figure says why a larger network is less sure.
  function saySurer() {
    const { chosen } = state;
    const now = chosen && topOf(chosen);
    let before = null;
    for (const stitch of now ? bought() : []) {
      const top = topOf(stitch);
      if (stitch.gmacs < chosen.gmacs && top?.index === now.index && top.probability > (topOf(before ?? chosen)?.probability ?? 0)) before = stitch;
    }
    const sure = before && topOf(before);
    if (!sure || sure.probability - now.probability < LESS) {
      say(elements.surer, "");
      return;
    }
    say(
      elements.surer,
      `More budget, less sure: ${whole(sure.probability)} at ${short(state, before.gmacs)}, ${whole(now.probability)} here. `,
      `${gainers(before, chosen)} The figures do not say why.`,
    );
  }

  // The classes that have more of the probability now.
  /** @param {Stitch} before @param {Stitch} now */
  function gainers(before, now) {
    const had = answerOf(before)?.probabilities ?? Object.fromEntries((answerOf(before)?.top5 ?? []).map((one) => [one.index, one.probability]));
    const more = (answerOf(now)?.top5 ?? []).slice(1).filter(({ index, probability }) => probability - (had[index] ?? 0) >= GAIN);
    if (!more.length) return "What it lost is spread over many other classes.";
    return `Part of it went to ${listed(more.slice(0, 2).map(({ label }) => label))}.`;
  }

  function follow() {
    markFlips();
    saySurer();
  }

  on("answer", follow);
  on("network", follow);
  on("budget", saySurer);
}
