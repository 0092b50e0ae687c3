// The frontier chart: the zoo, the published curves, and the network's stitches over them.

import { placeRing, setBudget } from "./budget.js";
import { on, page, plot, state, tell, tone, translucent } from "./core.js";

const ZOO_VIEW = { x: [0.15, 60], y: [62, 91] }; // until the network has told its own

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
  const right = xaxis._offset + xaxis._length, bottom = yaxis._offset + yaxis._length;
  const taken = [];
  for (const { name, trace } of state.names) {
    const at = trace.visible === false ? null : lastInView(trace, xaxis, yaxis);
    name.hidden = at === null;
    if (name.hidden) continue;
    const { offsetWidth: width, offsetHeight: height } = name;
    const x = Math.max(xaxis._offset, Math.min(at.x - width / 2, right - width));
    const rows = [0, 1, 2, 3].map((row) => row * (height + 1) + 7);
    const free = rows.flatMap((away) => [at.y - away - height, at.y + away]).find(
      (y) => y >= yaxis._offset && y + height <= bottom && !taken.some((box) => overlap(box, { x, y, width, height })),
    );
    name.hidden = free === undefined;
    if (name.hidden) continue;
    taken.push({ x, y: free, width, height });
    name.style.transform = `translate(${x}px, ${free}px)`;
  }
}

function lastInView(trace, xaxis, yaxis) {
  for (let place = trace.x.length - 1; place >= 0; place--) {
    const x = xaxis.d2p(trace.x[place]), y = yaxis.d2p(trace.y[place]);
    if (x >= 0 && x <= xaxis._length && y >= 0 && y <= yaxis._length) return { x: x + xaxis._offset, y: y + yaxis._offset };
  }
  return null;
}

const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function nameCurves(traces) {
  state.names = traces.filter((trace) => trace.meta.label).map((trace) => {
    const name = document.createElement("span");
    const mark = document.createElement("i");
    mark.style.background = trace.line.color;
    name.append(mark, trace.meta.label);
    page.names.append(name);
    return { name, trace };
  });
}

function placeAll() {
  placeNames();
  placeRing();
  tell("drawn");
}

// Round GMACs over a range of exponents: 1, 2, 5 of each power of ten, every digit where less than one fits.
function ticks([low, high]) {
  const digits = high - low < 1 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 5];
  const powers = [-4, -3, -2, -1, 0, 1, 2, 3];
  return powers.flatMap((power) => digits.map((digit) => Number((digit * 10 ** power).toPrecision(1))));
}

function layout() {
  const ink = tone("soft");
  const family = getComputedStyle(page.root).fontFamily;
  const size = parseFloat(getComputedStyle(page.line).fontSize); // px, the page's smallest
  const axis = { gridcolor: tone("line"), linecolor: tone("line"), zeroline: false, tickfont: { color: ink }, ticks: "outside", tickcolor: tone("line") };
  const title = (text) => ({ text, font: { color: ink, size: size + 1 }, standoff: 8 });
  const shown = plot.layout; // a change of colours keeps what is in view
  const x = shown ? [...shown.xaxis.range] : ZOO_VIEW.x.map(Math.log10);
  const y = shown ? [...shown.yaxis.range] : ZOO_VIEW.y;
  return {
    margin: { l: 52, r: 12, t: 10, b: 46 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family, color: ink, size },
    hoverlabel: { align: "left", bgcolor: tone("card"), bordercolor: tone("accent"), font: { family, color: tone("ink"), size } },
    hovermode: "closest",
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "pan", // a finger scrolls the page
    xaxis: { ...axis, type: "log", title: title("Cost of one image, GMACs (log scale)"), range: x, tickvals: ticks(x) },
    yaxis: { ...axis, title: title("Top-1 on ImageNet-1k, %"), range: y },
    yaxis2: { overlaying: "y", range: [0, 1], fixedrange: true, visible: false }, // of the unmeasured: stays where it is
    legend: { orientation: "h", x: 1, xanchor: "right", y: 0.01, yanchor: "bottom", bgcolor: translucent(tone("card"), 0.85), font: { size: size - 1 } },
    uirevision: "kept",
  };
}

const CONFIG = { displaylogo: false, showSendToCloud: false, responsive: true, scrollZoom: false, displayModeBar: false };

export async function draw(traces) {
  await window.Plotly.react(plot, traces.map(coloured), layout(), CONFIG);
  if (plot._fullLayout.height !== plot.clientHeight) await window.Plotly.Plots.resize(plot); // more lines below it
  placeAll();
}

function ranges(view) {
  const gmacs = state.stitches.map((s) => s.gmacs);
  if (view === "close" && gmacs.length) {
    const lows = state.stitches.filter((s) => s.interval).map((s) => s.interval);
    const y = lows.length ? [Math.min(...lows.map((i) => i[0])) - 0.5, Math.max(...lows.map((i) => i[1])) + 0.5] : state.view.y;
    return { x: [0.92 * Math.min(...gmacs), 1.08 * Math.max(...gmacs)], y };
  }
  if (view === "zoo") {
    const zoo = plot.data.filter((t) => t.meta.kind === "zoo");
    const xs = zoo.flatMap((t) => t.x), ys = zoo.flatMap((t) => t.y);
    return { x: [0.8 * Math.min(...xs, ...gmacs), 1.25 * Math.max(...xs)], y: [Math.min(...ys) - 1, Math.max(...ys) + 1] };
  }
  return state.view ?? ZOO_VIEW;
}

export function show(view) {
  for (const button of page.root.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
  const { x, y } = ranges(view);
  const exponents = x.map(Math.log10);
  window.Plotly.relayout(plot, { "xaxis.range": exponents, "xaxis.tickvals": ticks(exponents), "yaxis.range": [...y] });
}

function onPointClick(event) {
  const point = event.points.find((p) => ["stitch", "rug"].includes(p.data.meta?.kind));
  if (!point) return;
  setBudget(point.x, "chart", state.stitches.find((stitch) => stitch.name === point.customdata));
  tell("settled");
}

// Draws the zoo; what follows the chart and the theme does so from here on.
export async function begin(traces) {
  state.zoo = traces;
  nameCurves(traces);
  await draw(traces);
  plot.on("plotly_click", onPointClick);
  plot.on("plotly_afterplot", placeAll);
  plot.on("plotly_relayouting", placeAll);
  for (const button of page.root.querySelectorAll("[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
  page.families.addEventListener("click", () => {
    page.families.setAttribute("aria-pressed", String(page.families.getAttribute("aria-pressed") !== "true"));
    draw(plot.data);
  });
  on("theme", () => draw(plot.data));
}
