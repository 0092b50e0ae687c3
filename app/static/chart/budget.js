// @ts-check
// The budget, the stitch that it buys, and the ring that follows it over the chart. Moving asks nothing of the server.

import { laddersOf, readNumber, refusal } from "./figures.js";
import { accuracy, createSpending, figures, short } from "./spending.js";
import { RUG, xOf, yOf } from "./traces.js";

/** @import { Page } from "../core.js" */

const THUMB = 8; // px, half the slider's: where its travel begins

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

/** @typedef {ReturnType<typeof createBudget>} Budget */

/** @param {Page} page */
export function createBudget(page) {
  const { elements, keep, plot, state, tell } = page;

  const ladder = () => laddersOf(state.stitches).gmacs;
  const { sayStitch } = createSpending(page);

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

  // Moves everything that follows the budget; asks nothing of the server. A clicked stitch runs, until the budget moves.
  function setBudget(gmacs, from, clicked = null) {
    const [low, high] = span();
    state.gmacs = Math.min(Math.max(gmacs, low), high);
    if (from !== "slider") elements.slider.value = String(toPosition(state.gmacs));
    if (from !== "number" || state.gmacs !== gmacs) elements.gmacs.value = ladder().figure(state.gmacs);
    const best = bestWithin(state.stitches, state.gmacs);
    const stitch = clicked ?? best;
    state.clicked = clicked === best ? null : clicked;
    if (stitch !== state.chosen) {
      state.chosen = stitch;
      page.root.dataset.chosen = stitch.name;
      labelRing(stitch);
      sayStitch(stitch, best);
    }
    elements.slider.setAttribute("aria-valuetext", `${short(state, state.gmacs)}: ${stitch.words}, ${accuracy(stitch)}`);
    placeRing();
    tell("budget", stitch);
  }

  function labelRing(stitch) {
    elements.ring.hidden = false; // a hidden label has no width
    const height = yOf(state, stitch);
    if (state.set === "top1") elements.ringLabel.textContent = figures(state, stitch);
    else elements.ringLabel.textContent = `${short(state, stitch.gmacs)} · ${height === null ? "not measured here" : `${height.toFixed(1)} %`}`;
    labelWidth = elements.ringLabel.offsetWidth; // measured once a text: reading it at every move is slow
  }

  // The ring lies over the graph, so that moving it redraws nothing.
  function placeRing() {
    const axes = plot?._fullLayout;
    if (!axes || !state.chosen) return;
    const { xaxis, yaxis, yaxis2 } = axes;
    const x = xaxis.d2p(xOf(state, state.chosen)) + xaxis._offset;
    const height = yOf(state, state.chosen);
    if (height === null && !yaxis2) {
      elements.ring.hidden = true; // the stage shows no strip yet
      return;
    }
    const y = height === null ? yaxis2.d2p(RUG) + yaxis2._offset : yaxis.d2p(height) + yaxis._offset;
    elements.ring.classList.toggle("is-low", y > yaxis._offset + yaxis._length - 44); // its label would cover the axis
    const isAcross = x >= xaxis._offset && x <= xaxis._offset + xaxis._length;
    const inside = isAcross && (height === null || (y >= yaxis._offset && y <= yaxis._offset + yaxis._length));
    elements.ring.hidden = !inside;
    elements.ring.style.transform = `translate(${x}px, ${y}px)`;
    const right = xaxis._offset + xaxis._length - labelWidth - 4; // the label stays on the graph
    elements.ringLabel.style.transform = `translateX(${Math.max(xaxis._offset + 4, Math.min(x + 12, right)) - x}px)`;
    state.moves += 1;
  }

  // The slider stands under the stitches, on the axis' own scale, while the chart shows all of them over GMACs; else it has the
  // graph's whole width. Called when the graph moves, not the budget.
  function alignSlider() {
    const axes = plot?._fullLayout;
    if (!axes || !state.stitches.length) return;
    const { xaxis } = axes;
    const [left, right] = span().map((gmacs) => xaxis.d2p(gmacs));
    const isOnScale = state.x === "gmacs" && state.scale === "log" && left >= 0 && right <= xaxis._length + 1 && right - left > xaxis._length / 3;
    const from = Math.max(0, xaxis._offset + (isOnScale ? left : 0) - THUMB),
      to = Math.min(plot.clientWidth, xaxis._offset + (isOnScale ? right : xaxis._length) + THUMB);
    const isFixed = getComputedStyle(elements.track).position === "fixed"; // on a phone
    elements.track.style.marginLeft = isFixed ? "0" : `${from}px`;
    elements.track.style.left = isFixed ? `${plot.getBoundingClientRect().left + from}px` : "";
    elements.track.style.width = `${to - from}px`;
    elements.track.dataset.scale = isOnScale ? "axis" : "own";
  }

  // Drags the ring itself: the budget follows the pointer along the axis.
  function onGrab(event) {
    if (!state.chosen || state.x !== "gmacs") return;
    event.preventDefault();
    elements.ring.setPointerCapture(event.pointerId);
    const { left } = plot.getBoundingClientRect();
    const follow = (/** @type {PointerEvent} */ moved) => {
      const { xaxis } = plot._fullLayout;
      setBudget(xaxis.p2d(moved.clientX - left - xaxis._offset), "ring");
    };
    const release = () => {
      elements.ring.removeEventListener("pointermove", follow);
      tell("settled");
    };
    elements.ring.addEventListener("pointermove", follow);
    elements.ring.addEventListener("pointerup", release, { once: true });
    elements.ring.addEventListener("pointercancel", release, { once: true });
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
  elements.ring.addEventListener("pointerdown", onGrab);
  elements.slider.addEventListener("input", () => setBudget(fromPosition(Number(elements.slider.value)), "slider"));
  elements.slider.addEventListener("change", () => tell("settled"));
  elements.gmacs.addEventListener("input", () => elements.gmacs.setCustomValidity(""));
  elements.gmacs.addEventListener("change", onTyped);

  return { alignSlider, bought, fromPosition, labelRing, placeRing, setBudget, span, toPosition };
}
