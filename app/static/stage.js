// Stage mode: a scripted story over the page, one idea a screen. Everything that it shows is here already:
// it asks the server for nothing but what a new photo needs.

import { setBudget, span } from "./budget.js";
import { draw, show, stageTraces } from "./chart.js";
import { LOST, bold, keep, on, page, plot, state, tell, tone } from "./core.js";
import { setExample } from "./photo.js";
import { zoo } from "./zoo.js";

const PASS_S = 8; // of the budget, from the smallest stitch to the largest
const KNOWN = ["resnet50.a1_in1k", 224]; // a model that most people have met
const BYTES = 4; // of a parameter, in float32

let layer = null; // of the network that is shown
let step = 0; // from 1; 0: not on stage
let wanted = 0; // the step that the address says
let before = null; // what leaving brings back
let sweeping = 0; // animation frame
let isPaused = false;
let share = 0; // of a pass and back, 0 to 2
let at = 0; // ms, of the last frame

const isKind = (...kinds) => (trace) => kinds.includes(trace.meta.kind);
const isAnchor = (trace) => trace.meta.kind === "stitch" && trace.meta.anchor;

// ---------------------------------------------------------------- the story

const count = (number) => number.toLocaleString("en");

const nothing = () => [];

function knownModel() {
  const { name, image_size: size } = zoo.columns;
  const row = name.findIndex((one, place) => one === KNOWN[0] && size[place] === KNOWN[1]);
  return row < 0 ? 0 : row;
}

function label(x, y, text, place = "top center") {
  const size = 1.3 * parseFloat(getComputedStyle(page.line).fontSize);
  return {
    x, y, text, mode: "markers+text", textposition: place, textfont: { size, color: tone("ink") }, hoverinfo: "skip", cliponaxis: false,
    marker: { size: 20, line: { width: 0 } }, meta: { kind: "stage", tone: "accent" },
  };
}

function oneModel() {
  const row = knownModel();
  return [label([zoo.columns.gmacs[row]], [zoo.columns.top1[row]], [zoo.columns.name[row].split(".")[0]])];
}

// Each anchor at the size that it was published for, else where it is best known.
function anchorsNamed() {
  const names = [...new Set(state.stitches.filter((s) => s.is_anchor).map((s) => s.name.split("@")[0]))];
  const found = names.map((name) => {
    const all = state.stitches.filter((s) => s.is_anchor && s.name.split("@")[0] === name && s.top1 !== null);
    return all.find((s) => s.source === "published") ?? all[0];
  });
  const known = found.filter(Boolean);
  return known.length ? [label(known.map((s) => s.gmacs), known.map((s) => s.top1), known.map((s) => s.name.split("@")[0]))] : [];
}

function sayModel() {
  const row = knownModel(), { name, top1, gmacs } = zoo.columns;
  return [bold(name[row].split(".")[0]), ` gets ${top1[row].toFixed(1)} % of ImageNet's photos right (timm's figure) for ${gmacs[row].toFixed(1)} GMACs, billions of multiplications, a photo. Need it faster, or better? Take another network.`];
}

function sayZoo() {
  const { name, params_m: params } = zoo.columns;
  const once = new Map(name.map((one, row) => [one, params[row]]));
  const gigabytes = ([...once.values()].reduce((a, b) => a + b, 0) * BYTES) / 1e3;
  return [bold(`${count(once.size)} pretrained models`), ` of the timm zoo at ${count(name.length)} image sizes: every point is a file of its own, ${count(Math.round(gigabytes))} GB together. And once one is chosen, its cost is fixed.`];
}

function sayAnchors() {
  const names = [...new Set(state.stitches.filter((s) => s.is_anchor).map((s) => s.name.split("@")[0]))];
  return [bold(names.join(", ")), `: pretrained networks of one family, small to large. We call them anchors. Between two of them there is nothing to choose.`];
}

function sayStitches() {
  return ["Small linear layers lead from the blocks of one anchor into the blocks of the next. ", bold(layer.ownership.network)];
}

function sayFront() {
  const known = state.stitches.filter((s) => s.top1 !== null);
  if (!known.length) return ["Nothing has measured this network yet: every budget buys the costliest stitch that it can pay."];
  const { beaten, total, low, high } = layer.beats;
  const range = `from ${low.toFixed(2)} to ${high.toFixed(2)} GMACs`;
  const against = layer.beats.nothing ? "" : ` It matches or beats ${beaten} of the ${total} zoo models in that range.`;
  const source = [...new Set(known.filter((s) => s.on_front).map((s) => s.source))].join(" and ");
  return ["One file, ", bold(range), `: the budget is chosen anew at every photo, and the best stitch for it runs.${against} Accuracies: ${source}.`];
}

function sayPhoto() {
  if (!state.photo) return ["Drop a photo, or press 1 to 4. ", bold(`All ${state.stitches.length} stitches answer`), ", and the answer follows the budget."];
  return [page.stays.textContent];
}

const STEPS = [
  { name: "One model", title: "Every network is one trade-off", say: sayModel, view: "zoo", shows: () => false, extra: oneModel },
  { name: "The zoo", title: "So the world trains hundreds", say: sayZoo, view: "zoo", shows: isKind("zoo"), extra: oneModel },
  { name: "Anchors", title: "Take a few of one family", say: sayAnchors, view: "near", shows: (trace) => isKind("zoo")(trace) || isAnchor(trace), extra: anchorsNamed },
  { name: "Stitches", title: "Stitch them together", say: sayStitches, view: "near", shows: isKind("zoo", "stitch", "rug"), extra: nothing },
  { name: "The front", title: "One network, every budget", say: sayFront, view: "near", shows: isKind("zoo", "stitch", "rug", "front"), extra: nothing, sweeps: true },
  { name: "Your photo", title: "Your photo, at every budget", say: sayPhoto, view: "close", shows: isKind("zoo", "stitch", "rug", "front"), extra: nothing, sweeps: true },
];

// ---------------------------------------------------------------- steps

function speak() {
  if (step) page.stageText.replaceChildren(...STEPS[step - 1].say());
}

// What can't be drawn leaves the picture before it.
async function go(to) {
  if (!zoo.columns || !state.stitches.length) return;
  const now = Math.min(Math.max(to, 1), STEPS.length);
  if (!step) enter();
  step = now;
  page.root.dataset.step = String(now);
  const { title, view, shows, extra, sweeps } = STEPS[now - 1];
  page.stageTitle.textContent = title;
  for (const button of page.stageSteps.children) {
    if (Number(button.dataset.to) === now) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
  page.stageBack.disabled = now === 1;
  page.stageNext.disabled = now === STEPS.length;
  tell("changed");
  try {
    speak();
    stageTraces({ shows, extra });
    await draw();
    if (step === now) show(view);
  } catch (error) {
    console.error(error);
  }
  if (step !== now) return;
  if (sweeps) startSweep();
  else stopSweep();
  tell("staged");
}

function enter() {
  tell("entering");
  const { xaxis, yaxis } = plot._fullLayout;
  before = { gmacs: state.gmacs, view: page.root.querySelector("[data-view][aria-pressed=true]")?.dataset.view, x: [...xaxis.range], y: [...yaxis.range], focus: document.activeElement };
  isPaused = false;
  share = 0;
  sayPause();
  page.root.classList.add("is-stage");
  page.stage.hidden = false;
  page.stageTitle.focus({ preventScroll: true });
}

async function leave() {
  if (!step) return;
  stopSweep();
  step = 0;
  delete page.root.dataset.step;
  page.root.classList.remove("is-stage");
  page.stage.hidden = true;
  if (document.fullscreenElement) document.exitFullscreen();
  stageTraces(null);
  await draw();
  show(before.view ?? "near");
  window.Plotly.relayout(plot, { "xaxis.range": before.x, "yaxis.range": before.y });
  setBudget(before.gmacs);
  tell("settled");
  tell("changed");
  before.focus?.focus?.({ preventScroll: true });
}

// ---------------------------------------------------------------- the sweep of the budget

const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function startSweep() {
  if (sweeping || isPaused) return;
  at = performance.now();
  sweeping = requestAnimationFrame(onFrame);
}

function stopSweep() {
  cancelAnimationFrame(sweeping);
  sweeping = 0;
}

function onFrame(now) {
  sweeping = requestAnimationFrame(onFrame);
  const pause = isStill() ? 1500 : 0; // where motion is unwelcome: a jump now and then
  if (now - at < pause) return;
  share = (share + (pause ? 0.125 : (now - at) / (1000 * PASS_S))) % 2;
  at = now;
  const [low, high] = span();
  const there = 1 - Math.abs(1 - share);
  setBudget(there >= 1 ? high : low * (high / low) ** there);
}

function pause(what) {
  isPaused = what;
  sayPause();
  if (isPaused) stopSweep();
  else if (step && STEPS[step - 1].sweeps) startSweep();
}

function sayPause() {
  page.stagePause.setAttribute("aria-pressed", String(isPaused));
  page.stagePause.textContent = isPaused ? "Go on" : "Pause";
}

// ---------------------------------------------------------------- keys

const KEYS = {
  ArrowRight: () => go(step + 1), " ": () => go(step + 1), PageDown: () => go(step + 1),
  ArrowLeft: () => go(step - 1), PageUp: () => go(step - 1),
  Home: () => go(1), End: () => go(STEPS.length),
  Escape: leave, p: () => pause(!isPaused),
};

// In a text field keys write; on a button the space bar presses it.
const isTyping = (element) => element.matches?.("input:not([type=range], [type=file]), textarea, select, [contenteditable]");

function onStageKey(event) {
  if (!step || event.altKey || event.ctrlKey || event.metaKey || (isTyping(event.target) && event.key !== "Escape")) return;
  if (event.key === " " && event.target.matches?.("button")) return;
  const example = step === STEPS.length ? page.root.querySelectorAll(".example")[Number(event.key) - 1] : null;
  const action = example ? () => setExample(example).catch(() => (page.error.textContent = LOST)) : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}

export function listen() {
  page.stageSteps.append(...STEPS.map(({ name }, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.to = String(place + 1);
    const words = document.createElement("span");
    words.textContent = ` ${name}`;
    button.append(String(place + 1), words);
    button.setAttribute("aria-label", `Step ${place + 1}: ${name}`);
    button.addEventListener("click", () => go(place + 1));
    return button;
  }));
  page.stageOpen.addEventListener("click", () => go(1));
  page.stageBack.addEventListener("click", () => go(step - 1));
  page.stageNext.addEventListener("click", () => go(step + 1));
  page.stagePause.addEventListener("click", () => pause(!isPaused));
  page.stageLeave.addEventListener("click", leave);
  page.stageFull.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : page.root.requestFullscreen?.())?.catch?.(() => {}));
  page.slider.addEventListener("pointerdown", () => step && pause(true)); // the hand takes over
  document.addEventListener("keydown", onStageKey, true);
  on("network", (network) => {
    layer = network;
    speak();
  });
  on("answer", () => setTimeout(() => step === STEPS.length && speak(), 200)); // behind the sentence of the photo's chart
  on("photo", () => step && pause(false));
  keep("stage", { read: () => (step ? String(step) : null), restore: (text) => (wanted = Number.parseInt(text, 10) || 1) });
  on("restored", () => wanted && go(wanted)); // behind all else: it is what leaving brings back
}
