// @ts-check
// Shows a network: its stitches on the chart, its figures and sentences, its budgets.

import { laddersOf } from "../chart/figures.js";
import { make } from "../core.js";

/** @import { Budget } from "../chart/budget.js" */
/** @import { Chart } from "../chart/chart.js" */
/** @import { Page } from "../core.js" */
/** @import { Network } from "../types.js" */

/** @param {Page} page @param {Budget} budget @param {Chart} chart */
export function createNetwork(page, { fromPosition, setBudget, span }, { draw, pressed, show }) {
  const { elements, state, tell } = page;

  /** @param {Network} network */
  function showNetwork(network) {
    state.stitches = [...network.stitches].sort((a, b) => a.gmacs - b.gmacs);
    Object.assign(state, { view: network.view, originals: network.originals, hides: network.hides });
    state.chosen = state.clicked = null;
    /** @type {Set<string | undefined>} */
    const sources = new Set(state.stitches.map((stitch) => stitch.source ?? "unmeasured"));
    if (network.originals.length) sources.add("original");
    for (const look of page.all("[data-source]")) look.hidden = !sources.has(look.dataset.source);
    const { unmeasured } = network;
    sayHead(network);
    elements.joint.textContent = network.joint;
    elements.jointFact.hidden = !network.joint;
    elements.line.textContent = network.line;
    elements.credits.textContent = network.credits;
    elements.unmeasured.hidden = !unmeasured;
    if (unmeasured) elements.unmeasured.replaceChildren(`${unmeasured.text} Measure them: `, make("code", {}, unmeasured.command));
    elements.slider.disabled = elements.gmacs.disabled = false;
    elements.gmacs.min = laddersOf(state.stitches).gmacs.figure(span()[0]);
    elements.gmacs.setCustomValidity("");
  }

  /** @param {Network} network */
  function sayHead({ head }) {
    elements.headline.textContent = head.headline;
    elements.lead.textContent = head.lead;
    const front = state.stitches.filter((stitch) => stitch.on_front),
      whole = front.filter((stitch) => stitch.is_anchor).length;
    elements.whole.textContent = front.length
      ? `${whole} of the ${front.length} points on its front are whole anchors, at one size or another; ${front.length - whole} are stitched ways that no single anchor gives.`
      : "No accuracy is known yet, so there is no front.";
  }

  // Shows a network in place of the one before. A budget that it can spend stays; else its own opening view.
  /** @param {Network} network */
  async function put(network) {
    const before = state.gmacs;
    state.network = network.name;
    tell("leaving");
    showNetwork(network);
    await draw();
    if (state.network !== network.name) return; // another came while this one was drawn
    show(pressed());
    tell("network", network);
    const [low, high] = span();
    const stitched = state.stitches.filter((stitch) => stitch.on_front && !stitch.is_anchor);
    const opening = stitched[Math.floor(stitched.length / 2)]; // amid what stitching adds
    const isWithin = before !== null && before >= low && before <= high;
    state.opening = opening?.gmacs ?? fromPosition(Number(elements.slider.max) / 2);
    setBudget(isWithin ? before : state.opening);
    page.root.dataset.network = network.name;
    page.root.dataset.state = "ready"; // what the tests wait for
    tell("settled");
  }

  return { put };
}
