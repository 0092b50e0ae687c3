// @ts-check
// What the chart draws, made here from rows: plain data for plotly.js. Colours that follow the theme are given by name in
// `meta.tone`, and filled in last.

import { translucent } from "../core.js";
import { Ladder, laddersOf } from "./figures.js";
import { front } from "./frontier.js";

/** @import { Curve, State, Stitch } from "../types.js" */
/** @typedef {Record<string, any>} Trace */

export const RUG = 0.5; // of the strip's height: where stitches without a known accuracy stand

// Okabe and Ito's colours, told apart by colour-blind eyes; grey for the rest.
const OTHER = "#9AA0AC";
/** @type {Record<string, string>} */
const FAMILIES = {
  ResNet: "#0072B2",
  ViT: "#D55E00",
  EfficientNet: "#009E73",
  MobileNet: "#CC79A7",
  ConvNeXt: "#56B4E9",
  RegNet: "#8C6D1F",
  Swin: "#E69F00",
  LeViT: "#7A5195",
};
/** @type {Record<string, string>} */
const CURVES = {
  deit: "#D55E00",
  swin: "#0072B2",
  levit: "#009E73",
  resnet18_resnet50: "#CC79A7",
  resnet18_swin_ti: "#56B4E9",
  deit3_s_l: "#B8860B",
};
// hollow and barred where estimated, filled diamonds where published, filled circles where measured, hollow squares of a part
const LOOKS = { estimated: "circle-open", published: "diamond", measured: "circle", partial: "square-open" };
const NOTE_WIDTH = 64; // letters of a line under the pointer

/** @param {string} family */
export const familyColour = (family) => FAMILIES[family] ?? OTHER;

/** @param {string} key */
export const curveColour = (key) => CURVES[key] ?? OTHER;

// Where something stands on the chart: on other sets than ImageNet-1k only timm's own models have a height.

/** @param {State} state @param {{gmacs: number, params_m: number}} row */
export const xOf = (state, row) => (state.x === "params" ? row.params_m : row.gmacs);

/** @param {State} state @param {Stitch} stitch @returns {number | null} */
export const yOf = (state, stitch) => (state.set === "top1" ? stitch.top1 : (stitch.sets?.[state.set] ?? null));

/** Whether a stitch's top-1 is of all of ImageNet-1k's classes, as the zoo's: see Accuracy.is_comparable. @param {Stitch} stitch */
export const isComparable = (stitch) => stitch.source !== "partial";

/** The curves that are on the chart: their figures are of ImageNet-1k. @param {State} state */
export const curvesInView = (state) => (state.set === "top1" ? state.curves.filter(({ key }) => key !== state.hides) : []);

/** @param {Trace} trace @returns {Trace} */
const marks = (trace) => ({ mode: "markers", hovertemplate: "%{text}<extra></extra>", ...trace });

/** @param {Trace} trace @returns {Trace} */
const line = (trace) => ({ mode: "lines", hoverinfo: "skip", ...trace });

/** The front of some points. @param {(number | null)[]} xs @param {(number | null)[]} ys */
function along(xs, ys) {
  const places = front(xs, ys);
  return { x: places.map((place) => xs[place]), y: places.map((place) => ys[place]) };
}

/** All that the chart shows when the stage does not choose. @param {State} state @returns {Trace[]} */
export function traces(state) {
  const network = state.stitches.length ? [frontOfStitches(state), ...stitches(state), ...rug(state), ...originals(state)] : [];
  return [...zoo(state), ...curvesInView(state).flatMap((curve) => published(state, curve)), ...network, ...mark(state)];
}

// ---------------------------------------------------------------- the zoo

/** @param {State} state @returns {Trace[]} */
function zoo(state) {
  if (!state.zoo) return [];
  const { columns, families, notes } = state.zoo;
  const { name, family, top1, gmacs, image_size: size, params_m: params } = columns;
  const xs = state.x === "params" ? params : gmacs,
    ys = columns[state.set];
  const words = (/** @type {number} */ row) =>
    `<b>${name[row]}</b><br>${top1[row].toFixed(2)} % top-1, published by timm<br>` +
    `${gmacs[row].toFixed(2)} GMACs at ${size[row]} px, ${params[row].toFixed(1)} M parameters` +
    (state.set === "top1" ? "" : `<br>${ys[row].toFixed(2)} % on ${state.setName}`) +
    (notes[row] ? `<br>${lines(notes[row]).join("<br>")}` : "");
  const members = families.map((title, number) => {
    const rows = state.shown.filter((row) => family[row] === number);
    const pick = (/** @type {any[]} */ list) => rows.map((row) => list[row]);
    const meta = { kind: "zoo", tone: "zoo", colour: familyColour(title) };
    return marks({ name: title, x: pick(xs), y: pick(ys), customdata: rows, text: rows.map(words), marker: { size: 5, opacity: 0.55 }, meta });
  });
  const best = along(
    state.shown.map((row) => xs[row]),
    state.shown.map((row) => ys[row]),
  );
  const meta = { kind: "zoofront", key: "zoofront", label: true, tone: "ink" };
  return [...members, line({ name: "zoo front", ...best, line: { width: 1.6, dash: "dot", shape: "hv" }, meta })];
}

/** A ring around the model that stands beside the stitches. @param {State} state @returns {Trace[]} */
function mark({ zoo, picked, x, set }) {
  if (!zoo || picked === null || zoo.columns[set][picked] === null) return [];
  const at = { x: [zoo.columns[x === "params" ? "params_m" : "gmacs"][picked]], y: [zoo.columns[set][picked]] };
  return [
    marks({ name: "picked", ...at, hoverinfo: "skip", marker: { size: 17, symbol: "circle-open", line: { width: 3 } }, meta: { kind: "picked", tone: "ink" } }),
  ];
}

// ---------------------------------------------------------------- the published networks

/** Its front as a line with its name at the end, all its stitches as dots. @param {State} state @param {Curve} curve @returns {Trace[]} */
function published(state, curve) {
  const { key, title, source, gmacs, top1, params_m: params, index } = curve;
  const list = state.x === "params" ? params : gmacs;
  const places = [...list.keys()].filter((place) => list[place] !== null); // some authors give no parameters
  const x = places.map((place) => list[place]),
    y = places.map((place) => top1[place]);
  const anchors = new Set(curve.anchors),
    color = curveColour(key);
  const ladder = new Ladder(gmacs);
  const text = places.map((place) => {
    const what = anchors.has(place) ? "joint-trained anchor" : `stitch ${index[place]}`;
    const size = params[place] === null ? "" : `, ${params[place].toFixed(1)} M parameters`;
    return `<b>SN-Net ${title}, ${what}</b><br>${top1[place].toFixed(2)} % top-1, published<br>${ladder.figure(gmacs[place], 2)} GMACs${size}<br>${source}`;
  });
  const look = (/** @type {any} */ anchor, /** @type {any} */ stitch) => places.map((place) => (anchors.has(place) ? anchor : stitch));
  const marker = { size: look(8, 4), symbol: look("square", "circle"), color, line: { width: 0 } };
  return [
    line({ name: title, ...along(x, y), line: { width: 1.4, color, shape: "hv" }, meta: { kind: "curve", key, label: true } }),
    marks({ name: title, x, y, text, marker, meta: { kind: "curve", key } }),
  ];
}

// ---------------------------------------------------------------- the network

/** @param {State} state @returns {Trace} */
function frontOfStitches(state) {
  const best = along(
    state.stitches.map((stitch) => xOf(state, stitch)),
    state.stitches.map((stitch) => yOf(state, stitch)),
  );
  return line({ name: "Pareto front", ...best, line: { width: 2.5, shape: "hv" }, meta: { kind: "front", tone: "accent" } });
}

/** The stitches that have a height, a trace a look. @param {State} state @returns {Trace[]} */
function stitches(state) {
  const groups = Object.entries(LOOKS).flatMap(([source, symbol]) =>
    [false, true].flatMap((isAnchor) => [false, true].map((onFront) => ({ source, symbol, isAnchor, onFront }))),
  );
  return groups.flatMap(({ source, symbol, isAnchor, onFront }) => {
    const members = state.stitches.filter((s) => s.source === source && s.is_anchor === isAnchor && s.on_front === onFront && yOf(state, s) !== null);
    if (!members.length) return [];
    const isPublished = source === "published";
    const size = isPublished ? (isAnchor ? 11 : 6) : 8;
    const trace = marks({
      name: source,
      ...stand(state, members),
      y: members.map((stitch) => yOf(state, stitch)),
      marker: { size, symbol, line: { width: isPublished && !isAnchor ? 0 : 1.6 } },
      opacity: onFront || (isPublished && isAnchor) ? 1 : 0.45,
      meta: { kind: "stitch", tone: "accent", anchor: isAnchor },
    });
    // intervals are of ImageNet-1k; of 50,000 photos a bar is shorter than the mark
    if (state.set === "top1" && (isAnchor || !isPublished)) trace.error_y = bars(members, onFront);
    return [trace];
  });
}

/** @param {Stitch[]} members @param {boolean} onFront */
function bars(members, onFront) {
  const ends = (/** @type {(top1: number, interval: [number, number]) => number} */ length) => members.map((s) => length(s.top1 ?? 0, s.interval ?? [0, 0]));
  return {
    type: "data",
    symmetric: false,
    array: ends((top1, [, high]) => high - top1),
    arrayminus: ends((top1, [low]) => top1 - low),
    thickness: onFront ? 1.2 : 0.7,
    width: onFront ? 3 : 0,
  };
}

/** The stitches without a height, on an axis of their own: 0 to 1 over the chart's height. @param {State} state @returns {Trace[]} */
function rug(state) {
  const members = state.stitches.filter((stitch) => yOf(state, stitch) === null);
  if (!members.length) return [];
  const marker = { size: 9, symbol: "diamond-open", line: { width: 1.5 } };
  return [marks({ name: "not measured", ...stand(state, members), y: members.map(() => RUG), yaxis: "y2", marker, meta: { kind: "rug", tone: "accent" } })];
}

/** @param {State} state @param {Stitch[]} members */
const stand = (state, members) => ({
  x: members.map((stitch) => xOf(state, stitch)),
  customdata: members.map(({ name }) => name),
  text: members.map((stitch) => hover(state, stitch) + onSet(state, stitch)),
});

/** @param {State} state @param {Stitch} stitch */
function hover({ stitches }, { name, words, gmacs, params_m: params, top1, interval, origin, note }) {
  const ladders = laddersOf(stitches);
  const head = `<b>${name}</b><br>${words}<br>${ladders.gmacs.figure(gmacs)} GMACs, ${ladders.params_m.figure(params, 2)} M parameters<br>`;
  if (top1 === null || interval === null) return `${head}<b>not measured yet</b>`;
  return `${head}<b>${top1.toFixed(1)} %</b> top-1 [${interval.map((end) => end.toFixed(1)).join(", ")}], ${origin}<br>${lines(note).join("<br>")}`;
}

/** @param {State} state @param {Stitch} stitch */
function onSet(state, stitch) {
  const value = yOf(state, stitch);
  if (state.set === "top1") return "";
  return value === null ? `<br><b>not measured on ${state.setName}</b>` : `<br><b>${value.toFixed(2)} % on ${state.setName}</b>, published by timm`;
}

/** A text broken between words. @param {string} text */
function lines(text) {
  /** @type {string[]} */
  const all = [];
  for (const word of text.split(/\s+/)) {
    const last = all.at(-1);
    if (last !== undefined && last.length + word.length < NOTE_WIDTH) all[all.length - 1] = `${last} ${word}`;
    else all.push(word);
  }
  return all;
}

/** The anchors before joint training as hollow squares, each joined to what it became. @param {State} state @returns {Trace[]} */
function originals(state) {
  const rows = state.set === "top1" ? state.originals : [];
  if (!rows.length) return [];
  const pairs = rows.filter((row) => row.after !== null);
  const text = rows.map((row) => `<b>original ${row.name}</b>: ${row.before.toFixed(2)} % (timm),<br>after joint training ${after(row)}`);
  const marker = { size: 9, symbol: "square-open", line: { width: 1.6 } };
  return [
    line({
      name: "joint training",
      x: pairs.flatMap((row) => [xOf(state, row), xOf(state, row), null]),
      y: pairs.flatMap((row) => [row.before, row.after, null]),
      line: { width: 1.2 },
      meta: { kind: "joint", tone: "ink" },
    }),
    marks({ name: "original", x: rows.map((row) => xOf(state, row)), y: rows.map((row) => row.before), text, marker, meta: { kind: "original", tone: "ink" } }),
  ];
}

/** @param {{before: number, after: number | null}} row */
function after({ before, after }) {
  if (after === null) return "not measured yet";
  const points = (after - before).toFixed(2);
  return `${after.toFixed(2)} % (${(points.startsWith("-") ? points : `+${points}`).replace("-", "−")} points)`;
}

// ---------------------------------------------------------------- the stage

/**
 * Words over points.
 * @param {number[]} x @param {number[]} y @param {string[]} text @param {{em: number, ink: string, yaxis?: string}} look @returns {Trace}
 */
export function labels(x, y, text, { em, ink, yaxis = "y" }) {
  return {
    ...{ x, y, yaxis, text: text.map((words) => `<b>${words}</b>`), mode: "markers+text", textposition: "top center" },
    ...{ textfont: { size: 1.5 * em, color: ink }, hoverinfo: "skip", cliponaxis: false },
    ...{ marker: { size: 1.1 * em, line: { width: 0 } }, meta: { kind: "stage", tone: "accent" } },
  };
}

/** From a point to the axes that its figures are read from. @param {number} x @param {number} y @returns {Trace} */
export const drops = (x, y) => line({ x: [x / 1e4, x, x], y: [y, y, -1], line: { width: 3, dash: "dot" }, meta: { kind: "stage", tone: "accent" } });

/** Seen from the last row: larger marks, a thicker front, and no more bars than its own. @param {Trace} trace @returns {Trace} */
export function large(trace) {
  const { kind } = trace.meta;
  const sized = (/** @type {number} */ factor) => ({ ...trace.marker, size: factor * trace.marker.size });
  if (kind === "zoo") return { ...trace, marker: sized(1.6) };
  if (kind === "front") return { ...trace, line: { ...trace.line, width: 5 } };
  if (kind !== "stitch") return trace;
  const { error_y: bars, ...rest } = trace;
  return { ...rest, marker: sized(1.5), ...(bars && trace.opacity === 1 ? { error_y: bars } : {}) };
}

// ---------------------------------------------------------------- colours

/**
 * Fills in the colours that follow the theme, and the families' when they are asked for.
 * @param {Trace} trace @param {(name: string) => string} tone @param {boolean} byFamily @returns {Trace}
 */
export function coloured(trace, tone, byFamily) {
  const { kind, tone: name, colour } = trace.meta;
  const color = name && tone(name);
  if (kind === "zoo") return { ...trace, marker: { ...trace.marker, color: byFamily ? colour : color }, showlegend: byFamily };
  /** @type {Trace} */
  const look = { ...trace, showlegend: false };
  if (color && trace.line) look.line = { ...trace.line, color };
  if (color && trace.marker) look.marker = { ...trace.marker, color, line: { ...trace.marker.line, color } };
  if (color && trace.error_y) look.error_y = { ...trace.error_y, color: translucent(color, trace.opacity === 1 ? 0.8 : 0.35) };
  return look;
}
