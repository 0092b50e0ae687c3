// The frontier chart: the zoo, the published curves, and the network's stitches over them.

import { keep, on, page, plot, state, tell, tone, translucent } from "../core.js";
import { placeRing, setBudget, xOf, yOf } from "./budget.js";

const ZOO_VIEW = { x: [0.15, 60], y: [62, 91] }; // until the network has told its own
const X_TITLES = { gmacs: "Cost of one image, GMACs", params: "Parameters, M" };

let givenTraces = []; // the traces as they came from the server
let reshape = (traces) => traces; // what filters and axes make of them: new traces
let drawnAxes = ""; // that are drawn

let act = null; // what the stage shows of them: {shows(trace), dress(trace), extra traces}; null: all
let lastShaped = []; // all traces, shown or not: views are chosen by them

// Shows some traces only, and others beside them; null shows all again.
export function stageTraces(what) {
  act = what;
}

// Has all traces pass through here before they are drawn.
export function shapeBy(maker) {
  reshape = maker;
}

// Fills in the colours that follow the theme, and the families' when they are asked for.
function coloured(trace) {
  const { kind, tone: name, colour } = trace.meta;
  const byFamily = page.families.getAttribute("aria-pressed") === "true";
  const own = name ? tone(name) : null;
  if (kind === "zoo") {
    trace.marker = { ...trace.marker, color: byFamily ? colour : own };
    trace.showlegend = byFamily;
  } else {
    trace.showlegend = false;
    if (own && trace.line) trace.line = { ...trace.line, color: own };
    if (own && trace.marker) trace.marker = { ...trace.marker, color: own, line: { ...trace.marker.line, color: own } };
    if (trace.error_y) trace.error_y = { ...trace.error_y, color: translucent(own, trace.opacity === 1 ? 0.8 : 0.35) };
  }
  return trace;
}

// Every curve's name stands above or below the last of its points in view, as near as the other names leave
// room; nowhere if none is left.
function placeNames() {
  const { xaxis, yaxis } = plot._fullLayout;
  const right = xaxis._offset + xaxis._length,
    bottom = yaxis._offset + yaxis._length;
  const taken = [];
  for (const { name, key } of state.names) {
    const trace = plot.data.find((drawn) => drawn.meta.label && drawn.meta.key === key);
    const at = !trace || trace.visible === false ? null : lastInView(trace, xaxis, yaxis);
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

const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

// Gives a line its name on the chart: one line of each key has a `meta.label`.
export function nameLine(key, label, colour) {
  const name = document.createElement("span");
  const mark = document.createElement("i");
  mark.style.background = colour;
  name.append(mark, label);
  page.names.append(name);
  state.names.push({ name, key });
}

function placeAll() {
  placeNames();
  placeRing();
  tell("drawn");
}

// Round GMACs over a range of exponents: 1, 2, 5 of each power of ten, every digit where less than one fits; fewer on a phone.
function ticks([low, high]) {
  const span = high - low;
  const wide = span < 1 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 5],
    narrow = span < 1 ? [1, 2, 3, 5] : span < 2 ? [1, 2, 5] : [1];
  const digits = plot.clientWidth < 500 ? narrow : wide;
  const powers = [-4, -3, -2, -1, 0, 1, 2, 3];
  return powers.flatMap((power) => digits.map((digit) => Number((digit * 10 ** power).toPrecision(1))));
}

const pressed = () => page.root.querySelector("[data-view][aria-pressed=true]").dataset.view;

const toAxis = (range) => (state.scale === "log" ? range.map(Math.log10) : [...range]);

const ticksOf = (range) => (state.scale === "log" ? ticks(range) : null);

// What is in view stays so when colours or filters change; other axes begin with the view that is chosen.
function rangesOf(traces) {
  const shown = plot.layout;
  const now = `${state.x} ${state.scale} ${state.set}`;
  const isSame = shown && now === drawnAxes;
  const isFirst = drawnAxes === "";
  drawnAxes = now;
  if (isSame) return { x: [...shown.xaxis.range], y: [...shown.yaxis.range] };
  const { x, y } = isFirst && isPlain() ? ZOO_VIEW : ranges(pressed(), traces);
  return { x: toAxis(x), y: [...y] };
}

const isPlain = () => state.x === "gmacs" && state.set === "top1";

function layout(traces) {
  const ink = tone("soft");
  const family = getComputedStyle(page.root).fontFamily;
  const size = parseFloat(getComputedStyle(page.line).fontSize); // px, the page's smallest
  const axis = { gridcolor: tone("line"), linecolor: tone("line"), zeroline: false, tickfont: { color: ink }, ticks: "outside", tickcolor: tone("line") };
  const title = (text) => ({ text, font: { color: ink, size: size + 1 }, standoff: 8 });
  const { x, y } = rangesOf(traces);
  return {
    margin: { l: Math.max(52, 4.4 * size), r: 12, t: 10, b: Math.max(46, 4 * size) },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family, color: ink, size },
    hoverlabel: { align: "left", bgcolor: tone("card"), bordercolor: tone("accent"), font: { family, color: tone("ink"), size } },
    hovermode: "closest",
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "pan", // a finger scrolls the page
    xaxis: { ...axis, type: state.scale, title: title(`${X_TITLES[state.x]}${state.scale === "log" ? " (log scale)" : ""}`), range: x, tickvals: ticksOf(x) },
    yaxis: { ...axis, title: title(`Top-1 on ${state.setName}, %`), range: y },
    yaxis2: { overlaying: "y", range: [0, 1], fixedrange: true, visible: false }, // of the unmeasured: stays where it is
    legend: { orientation: "h", x: 1, xanchor: "right", y: 0.01, yanchor: "bottom", bgcolor: translucent(tone("card"), 0.85), font: { size: size - 1 } },
    uirevision: drawnAxes, // a hand's zoom is kept on the same axes
  };
}

const CONFIG = { displaylogo: false, showSendToCloud: false, responsive: true, scrollZoom: false, displayModeBar: false };

export async function draw(traces = givenTraces) {
  givenTraces = traces;
  lastShaped = reshape(traces);
  const drawn = act ? [...lastShaped.filter(act.shows).map(act.dress), ...act.extra()] : lastShaped;
  await window.Plotly.react(plot, drawn.map(coloured), layout(lastShaped), CONFIG);
  const { width, height } = plot._fullLayout;
  if (height !== plot.clientHeight || width !== plot.clientWidth) await window.Plotly.Plots.resize(plot); // more lines below it
  placeAll();
}

export function ranges(view, traces = lastShaped) {
  const xs = state.stitches.map(xOf),
    heights = state.stitches.map(yOf).filter((y) => y !== null);
  const zoo = traces.filter((t) => t.meta.kind === "zoo");
  const isLog = state.scale === "log";
  if (view === "close" && xs.length) {
    const x = [0.92 * Math.min(...xs), 1.08 * Math.max(...xs)];
    const intervals = state.set === "top1" ? state.stitches.filter((s) => s.interval).map((s) => s.interval) : heights.map((y) => [y - 2, y + 2]);
    if (intervals.length) return { x, y: [Math.min(...intervals.map((i) => i[0])) - 0.5, Math.max(...intervals.map((i) => i[1])) + 0.5] };
    return { x, y: state.set === "top1" ? state.view.y : neighbours(zoo, x, heights) };
  }
  if (view === "zoo") {
    const all = [...zoo.flatMap((t) => t.x), ...xs],
      ys = [...zoo.flatMap((t) => t.y), ...heights];
    if (!ys.length) return ZOO_VIEW; // the filters leave nothing
    const most = Math.max(...all);
    return { x: isLog ? [0.8 * Math.min(...all), 1.25 * most] : [0, 1.03 * most], y: [Math.min(...ys) - 1, Math.max(...ys) + 1] };
  }
  if (!xs.length) return isPlain() ? ZOO_VIEW : ranges("zoo", traces);
  const x = isLog ? [0.5 * Math.min(...xs), 10 * Math.max(...xs)] : [0, 3 * Math.max(...xs)];
  if (isPlain() && state.view) return { x: isLog ? state.view.x : x, y: state.view.y };
  return { x, y: neighbours(zoo, x, heights) };
}

// The accuracies around a network that are worth a look: the better three quarters of the zoo there, and its own.
function neighbours(zoo, [low, high], heights) {
  const near = zoo.flatMap((t) => t.y.filter((_, place) => t.x[place] >= low && t.x[place] <= high)).sort((a, b) => a - b);
  const bottom = [...heights.map((y) => y - 5), ...(near.length ? [near[Math.floor(near.length / 4)] - 8] : [])];
  const top = [...heights.map((y) => y + 9), ...(near.length ? [near.at(-1) + 3] : [])];
  return bottom.length ? [Math.max(-2, Math.min(...bottom)), Math.min(100, Math.max(...top))] : ZOO_VIEW.y;
}

export function show(view) {
  for (const button of page.root.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
  frame(ranges(view));
  tell("changed");
}

// Brings these GMACs (or parameters) and accuracies into view.
export function frame({ x, y }) {
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
export async function begin(traces) {
  state.zoo = traces;
  // Gradio's base says nothing that the address does not; but with one, plotly.js clips its graphs by the full
  // address, and once a link has changed that, the browser asks the server for it, or clips no longer.
  document.querySelector("base[href='./']")?.remove();
  for (const { meta, line } of traces) if (meta.label) nameLine(meta.key, meta.label, line.color);
  await draw(traces);
  plot.on("plotly_click", onPointClick);
  plot.on("plotly_afterplot", placeAll);
  plot.on("plotly_relayouting", placeAll);
  keep("view", { read: () => (pressed() === "near" ? null : pressed()), restore: (text) => ["near", "zoo", "close"].includes(text) && show(text) });
  keep("families", {
    when: "start",
    read: () => (page.families.getAttribute("aria-pressed") === "true" ? "1" : null),
    restore: (text) => {
      page.families.setAttribute("aria-pressed", String(text === "1"));
      draw();
    },
  });
  for (const button of page.root.querySelectorAll("[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
  page.families.addEventListener("click", () => {
    page.families.setAttribute("aria-pressed", String(page.families.getAttribute("aria-pressed") !== "true"));
    tell("changed");
    draw();
  });
  on("theme", () => draw());
}
