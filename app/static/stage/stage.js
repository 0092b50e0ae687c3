// @ts-check
// Stage mode: a scripted story over the page, one idea a screen. Everything that it shows is here already:
// it asks the server for nothing but what a new photo needs.

import { laddersOf } from "../chart/figures.js";
import { drops, labels, large, RUG } from "../chart/traces.js";
import { bold, count, make, makeButton, modelOf, settled } from "../core.js";
import { createKeys } from "./keys.js";

/** @import { Page } from "../core.js" */

const PASS_S = 8; // of the budget, from the smallest stitch to the largest
const STOP_MS = 2000; // at each stitch of the front, where motion is unwelcome
const SLOWEST_MS = 500; // of a frame: a page that was in the background goes on where it was
const RESIZE_MS = 200;
const KNOWN = ["resnet50.a1_in1k", 224]; // a model that most people have met
const BYTES = 4; // of a parameter, in float32

const isKind =
  (...kinds) =>
  (trace) =>
    kinds.includes(trace.meta.kind);

/** @import { Budget } from "../chart/budget.js" */
/** @import { Chart } from "../chart/chart.js" */
/** @import { Network } from "../types.js" */

/**
 * @param {Page} page @param {Budget} budget @param {Chart} chart
 * @param {{setExample: (button: HTMLElement) => void}} photo @param {{bringBack: () => void, setAside: () => void}} zoo
 */
export function createStage(page, { bought, labelRing, setBudget, span }, { draw, frame, ranges, stageTraces }, { setExample }, { bringBack, setAside }) {
  const { elements, keep, on, plot, state, tell, tone } = page;

  /** @type {Network} */
  let layer; // of the network that is shown
  let step = 0; // from 1; 0: not on stage
  let wanted = 0; // the step that the address says
  let before = null; // what leaving brings back
  let drawnAct = null; // what of the traces was drawn last
  let sweeping = 0; // animation frame
  let isPaused = false;
  let share = 0; // of a pass and back, 0 to 2
  let stop = 0; // of a walk over the front and back, in stitches
  let at = 0; // ms, of the last frame
  let turn = 0; // of the newest drawing

  // ---------------------------------------------------------------- the chart's share of the story

  const label = (x, y, text, yaxis) => labels(x, y, text, { em: page.em, ink: tone("ink"), yaxis });

  // On the axis names stand side by side; where they would touch, every other one is a line higher.
  function staggered(names, x) {
    const [low, high] = around().x;
    const needed = (0.95 * page.em * Math.max(0, ...names.map((name) => name.length)) * Math.log(high / low)) / plot.clientWidth;
    const isCrowded = x.some((one, place) => place && Math.log(one / x[place - 1]) < needed);
    return names.map((name, place) => (isCrowded && place % 2 ? `${name}<br> ` : name));
  }

  function firstModel() {
    const { name, image_size: size } = state.zoo.columns;
    const row = name.findIndex((one, place) => one === KNOWN[0] && size[place] === KNOWN[1]);
    const model = modelOf(state.zoo, Math.max(row, 0));
    return { ...model, name: model.name.split(".")[0] };
  }

  // Its two figures, as far as the axes that they are read from.
  function oneModel() {
    const { name, gmacs, top1 } = firstModel();
    const figures = plot.clientWidth < 500 ? name : `${name} · ${gmacs.toFixed(1)} GMACs · ${top1.toFixed(1)} %`;
    return [drops(gmacs, top1), label([gmacs], [top1], [figures])];
  }

  function oneOfMany() {
    const { name, gmacs, top1 } = firstModel();
    return [label([gmacs], [top1], [name])];
  }

  // Each anchor at the size that it was published for, else where it is best known.
  function anchors() {
    const all = state.stitches.filter((stitch) => stitch.is_anchor);
    const names = [...new Set(all.map((stitch) => stitch.name.split("@")[0]))];
    return names
      .map((name) => {
        const sizes = all.filter((stitch) => stitch.name.split("@")[0] === name);
        const best = sizes.find((s) => s.source === "published") ?? sizes.find((s) => s.top1 !== null) ?? sizes[0];
        return { name, gmacs: best.gmacs, top1: best.top1 };
      })
      .sort((a, b) => a.gmacs - b.gmacs);
  }

  // On the axis where nothing has measured them.
  function anchorsNamed() {
    const pick = (some, key) => some.map((anchor) => anchor[key]);
    const all = anchors(),
      measured = all.filter((anchor) => anchor.top1 !== null),
      others = all.filter((anchor) => anchor.top1 === null);
    const heights = others.map(() => RUG),
      names = staggered(pick(others, "name"), pick(others, "gmacs"));
    return [label(pick(measured, "gmacs"), pick(measured, "top1"), pick(measured, "name")), label(pick(others, "gmacs"), heights, names, "y2")].filter(
      (trace) => trace.x.length,
    );
  }

  const wholeZoo = () => ranges("zoo");

  // The network fills the graph, with the zoo's better and larger models around it.
  function around() {
    const xs = state.stitches.map((stitch) => stitch.gmacs),
      ys = state.stitches.map((stitch) => stitch.top1).filter((y) => y !== null);
    const x = [0.75 * Math.min(...xs), 2.2 * Math.max(...xs)];
    const near = state.zoo.columns.top1.filter((_, row) => state.zoo.columns.gmacs[row] >= x[0] && state.zoo.columns.gmacs[row] <= x[1]);
    if (!ys.length) return { x, y: state.view.y };
    return { x, y: [Math.min(...ys) - 3, Math.max(...ys, ...near) + 1.5] };
  }

  const closeUp = () => ranges("close");

  const isAnyMeasured = () => state.stitches.some((stitch) => stitch.top1 !== null);

  function sayModel() {
    const { name, gmacs, top1 } = firstModel();
    return [
      bold(name),
      ` names ${top1.toFixed(1)} % of ImageNet's photos right (timm's figure), for ${gmacs.toFixed(1)} GMACs each: billions of multiplications. Faster? Better? Take another network.`,
    ];
  }

  function sayZoo() {
    const { name, params_m: params } = state.zoo.columns;
    const once = new Map(name.map((one, row) => [one, params[row]]));
    const gigabytes = ([...once.values()].reduce((a, b) => a + b, 0) * BYTES) / 1e3;
    return [
      bold(`${count(once.size)} pretrained models`),
      ` of the timm zoo, each in a file of its own: `,
      bold(`${count(Math.round(gigabytes))} GB`),
      ` together, in float32. Whichever is chosen, its cost is fixed.`,
    ];
  }

  function sayAnchors() {
    const unknown = isAnyMeasured() ? "" : " Nothing has measured them yet: they stand below the chart, at their cost.";
    return [
      bold(
        anchors()
          .map((anchor) => anchor.name)
          .join(", "),
      ),
      `: trained networks, small to large, called anchors. Whoever needs a cost in between has to train another one.${unknown}`,
    ];
  }

  function sayStitches() {
    return ["Small linear layers lead from the blocks of one anchor into the blocks of the next. ", bold(layer.ownership.network)];
  }

  function sayFront() {
    if (!isAnyMeasured()) return ["Nothing has measured this network yet: every budget buys the costliest stitch that it can pay."];
    const { beaten, total } = layer.beats;
    const known = state.stitches.filter((s) => s.top1 !== null).map((s) => s.gmacs);
    const ladder = laddersOf(state.stitches).gmacs;
    const range = `from ${ladder.figure(Math.min(...known), 2)} to ${ladder.figure(Math.max(...known), 2)} GMACs`;
    const sources = [...new Set(state.stitches.filter((s) => s.on_front && s.origin).map((s) => s.origin))].join(" and ");
    const against = layer.beats.nothing ? [] : [" It beats ", bold(`${beaten} of ${total}`), " zoo results in that range, its own anchors left out."];
    return ["One file, ", bold(range), ": each photo may have its own budget, and the best stitch for it runs.", ...against, ` Its accuracies are ${sources}.`];
  }

  function sayPhoto() {
    if (elements.error.textContent && !state.answers.size) return ["That photo got no answer. Drop another, or press E for an example."];
    if (!state.photo)
      return ["Drop a photo, or press E for an example. ", bold(`All ${state.stitches.length} stitches answer`), ", and the answer follows the budget."];
    return [elements.stays.textContent];
  }

  const STEPS = [
    { name: "One model", title: "Every network is one trade-off", say: sayModel, view: wholeZoo, shows: () => false, extra: oneModel },
    { name: "The zoo", title: "So people train a whole zoo", say: sayZoo, view: wholeZoo, shows: isKind("zoo"), extra: oneOfMany },
    { name: "Anchors", title: "Take a few that are trained", say: sayAnchors, view: around, shows: isKind("zoo"), extra: anchorsNamed },
    { name: "Stitches", title: "Stitch them together", say: sayStitches, view: around, shows: isKind("zoo", "stitch", "rug") },
    { name: "The front", title: "One network, every budget", say: sayFront, view: around, shows: isKind("zoo", "stitch", "rug", "front"), sweeps: true },
    { name: "Your photo", title: "Your photo, at every budget", say: sayPhoto, view: closeUp, shows: isKind("zoo", "stitch", "rug", "front"), sweeps: true },
  ];

  // ---------------------------------------------------------------- steps

  // Words that can't be said are left out: whatever fails, the story goes on.
  function speak() {
    if (!step) return;
    let words = [];
    try {
      words = STEPS[step - 1].say();
    } catch (error) {
      console.error(error);
    }
    elements.stageText.replaceChildren(...words);
  }

  // Keys may be faster than drawing: only the newest has its view.
  async function drawAct({ shows, extra = () => [], view }) {
    const drawn = ++turn;
    stageTraces({ shows, dress: large, extra });
    await draw();
    if (page.root.classList.contains("is-stage") && drawn === turn) await frame(view());
  }

  // What can't be drawn leaves the picture before it.
  async function drawStep(now) {
    try {
      await drawAct(STEPS[now - 1]);
      drawnAct = STEPS[now - 1];
    } catch (error) {
      console.error(error);
      if (drawnAct && step === now) await drawAct(drawnAct).catch(console.error);
    }
  }

  async function go(to) {
    if (!state.zoo || !state.stitches.length) return;
    const now = Math.min(Math.max(to, 1), STEPS.length);
    if (!step) enter();
    step = now;
    page.root.dataset.step = String(now);
    elements.stageTitle.textContent = STEPS[now - 1].title;
    for (const button of elements.stageSteps.children) {
      if (Number(button.dataset.to) === now) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    }
    elements.stageBack.disabled = now === 1;
    elements.stageNext.disabled = now === STEPS.length;
    tell("changed");
    speak();
    labelRing(state.chosen);
    await drawStep(now);
    if (step !== now) return;
    if (STEPS[now - 1].sweeps) startSweep();
    else stopSweep();
    tell("staged");
  }

  function enter() {
    tell("entering");
    keys.enter();
    const { xaxis, yaxis } = plot._fullLayout;
    const view = { "xaxis.range": [...xaxis.range], "xaxis.tickvals": plot.layout.xaxis.tickvals, "yaxis.range": [...yaxis.range] };
    before = { gmacs: state.gmacs, view, focus: document.activeElement };
    isPaused = false;
    share = stop = 0;
    sayPause();
    page.root.classList.add("is-stage");
    elements.stage.hidden = false;
    setAside();
    elements.stageTitle.focus({ preventScroll: true });
  }

  async function leave() {
    if (!step) return;
    stopSweep();
    step = 0;
    keys.exit();
    drawnAct = null;
    delete page.root.dataset.step;
    page.root.classList.remove("is-stage");
    elements.stage.hidden = true;
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    bringBack();
    stageTraces(null);
    await draw();
    window.Plotly.relayout(plot, before.view ?? {});
    labelRing(state.chosen); // the text is as large as the page's again
    setBudget(before.gmacs ?? state.opening);
    tell("settled");
    tell("changed");
    before.focus?.focus?.({ preventScroll: true });
  }

  // Another network came, asked for before the stage: its own story, and its own view to go back to.
  function onNetwork(network) {
    layer = network;
    if (!step) return;
    Object.assign(before, { gmacs: null, view: null });
    drawnAct = null;
    setTimeout(() => step && go(step)); // when its budget is set
  }

  // ---------------------------------------------------------------- the sweep of the budget

  const stillness = matchMedia("(prefers-reduced-motion: reduce)");

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
    if (stillness.matches) {
      if (now - at < STOP_MS) return;
      at = now;
      setBudget(nextStop());
      return;
    }
    if (isBehind()) {
      at = now;
      return;
    }
    share = (share + Math.min(now - at, SLOWEST_MS) / (1000 * PASS_S)) % 2;
    at = now;
    const [low, high] = span();
    const there = 1 - Math.abs(1 - share);
    setBudget(there >= 1 ? high : low * (high / low) ** there);
  }

  // While the photo's answers still come, the ring would run ahead of them.
  function isBehind() {
    if (step !== STEPS.length || !state.photo || state.sweep?.error || elements.error.textContent) return false;
    return bought().some((stitch) => !state.answers.has(stitch.name));
  }

  // The stitches that budgets buy, one after the other, there and back.
  function nextStop() {
    const stops = bought().map((stitch) => stitch.gmacs),
      last = stops.length - 1;
    stop = (stop + 1) % Math.max(1, 2 * last);
    return stops[last - Math.abs(last - stop)];
  }

  function pause(what) {
    isPaused = what;
    sayPause();
    if (isPaused) stopSweep();
    else if (step && STEPS[step - 1].sweeps) startSweep();
  }

  function sayPause() {
    elements.stagePause.textContent = isPaused ? "Go on" : "Pause";
  }

  // ---------------------------------------------------------------- keys

  const keys = createKeys(page, {
    at: () => step,
    last: STEPS.length,
    go,
    leave,
    pause: (what = !isPaused) => pause(what),
    setExample,
  });

  elements.stageSteps.append(
    ...STEPS.map(({ name }, place) => {
      const having = { dataset: { to: place + 1 }, ariaLabel: `Step ${place + 1}: ${name}` };
      return makeButton(() => go(place + 1), having, String(place + 1), make("span", {}, ` ${name}`));
    }),
  );
  elements.stageOpen.addEventListener("click", () => go(1));
  elements.stageBack.addEventListener("click", () => go(step - 1));
  elements.stageNext.addEventListener("click", () => go(step + 1));
  elements.stagePause.addEventListener("click", () => pause(!isPaused));
  elements.stageLeave.addEventListener("click", leave);
  // the space bar goes on with the story, and does not press once more what the mouse has pressed
  elements.stage.addEventListener("click", (event) => event.detail && elements.stageTitle.focus({ preventScroll: true }));
  elements.stageFull.addEventListener("click", () =>
    (document.fullscreenElement ? document.exitFullscreen() : page.root.requestFullscreen?.())?.catch?.(() => {}),
  );
  elements.slider.addEventListener("pointerdown", () => step && pause(true)); // the hand takes over
  elements.gmacs.addEventListener("focus", () => step && pause(true));
  addEventListener(
    "resize",
    settled(() => step && go(step), RESIZE_MS), // letters follow the screen's size
  );
  new MutationObserver(() => step === STEPS.length && speak()).observe(elements.error, { childList: true });
  on("network", onNetwork);
  on("answer", () => setTimeout(() => step === STEPS.length && speak(), 200)); // behind the sentence of the photo's chart
  on("photo", () => step && pause(false));
  keep("stage", { read: () => (step ? String(step) : null), restore: (text) => (wanted = Number.parseInt(text, 10) || 1) });
  on("restored", () => wanted && go(wanted)); // behind all else: it is what leaving brings back
}
