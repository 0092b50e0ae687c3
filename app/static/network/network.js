// Shows a network: its stitches on the chart, its figures and sentences, its budgets.

import { fromPosition, makeRoomForWords, setBudget, span } from "../chart/budget.js";
import { draw, show } from "../chart/chart.js";
import { page, state, tell } from "../core.js";

function showNetwork(network) {
  state.stitches = [...network.stitches].sort((a, b) => a.gmacs - b.gmacs);
  state.view = network.view;
  state.chosen = state.clicked = null;
  const sources = new Set(state.stitches.map((stitch) => stitch.source ?? "unmeasured"));
  if (network.traces.some((trace) => trace.meta.kind === "original")) sources.add("original");
  for (const look of page.root.querySelectorAll("[data-source]")) look.hidden = !sources.has(look.dataset.source);
  const { unmeasured } = network;
  page.joint.textContent = network.joint;
  page.jointFact.hidden = !network.joint;
  page.line.textContent = network.line;
  makeRoomForWords();
  page.unmeasured.hidden = !unmeasured;
  if (unmeasured) {
    const command = document.createElement("code");
    command.textContent = unmeasured.command;
    page.unmeasured.replaceChildren(`${unmeasured.text} Measure them: `, command);
  }
  page.slider.disabled = page.gmacs.disabled = false;
  page.gmacs.min = (Math.ceil(span()[0] * 1000) / 1000).toFixed(3);
  page.gmacs.setCustomValidity("");
  for (const trace of state.zoo) if (trace.meta.key) trace.visible = trace.meta.key !== network.hides;
}

// Shows a network in place of the one before. A budget that it can spend stays; else its own opening view.
export async function put(network) {
  const before = state.gmacs;
  state.network = network.name;
  tell("leaving");
  showNetwork(network);
  await draw([...state.zoo, ...network.traces]);
  if (state.network !== network.name) return; // another came while this one was drawn
  show(page.root.querySelector("[data-view][aria-pressed=true]").dataset.view);
  tell("network", network);
  const [low, high] = span();
  const stitched = state.stitches.filter((stitch) => stitch.on_front && !stitch.is_anchor);
  const opening = stitched[Math.floor(stitched.length / 2)]; // amid what stitching adds
  const isKept = before !== null && before >= low && before <= high;
  state.opening = opening?.gmacs ?? fromPosition(Number(page.slider.max) / 2);
  setBudget(isKept ? before : state.opening);
  page.root.dataset.network = network.name;
  page.root.dataset.state = "ready"; // what the tests wait for
  tell("settled");
}
