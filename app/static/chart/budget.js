// @ts-check
// The budget, the stitch that it buys, and the ring that follows it over the chart. Moving asks nothing of the server.

import { bold } from "../core.js";
import { laddersOf, readNumber, refusal } from "./figures.js";
import { RUG, xOf, yOf } from "./traces.js";

/** @import { Page } from "../core.js" */

const UNKNOWN = "not measured yet: the costliest stitch within the budget";

// The rule of snnet.frontier.best_within: highest top-1 within the budget; ties to the cheaper, then the first.
export function bestWithin(stitches, gmacs) {
  let best = null;
  for (const stitch of stitches) {
    if (stitch.gmacs > gmacs) break;
    if (best === null || isBetter(stitch, best)) best = stitch;
  }
  return best;
}

// Of a costlier stitch against a cheaper one; where nothing is measured, the costlier is the better.
function isBetter(stitch, best) {
  if (stitch.top1 === null) return best.top1 === null && stitch.gmacs > best.gmacs;
  return best.top1 === null || stitch.top1 > best.top1;
}

export const cost = (state, stitch) => `${laddersOf(state.stitches).gmacs.figure(stitch.gmacs)} GMACs`;

export function accuracy(stitch) {
  if (stitch.top1 === null) return UNKNOWN;
  const [low, high] = stitch.interval;
  return `${stitch.top1.toFixed(1)} % top-1 [${low.toFixed(1)}, ${high.toFixed(1)}], ${stitch.origin}`;
}

/** @typedef {ReturnType<typeof createBudget>} Budget */

/** @param {Page} page */
export function createBudget(page) {
  const { elements, keep, plot, state, tell } = page;

  const ladder = () => laddersOf(state.stitches).gmacs;
  const inWords = (stitch) => ` ${stitch.words} · ${cost(state, stitch)} · ${accuracy(stitch)}`;
  const short = (gmacs) => `${ladder().figure(gmacs, 2)} GMACs`;
  const figures = (stitch) => `${short(stitch.gmacs)} · ${stitch.top1 === null ? "not measured" : `${stitch.top1.toFixed(1)} %`}`;

  let labelWidth = 0; // px, of the ring's label

  // Every stitch that some budget buys, by ascending GMACs.
  function bought() {
    const steps = [];
    for (const stitch of state.stitches) {
      if (!steps.length || isBetter(stitch, steps.at(-1))) steps.push(stitch);
    }
    return steps;
  }

  const span = () => [state.stitches[0].gmacs, state.stitches.at(-1).gmacs];

  function toPosition(gmacs) {
    const [low, high] = span();
    return high > low ? Number(elements.slider.max) * (Math.log(gmacs / low) / Math.log(high / low)) : 0;
  }

  function fromPosition(position) {
    const [low, high] = span();
    const share = position / Number(elements.slider.max);
    return share >= 1 ? high : low * (high / low) ** share;
  }

  // Moves everything that follows the budget; asks nothing of the server.
  function setBudget(gmacs, from, clicked = null) {
    const [low, high] = span();
    state.gmacs = Math.min(Math.max(gmacs, low), high);
    if (from !== "slider") elements.slider.value = String(toPosition(state.gmacs));
    if (from !== "number") elements.gmacs.value = ladder().figure(state.gmacs);
    const stitch = bestWithin(state.stitches, state.gmacs);
    if (stitch !== state.chosen) {
      state.chosen = stitch;
      labelRing(stitch);
      sayChosen(stitch, clicked);
    } else if (clicked !== state.clicked) sayChosen(stitch, clicked);
    state.clicked = clicked;
    elements.slider.setAttribute("aria-valuetext", `${short(state.gmacs)}: ${stitch.words}, ${accuracy(stitch)}`);
    placeRing();
    tell("budget", stitch);
  }

  // A click buys what its cost buys: where that is another stitch than the clicked one, the line says why.
  function sayChosen(stitch, clicked) {
    const reason = clicked?.top1 === null ? "is the best known for no more" : "is better for no more";
    const words = clicked && clicked !== stitch ? ` ${reason}: ${figures(stitch)}, where ${clicked.name} has ${figures(clicked)}` : inWords(stitch);
    elements.chosen.replaceChildren(bold(stitch.name), words);
    elements.chosen.title = elements.chosen.textContent;
  }

  // Two lines for all stitches of a network if one of them needs them: a drag may not shift the page.
  function makeRoomForWords() {
    elements.chosen.classList.remove("is-long");
    const longest = state.stitches.reduce((a, b) => ((a.name + inWords(a)).length < (b.name + inWords(b)).length ? b : a));
    elements.chosen.replaceChildren(bold(longest.name), inWords(longest));
    elements.chosen.classList.toggle("is-long", elements.chosen.scrollWidth > elements.chosen.clientWidth);
    elements.chosen.replaceChildren("\u00a0");
  }

  function labelRing(stitch) {
    const isNarrow = plot.clientWidth < 500 || page.root.classList.contains("is-stage"); // there the figures are large
    elements.ring.hidden = false; // a hidden label has no width
    if (state.set !== "top1")
      elements.ringLabel.textContent = `${isNarrow ? "" : `${stitch.name} · `}${short(stitch.gmacs)} · ${yOf(state, stitch)?.toFixed(1).concat(" %") ?? "not measured here"}`;
    else if (isNarrow) elements.ringLabel.textContent = figures(stitch);
    else elements.ringLabel.textContent = stitch.top1 === null ? `${short(stitch.gmacs)} · ${UNKNOWN}` : `${stitch.name} · ${figures(stitch)}`;
    labelWidth = elements.ringLabel.offsetWidth; // measured once a text: reading it at every move is slow
  }

  // The ring lies over the graph, so that moving it redraws nothing.
  function placeRing() {
    const axes = plot?._fullLayout;
    if (!axes || !state.chosen) return;
    const { xaxis, yaxis } = axes;
    const x = xaxis.d2p(xOf(state, state.chosen)) + xaxis._offset;
    const height = yOf(state, state.chosen);
    const y = height === null ? yaxis._offset + (1 - RUG) * yaxis._length : yaxis.d2p(height) + yaxis._offset;
    elements.ring.classList.toggle("is-low", y > yaxis._offset + yaxis._length - 44); // its label would cover the axis
    const inside = x >= xaxis._offset && x <= xaxis._offset + xaxis._length && y >= yaxis._offset && y <= yaxis._offset + yaxis._length;
    elements.ring.hidden = !inside;
    elements.ring.style.transform = `translate(${x}px, ${y}px)`;
    const right = xaxis._offset + xaxis._length - labelWidth - 4; // the label stays on the graph
    elements.ringLabel.style.transform = `translateX(${Math.max(xaxis._offset + 4, Math.min(x + 12, right)) - x}px)`;
    state.moves += 1;
  }

  // What was typed stays as it was typed; where it buys nothing the browser's own bubble says why.
  function onTyped() {
    const sentence = refusal(elements.gmacs.value, ladder());
    elements.gmacs.setCustomValidity(sentence);
    elements.gmacs.reportValidity();
    if (sentence) return;
    setBudget(readNumber(elements.gmacs.value), "number");
    tell("settled");
  }

  keep("budget", {
    read: () => (state.gmacs === null || state.gmacs === state.opening ? null : String(readNumber(elements.gmacs.value))),
    restore: (text) => {
      const gmacs = readNumber(String(text));
      if (!(gmacs > 0)) return;
      if (gmacs > span()[1] && refusal(String(text), ladder())) {
        elements.gmacs.value = text;
        onTyped();
        return;
      }
      setBudget(gmacs);
      tell("settled");
    },
  });
  elements.slider.addEventListener("input", () => setBudget(fromPosition(Number(elements.slider.value)), "slider"));
  elements.slider.addEventListener("change", () => tell("settled"));
  elements.gmacs.addEventListener("input", () => elements.gmacs.setCustomValidity(""));
  elements.gmacs.addEventListener("change", onTyped);

  return { bought, fromPosition, labelRing, makeRoomForWords, placeRing, setBudget, span, toPosition };
}
