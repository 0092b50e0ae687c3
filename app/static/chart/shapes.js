// What filters and axes make of the traces that came from the server.

import { state } from "../core.js";
import { xOf, yOf } from "./budget.js";
import { front } from "./frontier.js";

// `zoo` is the zoo's table with its `texts`; `shown` its rows that pass the filters, `picked` one of them or null.
export function shaped(traces, zoo, shown, picked) {
  const isMeasured = state.set === "top1",
    isByCost = state.x === "gmacs";
  const rugged = { x: [], customdata: [], text: [] };
  const found = [];
  for (const trace of traces) {
    const { kind, key } = trace.meta;
    if (kind === "zoo") found.push(membersOf(trace, zoo, shown));
    else if (kind === "front") found.push(isMeasured && isByCost ? { ...trace } : frontOfStitches(trace));
    else if (kind === "stitch" || kind === "rug") found.push(stitchesOf(trace, rugged));
    else if (!isMeasured) found.push({ ...trace, visible: false });
    else if (isByCost) found.push({ ...trace });
    else if (kind === "curve" && trace.meta.label)
      found.push(
        curveByParameters(
          trace,
          traces.find((other) => other.meta.key === key && other.customdata),
        ),
      );
    else found.push(only({ ...trace, x: trace.customdata }, (place) => trace.customdata[place] !== null || kind === "joint"));
  }
  const zooEnd = found.findLastIndex((trace) => trace.meta.kind === "zoo") + 1;
  found.splice(zooEnd, 0, frontOfZoo(zoo, shown));
  if (rugged.x.length) found.push(rug(rugged, zoo));
  if (picked !== null && zoo.columns[state.set][picked] !== null) found.push(mark(zoo, picked));
  return found;
}

const LISTS = ["x", "y", "text", "customdata"];

// The points of a trace that are kept, with all that lies along them.
function only(trace, isKept) {
  const places = [...trace.x.keys()].filter(isKept);
  const pick = (list) => places.map((place) => list[place]);
  for (const name of LISTS) if (Array.isArray(trace[name])) trace[name] = pick(trace[name]);
  if (trace.marker) {
    trace.marker = { ...trace.marker };
    for (const name of ["size", "symbol"]) if (Array.isArray(trace.marker[name])) trace.marker[name] = pick(trace.marker[name]);
  }
  return trace;
}

export const zooX = (zoo) => zoo.columns[state.x === "params" ? "params_m" : "gmacs"];

function membersOf(trace, zoo, shown) {
  const family = zoo.families.indexOf(trace.name);
  const rows = shown.filter((row) => zoo.columns.family[row] === family);
  const values = zoo.columns[state.set],
    xs = zooX(zoo);
  const more = (row) => (state.set === "top1" ? "" : `<br>${values[row].toFixed(2)} % on ${state.setName}`);
  return { ...trace, x: rows.map((row) => xs[row]), y: rows.map((row) => values[row]), customdata: rows, text: rows.map((row) => zoo.texts[row] + more(row)) };
}

function frontOfZoo(zoo, shown) {
  const xs = shown.map((row) => zooX(zoo)[row]),
    ys = shown.map((row) => zoo.columns[state.set][row]);
  const places = front(xs, ys);
  return {
    name: "zoo front",
    x: places.map((place) => xs[place]),
    y: places.map((place) => ys[place]),
    mode: "lines",
    line: { width: 1.6, dash: "dot", shape: "hv" },
    hoverinfo: "skip",
    meta: { kind: "zoofront", key: "zoofront", label: "Zoo front", tone: "ink" },
  };
}

function frontOfStitches(trace) {
  const xs = state.stitches.map(xOf),
    ys = state.stitches.map(yOf);
  const places = front(xs, ys);
  return { ...trace, x: places.map((place) => xs[place]), y: places.map((place) => ys[place]) };
}

// The stitches of a trace that have a height; the others go on the rug.
function stitchesOf(trace, rugged) {
  const byName = new Map(state.stitches.map((stitch) => [stitch.name, stitch]));
  const stitches = trace.customdata.map((name) => byName.get(name));
  const isMeasured = state.set === "top1";
  const text = trace.text.map((words, place) => (isMeasured ? words : `${words}<br>${onSet(stitches[place])}`));
  const isRug = trace.meta.kind === "rug";
  stitches.forEach((stitch, place) => {
    if (yOf(stitch) !== null || (isRug && isMeasured)) return;
    rugged.x.push(xOf(stitch));
    rugged.customdata.push(stitch.name);
    rugged.text.push(text[place]);
  });
  const moved = { ...trace, text, x: stitches.map(xOf), y: isRug ? trace.y : stitches.map(yOf) };
  if (isMeasured) return moved;
  delete moved.error_y; // intervals are of ImageNet-1k
  return only(moved, (place) => !isRug && yOf(stitches[place]) !== null);
}

function onSet(stitch) {
  const value = yOf(stitch);
  return value === null ? `<b>not measured on ${state.setName}</b>` : `<b>${value.toFixed(2)} % on ${state.setName}</b>, published by timm`;
}

function rug({ x, customdata, text }, zoo) {
  return {
    name: "not measured",
    x,
    y: x.map(() => zoo.rug),
    yaxis: "y2",
    customdata,
    text,
    mode: "markers",
    marker: { size: 14, symbol: "line-ns-open", line: { width: 1.8 } },
    hovertemplate: "%{text}<extra></extra>",
    meta: { kind: "rug", tone: "accent" },
  };
}

function curveByParameters(line, dots) {
  const known = [...dots.customdata.keys()].filter((place) => dots.customdata[place] !== null);
  const xs = known.map((place) => dots.customdata[place]),
    ys = known.map((place) => dots.y[place]);
  const places = front(xs, ys);
  return { ...line, x: places.map((place) => xs[place]), y: places.map((place) => ys[place]) };
}

function mark(zoo, row) {
  return {
    name: "picked",
    x: [zooX(zoo)[row]],
    y: [zoo.columns[state.set][row]],
    mode: "markers",
    hoverinfo: "skip",
    marker: { size: 17, symbol: "circle-open", line: { width: 3 } },
    meta: { kind: "picked", tone: "ink" },
  };
}
