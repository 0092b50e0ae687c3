// @ts-check
// What the photo is at every budget: the probabilities of its leading classes over GMACs.

import { laddersOf } from "../chart/figures.js";
import { CONFIG, look, roundNumbers } from "../chart/look.js";
import { bold, hasWeights, make, percent, say } from "../core.js";

/** @import { Page } from "../core.js" */

// Okabe and Ito's, dark enough for lines on white and bright enough on black.
const LINES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const THUMB = 8; // px, half the slider's thumb: where its travel begins
const PAUSE_MS = 150; // between drawings while answers stream in

// Some three to six round GMACs within the span.
/** @param {number[]} span */
function roundTicks([low, high]) {
  const steps = [
    [1, 2, 5],
    [1, 1.5, 2, 3, 4, 5, 6, 8],
  ].map(roundNumbers);
  const inside = steps.map((ticks) => ticks.filter((tick) => tick >= low && tick <= high));
  return inside.find((ticks) => ticks.length >= 3) ?? inside.at(-1);
}

/** @import { Budget } from "../chart/budget.js" */

/** @param {Page} page @param {Budget} budget */
export function createAnswers(page, { bought, span, toPosition }) {
  const { elements, on, state } = page;

  let leading = []; // {index, label, row} of the classes that are drawn
  let waiting = 0; // timer of the next drawing
  let drawn = 0; // ms, when the last drawing was

  const probability = (name, index) => state.answers.get(name)?.probabilities?.[index] ?? 0;

  const top = (name) => state.answers.get(name).top5[0] ?? { index: -1, label: "no finite answer" };

  // The classes that come highest on some budget's stitch, the first of them those that lead.
  function leadingClasses(stitches) {
    const best = new Map();
    for (const stitch of stitches) {
      for (const { index, label, probability: share } of state.answers.get(stitch.name).top5) {
        if (share > (best.get(index)?.share ?? 0)) best.set(index, { index, label, share });
      }
    }
    return [...best.values()].sort((a, b) => b.share - a.share).slice(0, LINES.length);
  }

  const gmacsOf = (gmacs, digits = 3) => laddersOf(state.stitches).gmacs.figure(gmacs, digits);

  // From which budget on the answer stays; known when all stitches that a budget buys have answered.
  function whereItStays(stitches) {
    const last = top(stitches.at(-1).name);
    let first = stitches.length - 1;
    while (first > 0 && top(stitches[first - 1].name).index === last.index) first -= 1;
    return { label: last.label, from: stitches[first].gmacs, always: first === 0, late: first === stitches.length - 1 };
  }

  function waitingWords() {
    if (!state.photo) return "Give a photo, and every network answers.";
    return elements.error.textContent ? "This photo got no answer: the sentence beside it says why." : "Asking the network …";
  }

  function sayWhereItStays(stitches, isComplete) {
    if (!hasWeights(state)) elements.stays.textContent = "With its weights here, every budget answers.";
    else if (!state.answers.size) elements.stays.textContent = waitingWords();
    else if (!isComplete) elements.stays.textContent = "Asking every other network …";
    else {
      const { label, from, always, late } = whereItStays(stitches);
      if (always) elements.stays.replaceChildren("Every budget gives the same answer: ", bold(label), ".");
      else if (late) elements.stays.replaceChildren("The answer changes up to the largest budget, which says ", bold(label), ".");
      else elements.stays.replaceChildren(`From ${gmacsOf(from, 2)} GMACs on the answer no longer changes: `, bold(label), ".");
    }
  }

  // Beside the answer: from which budget on it is that one.
  function sayHolds() {
    if (!state.chosen) return; // what the markup says stays until there is a budget
    const all = bought();
    const isComplete = all.length && all.every((stitch) => state.answers.get(stitch.name)?.probabilities);
    if (!isComplete || !state.answers.has(state.chosen.name)) {
      say(elements.holds, "");
      return;
    }
    const { label, from, always } = whereItStays(all);
    const isLast = top(state.chosen.name).label === label;
    if (!isLast) say(elements.holds, `at this budget; from ${gmacsOf(from, 2)} GMACs on ${label}`);
    else if (always) say(elements.holds, "and at every budget");
    else say(elements.holds, `from ${gmacsOf(from, 2)} GMACs on for good`);
  }

  function sayProgress() {
    const done = [...state.answers.values()].filter((answer) => answer.probabilities).length;
    const { total = 0, place = 0, error = "", isShipped = false } = state.sweep ?? {};
    if (error) elements.swept.textContent = error;
    else if (!total) elements.swept.textContent = "";
    else if (place > 0) elements.swept.textContent = `Other budgets: waiting, place ${place}`;
    else if (isShipped) elements.swept.textContent = `all ${total} stitches have answered, computed beforehand`;
    else elements.swept.textContent = done < total ? `${done} of ${total} stitches have answered` : `all ${total} stitches have answered`;
    page.root.dataset.swept = String(total > 0 && done >= total);
  }

  // The lines are what budgets buy, as steps; the dots all other stitches.
  function traces(stitches) {
    const end = span()[1];
    const isBought = new Set(stitches.map((stitch) => stitch.name));
    const others = state.stitches.filter((stitch) => !isBought.has(stitch.name) && state.answers.get(stitch.name)?.probabilities);
    return leading.flatMap(({ index, label }, place) => {
      const x = [...stitches.map((stitch) => stitch.gmacs), end];
      const shares = stitches.map((stitch) => 100 * probability(stitch.name, index));
      const wordsOf = (stitch) => `${stitch.name}, ${gmacsOf(stitch.gmacs)} GMACs`;
      const text = [...stitches, stitches.at(-1)].map(wordsOf);
      const hovertemplate = `<b>${label}</b> %{y:.1f} %<br>%{text}<extra></extra>`;
      const line = {
        x,
        y: [...shares, shares.at(-1)],
        text,
        mode: "lines",
        line: { shape: "hv", width: 2.4, color: LINES[place], dash: DASHES[place] },
        hovertemplate,
      };
      const dots = {
        x: others.map((stitch) => stitch.gmacs),
        y: others.map((stitch) => 100 * probability(stitch.name, index)),
        text: others.map(wordsOf),
        mode: "markers",
        marker: { size: 4, color: LINES[place], opacity: 0.3 },
        hovertemplate,
      };
      return [dots, line];
    });
  }

  // The chart's width is the slider's travel, so that the line stands over its thumb.
  function sharesLayout() {
    const slider = elements.slider.getBoundingClientRect();
    const box = elements.shares.getBoundingClientRect();
    const isApart = getComputedStyle(elements.track).position === "fixed"; // on a phone nothing stands over the slider
    const left = isApart ? THUMB : Math.max(slider.left - box.left + THUMB, 8),
      right = isApart ? THUMB : Math.max(box.right - slider.right + THUMB, 8);
    const { axis: plain, layout } = look(page, "line");
    const axis = { ...plain, fixedrange: true };
    const [low, high] = span().map(Math.log10);
    const isNarrow = left < 40;
    const ticks = roundTicks(span());
    return {
      ...layout,
      margin: { l: left, r: right, t: 8, b: 26 },
      showlegend: false,
      dragmode: false,
      xaxis: {
        ...axis,
        type: "log",
        range: high > low ? [low, high] : [low - 0.1, high + 0.1],
        tickvals: ticks,
        ticktext: ticks.map((tick, place) => (place ? String(tick) : `${tick} GMACs`)),
      },
      yaxis: { ...axis, range: [-3, 103], tickvals: [0, 50, 100], ticktext: ["0 %", "50 %", "100 %"], ticklabelposition: isNarrow ? "inside top" : "outside" },
    };
  }

  async function drawShares() {
    waiting = 0;
    drawn = performance.now();
    if (!state.stitches.length) return;
    const all = bought();
    const complete = all.filter((stitch) => state.answers.get(stitch.name)?.probabilities);
    sayWhereItStays(all, complete.length === all.length);
    sayHolds();
    sayProgress();
    leading = leadingClasses(complete);
    nameLeading();
    await window.Plotly.react(elements.shares, traces(complete), sharesLayout(), CONFIG);
    followBudgetLine();
  }

  function drawSoon() {
    if (waiting) return;
    waiting = setTimeout(drawShares, Math.max(0, PAUSE_MS - (performance.now() - drawn)));
  }

  function nameLeading() {
    elements.leading.replaceChildren(
      ...leading.map((leader, place) => {
        const { label } = leader;
        leader.share = make("b");
        leader.item = make("li", {}, make("i", { style: `background: ${LINES[place]}` }), make("span", { title: label }, label), leader.share);
        return leader.item;
      }),
    );
  }

  // At every move of the slider: the line, and the classes' shares beside it.
  function followBudgetLine() {
    const axis = elements.shares._fullLayout?.xaxis;
    elements.budgetLine.hidden = !axis || !leading.length;
    if (elements.budgetLine.hidden || !state.chosen) return;
    const share = toPosition(state.gmacs) / Number(elements.slider.max);
    elements.budgetLine.style.transform = `translateX(${axis._offset + share * axis._length}px)`;
    const { name } = state.chosen;
    if (!state.answers.get(name)?.probabilities) return;
    const first = top(name).index;
    for (const { index, share, item } of leading) {
      say(share, percent(probability(name, index)));
      item.classList.toggle("is-first", index === first);
    }
  }

  on("answer", drawSoon);
  on("network", drawSoon);
  on("theme", drawSoon);
  on("budget", () => {
    followBudgetLine();
    sayHolds();
  });
  new ResizeObserver(drawSoon).observe(elements.shares);
}
