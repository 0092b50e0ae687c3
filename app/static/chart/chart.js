// @ts-check
// The frontier chart: the zoo, the published curves, and the network's stitches over them.

import { make, press, translucent } from "../core.js";
import { CONFIG, look, roundNumbers } from "./look.js";
import { onDoubleClick, pinches } from "./pinch.js";
import { coloured, curveColour, isComparable, traces, xOf, yOf } from "./traces.js";

/** @import { Page } from "../core.js" */

const ZOO_VIEW = { x: [0.15, 60], y: [62, 91] }; // until the network has told its own
const X_TITLES = { gmacs: "Work per photo, billion multiplications (GMACs)", params: "Parameters, million" };
const NARROW_X = "Work per photo (GMACs)";
const STRIP = 0.09; // of the graph's height: where stitches stand whose accuracy is unknown

const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** @import { Budget } from "./budget.js" */
/** @typedef {ReturnType<typeof createChart>} Chart */

/** @param {Page} page @param {Budget} budget */
export function createChart(page, { alignSlider, placeRing, setBudget }) {
  const { elements, keep, on, plot, state, tell, tone } = page;

  let drawnAxes = ""; // that are drawn

  /** @type {{shows: (trace: any) => boolean, dress: (trace: any) => any, extra: () => any[]} | null} */
  let act = null; // what the stage shows of them: {shows(trace), dress(trace), extra traces}; null: all
  let newest = []; // all traces, shown or not: views are chosen by them

  // Shows some traces only, and others beside them; null shows all again.
  function stageTraces(what) {
    act = what;
  }

  // Every curve's name stands above or below the last of its points in view, as near as the other names leave
  // room; nowhere if none is left.
  function placeNames() {
    const { xaxis, yaxis } = plot._fullLayout;
    const right = xaxis._offset + xaxis._length,
      bottom = yaxis._offset + yaxis._length;
    const taken = [];
    for (const { name, key } of state.names) {
      const trace = plot.data.find(({ meta }) => meta.label && meta.key === key);
      const at = !trace ? null : lastInView(trace, xaxis, yaxis);
      name.hidden = at === null;
      if (name.hidden) continue;
      const { offsetWidth: width, offsetHeight: height } = name;
      const x = Math.max(xaxis._offset, Math.min(at.x - width / 2, right - width));
      const rows = [0, 1, 2, 3].map((row) => row * (height + 1) + 7);
      const free = rows
        .flatMap((away) => [at.y - away - height, at.y + away])
        .find((y) => y >= yaxis._offset && y + height <= bottom && !taken.some((box) => overlap(box, { x, y, width, height })));
      name.hidden = free === undefined;
      if (name.hidden) continue;
      taken.push({ x, y: free, width, height });
      name.style.transform = `translate(${x}px, ${free}px)`;
    }
  }

  function lastInView(trace, xaxis, yaxis) {
    for (let place = trace.x.length - 1; place >= 0; place--) {
      const x = xaxis.d2p(trace.x[place]),
        y = yaxis.d2p(trace.y[place]);
      if (x >= 0 && x <= xaxis._length && y >= 0 && y <= yaxis._length) return { x: x + xaxis._offset, y: y + yaxis._offset };
    }
    return null;
  }

  // Gives a line its name on the chart: one line of each key has a `meta.label`.
  function nameLine(key, label, colour) {
    const name = make("span", {}, make("i", { style: `background: ${colour}` }), label);
    elements.names.append(name);
    state.names.push({ name, key });
  }

  function placeAll() {
    placeNames();
    placeRing();
    alignSlider();
    tell("drawn");
  }

  // Round GMACs over a range of exponents: 1, 2, 5 of each power of ten, every digit where less than one fits; fewer on a phone.
  /** @param {number[]} range */
  function ticks([low, high]) {
    const span = high - low;
    const wide = span < 1 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 5],
      narrow = span < 1 ? [1, 2, 3, 5] : span < 2 ? [1, 2, 5] : [1];
    return roundNumbers(plot.clientWidth < 500 ? narrow : wide);
  }

  let named = "close"; // the view that a button gave last; a hand's own view has no button

  const pressed = () => named;

  const pressNone = () => press(page.all("[data-view]"), () => false);

  const toAxis = (range) => (state.scale === "log" ? range.map(Math.log10) : [...range]);

  const ticksOf = (range) => (state.scale === "log" ? ticks(range) : null);

  // What is in view stays so when colours or filters change; other axes begin with the view that is chosen.
  function rangesOf(all) {
    const before = plot.layout;
    const now = `${state.x} ${state.scale} ${state.set}`;
    const isSame = before && now === drawnAxes;
    const isFirst = drawnAxes === "";
    drawnAxes = now;
    if (isSame) return { x: [...before.xaxis.range], y: [...before.yaxis.range] };
    const { x, y } = isFirst && isPlain() ? ZOO_VIEW : ranges(pressed(), all);
    return { x: toAxis(x), y: [...y] };
  }

  const isPlain = () => state.x === "gmacs" && state.set === "top1";

  // The network's own figures may be of fewer classes than the axis says.
  function partialWords() {
    const partial = state.set === "top1" ? state.stitches.find((stitch) => !isComparable(stitch)) : undefined;
    return partial ? ` (this network's: on ${partial.classes} classes)` : "";
  }

  function layout(all) {
    const { axis: plain, layout: shared } = look(page, "accent");
    const { em: size } = page;
    const axis = { ...plain, ticks: "outside", tickcolor: tone("line") };
    const title = (text) => ({ text, font: { color: tone("soft"), size: size + 1 }, standoff: 8 });
    const { x, y } = rangesOf(all);
    const isOnStrip = all.some(({ meta }) => meta.kind === "rug");
    const of = state.set === "top1" ? "" : ` on ${state.setName}`;
    return {
      ...shared,
      margin: { l: Math.max(52, 4.4 * size), r: 12, t: 10, b: Math.max(46, 4 * size) },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "pan", // a finger scrolls the page
      xaxis: {
        ...axis,
        anchor: isOnStrip ? "y2" : "y",
        type: state.scale,
        title: title(plot.clientWidth < 500 && state.x === "gmacs" ? NARROW_X : X_TITLES[state.x]),
        range: x,
        tickvals: ticksOf(x),
      },
      yaxis: { ...axis, title: title(`Photos named right, %${of}${partialWords()}`), range: y, domain: [isOnStrip ? STRIP + 0.03 : 0, 1] },
      ...(isOnStrip ? strip() : {}),
      legend: { orientation: "h", x: 1, xanchor: "right", y: 0.01, yanchor: "bottom", bgcolor: translucent(tone("card"), 0.85), font: { size: size - 1 } },
      uirevision: drawnAxes, // a hand's zoom is kept on the same axes
    };
  }

  // Below the axis of accuracies: what has none has no height.
  function strip() {
    const words = { text: "accuracy unknown", showarrow: false, font: { size: page.em - 1, color: tone("soft") }, bgcolor: tone("card") };
    return {
      yaxis2: { range: [0, 1], domain: [0, STRIP], fixedrange: true, showticklabels: false, showgrid: false, zeroline: false },
      annotations: [{ ...words, xref: "paper", yref: "paper", x: 0.005, y: STRIP, xanchor: "left", yanchor: "top" }],
      shapes: [
        { type: "rect", xref: "paper", yref: "paper", x0: 0, x1: 1, y0: 0, y1: STRIP, line: { width: 1, color: tone("line"), dash: "dot" }, layer: "below" },
      ],
    };
  }

  const isByFamily = () => elements.families.getAttribute("aria-pressed") === "true";

  async function draw() {
    newest = traces(state);
    const picture = act ? [...newest.filter(act.shows).map(act.dress), ...act.extra()] : newest;
    await window.Plotly.react(
      plot,
      picture.map((trace) => coloured(trace, tone, isByFamily())),
      layout(newest),
      CONFIG,
    );
    const { width, height } = plot._fullLayout;
    if (height !== plot.clientHeight || width !== plot.clientWidth) await window.Plotly.Plots.resize(plot); // more lines below it
    placeAll();
  }

  function ranges(view, all = newest) {
    const xs = state.stitches.map((stitch) => xOf(state, stitch)),
      heights = state.stitches.map((stitch) => yOf(state, stitch)).filter((y) => y !== null);
    const zoo = all.filter((t) => t.meta.kind === "zoo");
    const isLog = state.scale === "log";
    if (view === "close" && xs.length) {
      const x = [0.92 * Math.min(...xs), 1.08 * Math.max(...xs)];
      const intervals = state.set === "top1" ? state.stitches.filter((s) => s.interval).map((s) => s.interval) : heights.map((y) => [y - 2, y + 2]);
      if (intervals.length) return { x, y: [Math.min(...intervals.map((i) => i[0])) - 0.5, Math.max(...intervals.map((i) => i[1])) + 0.5] };
      return { x, y: state.set === "top1" ? state.view.y : neighbours(zoo, x, heights) };
    }
    if (view === "zoo") {
      const everyX = [...zoo.flatMap((t) => t.x), ...xs],
        ys = [...zoo.flatMap((t) => t.y), ...heights];
      if (!ys.length) return ZOO_VIEW; // the filters leave nothing
      const most = Math.max(...everyX);
      return { x: isLog ? [0.8 * Math.min(...everyX), 1.25 * most] : [0, 1.03 * most], y: [Math.min(...ys) - 1, Math.max(...ys) + 1] };
    }
    if (!xs.length) return isPlain() ? ZOO_VIEW : ranges("zoo", all);
    const x = isLog ? [0.5 * Math.min(...xs), 10 * Math.max(...xs)] : [0, 3 * Math.max(...xs)];
    if (isPlain() && state.view) return { x: isLog ? state.view.x : x, y: state.view.y };
    return { x, y: neighbours(zoo, x, heights) };
  }

  // The accuracies around a network that are worth a look: the better three quarters of the zoo there, and its own.
  /** @param {any[]} zoo @param {number[]} range @param {number[]} heights */
  function neighbours(zoo, [low, high], heights) {
    const near = zoo.flatMap((t) => t.y.filter((_, place) => t.x[place] >= low && t.x[place] <= high)).sort((a, b) => a - b);
    const bottom = [...heights.map((y) => y - 5), ...(near.length ? [near[Math.floor(near.length / 4)] - 8] : [])];
    const top = [...heights.map((y) => y + 9), ...(near.length ? [near.at(-1) + 3] : [])];
    return bottom.length ? [Math.max(-2, Math.min(...bottom)), Math.min(100, Math.max(...top))] : ZOO_VIEW.y;
  }

  function show(view) {
    named = view;
    press(page.all("[data-view]"), (button) => button.dataset.view === view);
    frame(ranges(view));
    tell("changed");
  }

  // Brings these GMACs (or parameters) and accuracies into view.
  function frame({ x, y }) {
    const range = toAxis(x);
    return window.Plotly.relayout(plot, { "xaxis.range": range, "xaxis.tickvals": ticksOf(range), "yaxis.range": [...y] });
  }

  function onPointClick(event) {
    const point = event.points.find((p) => ["stitch", "rug"].includes(p.data.meta?.kind));
    if (point) {
      const stitch = state.stitches.find((one) => one.name === point.customdata);
      setBudget(stitch.gmacs, "chart", stitch);
      tell("settled");
      return;
    }
    const model = event.points.find((p) => p.data.meta?.kind === "zoo");
    if (model) tell("pick", model.customdata);
  }

  // Draws the zoo; what follows the chart and the theme does so from here on.
  async function begin() {
    // Gradio's base says nothing that the address does not; but with one, plotly.js clips its graphs by the full
    // address, and once a link has changed that, the browser asks the server for it, or clips no longer.
    document.querySelector("base[href='./']")?.remove();
    nameLine("zoofront", "Zoo front", "var(--ink)");
    for (const { key, title } of state.curves) nameLine(key, title, curveColour(key));
    await draw();
    plot.on("plotly_click", onPointClick);
    plot.on("plotly_afterplot", placeAll);
    plot.on("plotly_relayouting", () => {
      pressNone();
      placeAll();
    });
    onDoubleClick(plot, () => show(named));
    pinches(plot, pressNone);
    keep("view", { read: () => (pressed() === "close" ? null : pressed()), restore: (text) => ["near", "zoo", "close"].includes(text) && show(text) });
    keep("families", {
      when: "start",
      read: () => (isByFamily() ? "1" : null),
      restore: (text) => {
        elements.families.setAttribute("aria-pressed", String(text === "1"));
        draw();
      },
    });
    for (const button of page.all("[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
    elements.families.addEventListener("click", () => {
      elements.families.setAttribute("aria-pressed", String(!isByFamily()));
      tell("changed");
      draw();
    });
    on("theme", () => draw());
  }

  return { begin, draw, frame, pressed, ranges, show, stageTraces };
}
