// Against the zoo: its table, filters and axes, and how much of it the network beats.

import { labelRing, yOf } from "../chart/budget.js";
import { draw, nameLine, shapeBy } from "../chart/chart.js";
import { beats } from "../chart/frontier.js";
import { shaped } from "../chart/shapes.js";
import { bold, keep, on, page, state, tell } from "../core.js";
import { exportCsv, exportImage } from "./exports.js";

const TYPING_MS = 120; // after which what was typed is looked for
const AXES = { x: ["gmacs", "params"], scale: ["log", "linear"] };
const NO_FILTERS = { name: "", families: [], size: "", pretraining: "", params: [null, null], gmacs: [null, null] };

export const zoo = { columns: null, families: [], texts: [], sets: {}, pretraining: {}, kinds: [], rug: 0 }; // the zoo's table, by columns
export let shown = []; // the rows that pass the filters
let filters = { ...NO_FILTERS };
let typing = 0; // timer
let isDue = false; // whether the chart is about to be drawn
let definition = null; // {definition, nothing}: what Python says of the network's count

// ---------------------------------------------------------------- filters

// One test for all patterns: with * or ? of the whole name, without of any part of it.
function namesTest(text) {
  const patterns = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  if (!patterns.length) return () => true;
  const escaped = (pattern) =>
    pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
  const sources = patterns.map((pattern) => (/[*?]/.test(pattern) ? `^${escaped(pattern)}$` : escaped(pattern)));
  const found = new RegExp(sources.join("|"));
  return (name) => found.test(name.toLowerCase());
}

const within = (value, [low, high]) => (low === null || value >= low) && (high === null || value <= high);

function passing() {
  const { name, family, image_size: size, pretraining, params_m: params, gmacs } = zoo.columns;
  const isNamed = namesTest(filters.name),
    values = zoo.columns[state.set];
  const families = new Set(filters.families.map((one) => zoo.families.indexOf(one)));
  const kind = filters.pretraining === "" ? null : zoo.kinds.indexOf(filters.pretraining);
  return [...name.keys()].filter(
    (row) =>
      values[row] !== null &&
      (!families.size || families.has(family[row])) &&
      (filters.size === "" || size[row] === Number(filters.size)) &&
      (kind === null || pretraining[row] === kind) &&
      within(params[row], filters.params) &&
      within(gmacs[row], filters.gmacs) &&
      isNamed(name[row]),
  );
}

export const isFiltered = () => JSON.stringify(filters) !== JSON.stringify(NO_FILTERS);

const PLAIN = { x: "gmacs", scale: "log", set: "top1" };
let aside = null; // axes and filters, while the stage tells of all models

const isChanged = () => isFiltered() || state.x !== "gmacs" || state.scale !== "log" || state.set !== "top1";

// The filters in a few words, for a chart that leaves the page.
export function filtersInWords() {
  const range = ([low, high], unit) => (low === null && high === null ? "" : `${low ?? 0} to ${high ?? "any"} ${unit}`);
  return [
    filters.name,
    filters.families.join(", "),
    filters.size && `${filters.size} px`,
    zoo.pretraining[filters.pretraining] ?? "",
    range(filters.params, "M parameters"),
    range(filters.gmacs, "GMACs"),
  ]
    .filter(Boolean)
    .join(" · ");
}

function change(what) {
  clearTimeout(typing);
  filters = { ...filters, ...what };
  apply();
}

function later(what) {
  filters = { ...filters, ...what };
  clearTimeout(typing);
  typing = setTimeout(apply, TYPING_MS);
}

function apply() {
  if (!zoo.columns) return;
  follow();
  redraw();
  tell("changed");
}

function follow() {
  shown = passing();
  fillControls();
  if (state.chosen) labelRing(state.chosen);
  say();
}

// The stage's story is that of the whole zoo, over GMACs: axes and filters stand aside until it ends. Who calls draws.
export function setAside() {
  const { x, scale, set, setName } = state;
  aside ??= { filters, axes: { x, scale, set, setName } };
  Object.assign(state, PLAIN, { setName: zoo.sets.top1 });
  filters = { ...NO_FILTERS };
  follow();
}

export function bringBack() {
  if (!aside) return;
  Object.assign(state, aside.axes);
  ({ filters } = aside);
  aside = null;
  follow();
}

// Once for all that a link restores.
export function redraw() {
  if (!isDue)
    queueMicrotask(() => {
      isDue = false;
      draw();
    });
  isDue = true;
}

function setAxis(name, value) {
  if (!AXES[name].includes(value)) return;
  state[name] = value;
  apply();
}

function setSet(key) {
  if (!Object.hasOwn(zoo.sets, key)) return;
  state.set = key;
  state.setName = zoo.sets[key];
  apply();
}

function reset() {
  Object.assign(state, PLAIN, { setName: zoo.sets.top1 });
  change(NO_FILTERS);
}

// ---------------------------------------------------------------- words

const count = (number) => number.toLocaleString("en");

function say() {
  page.zooCount.textContent = `${count(shown.length)} of ${count(zoo.columns.name.length)} shown`;
  page.zooCount.classList.toggle("is-filtered", isFiltered());
  const notes = [noteOnSet(), noteOnX()].filter(Boolean).join(" ");
  page.zooNote.hidden = !notes;
  page.zooNote.textContent = notes;
  const isOnRug = state.stitches.some((stitch) => yOf(stitch) === null);
  for (const look of page.root.querySelectorAll("[data-source=unmeasured]")) look.hidden = !isOnRug;
  if (definition) sayBeats();
}

function noteOnSet() {
  if (state.set === "top1") return "";
  const known = state.stitches.filter((stitch) => yOf(stitch) !== null).length;
  const ours = known
    ? `${known} of the network's ${state.stitches.length} stitches are timm's own models unchanged, and have timm's figure there; the others stand on the axis, not measured`
    : "no stitch of this network is measured there: they stand on the axis";
  return `On ${state.setName} ${ours}. The published SN-Net curves have no figures there and are hidden. The budget still chooses by top-1 on ImageNet-1k.`;
}

function noteOnX() {
  if (state.x === "gmacs") return "";
  const lacking = state.zoo.filter(
    (trace) => trace.meta.kind === "curve" && trace.customdata && trace.visible !== false && trace.customdata.every((params) => params === null),
  );
  const hidden = lacking.length && state.set === "top1" ? ` Published without parameters, and hidden: ${lacking.map((trace) => trace.name).join(", ")}.` : "";
  return `A stitch stands at the parameters on its route; the budget stays one of GMACs.${hidden}`;
}

function sayBeats() {
  const pick = (name) => shown.map((row) => zoo.columns[name][row]);
  const counted = beats(
    state.stitches.map((s) => s.gmacs),
    state.stitches.map(yOf),
    pick("gmacs"),
    pick(state.set),
  );
  const where = state.set === "top1" ? "" : ` on ${state.setName}`;
  const range = `from ${counted.low.toFixed(2)} to ${counted.high.toFixed(2)} GMACs`;
  if (counted.total) {
    const which = isFiltered() ? " of the zoo models that the filters leave," : " zoo models";
    page.beats.replaceChildren("Beats ", bold(`${counted.beaten} of ${counted.total}`), `${which} ${range}${where}. ${definition.definition}`);
  } else if (definition.nothing) page.beats.textContent = definition.nothing;
  else if (!counted.high) page.beats.textContent = `There is nothing to compare${where}: no stitch of this network has a figure there.`;
  else page.beats.textContent = `There is nothing to compare: the filters leave no zoo model ${range}${where}.`;
}

// What one file saves, with its sums to be opened.
function sayOwned({ network, published, arithmetic }) {
  const sums = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "show the arithmetic";
  sums.className = "sn-sums";
  sums.append(summary, ...arithmetic.map(sumsOf));
  page.owns.replaceChildren(`${network} ${published}`, sums);
}

function sumsOf({ title, sums, note }) {
  const block = document.createElement("div");
  const paragraph = (name, ...parts) => {
    const line = document.createElement("p");
    line.className = name;
    line.append(...parts);
    if (name === "terms") line.tabIndex = 0; // a long sum scrolls, by keys too
    block.append(line);
  };
  paragraph("title", bold(title));
  for (const { of, terms, apart, together, times } of sums) {
    paragraph("of", of);
    paragraph("terms", `apart: ${terms}`);
    paragraph("sum", `= ${apart}`);
    paragraph("sum", `one file: ${together}`);
    paragraph("sum", bold(times));
  }
  if (note) paragraph("note", note);
  return block;
}

// ---------------------------------------------------------------- controls

const RANGES = { params: ["zooParamsLow", "zooParamsHigh"], gmacs: ["zooGmacsLow", "zooGmacsHigh"] };

function fillControls() {
  const put = (element, value) => {
    if (element.value !== value && element !== document.activeElement) element.value = value;
  };
  page.zooSet.value = state.set;
  page.zooX.value = state.x;
  page.zooScale.value = state.scale;
  put(page.zooName, filters.name);
  page.zooSize.value = filters.size;
  page.zooPretraining.value = filters.pretraining;
  for (const [name, ends] of Object.entries(RANGES)) for (const [place, end] of ends.entries()) put(page[end], String(filters[name][place] ?? ""));
  for (const chip of page.zooFamilies.children) chip.setAttribute("aria-pressed", String(filters.families.includes(chip.dataset.family)));
  page.zooReset.disabled = !isChanged();
}

function buildControls() {
  const { family, image_size: size, pretraining } = zoo.columns;
  const number = (list, value) => list.filter((one) => one === value).length;
  page.zooSet.replaceChildren(...Object.entries(zoo.sets).map(([key, title]) => new Option(title, key)));
  const sizes = [...new Set(size)].sort((a, b) => a - b);
  page.zooSize.replaceChildren(new Option("any", ""), ...sizes.map((px) => new Option(`${px} px (${number(size, px)})`, px)));
  page.zooPretraining.replaceChildren(
    new Option("any", ""),
    ...zoo.kinds.map((key, place) => new Option(`${zoo.pretraining[key]} (${number(pretraining, place)})`, key)),
  );
  page.zooFamilies.replaceChildren(
    ...zoo.families.map((name, place) => {
      const chip = document.createElement("button");
      const dot = document.createElement("i");
      chip.type = "button";
      chip.dataset.family = name;
      dot.style.background = zoo.colours[place];
      chip.append(dot, `${name} `, Object.assign(document.createElement("small"), { textContent: number(family, place) }));
      chip.addEventListener("click", () => toggleFamily(name));
      return chip;
    }),
  );
}

function toggleFamily(name) {
  const isOn = filters.families.includes(name);
  change({ families: zoo.families.filter((family) => (family === name ? !isOn : filters.families.includes(family))) });
}

const numberOrNull = (text) => (text.trim() !== "" && Number(text) >= 0 && Number.isFinite(Number(text)) ? Number(text) : null);

function listenToControls() {
  page.zooSet.addEventListener("change", () => setSet(page.zooSet.value));
  page.zooX.addEventListener("change", () => setAxis("x", page.zooX.value));
  page.zooScale.addEventListener("change", () => setAxis("scale", page.zooScale.value));
  page.zooName.addEventListener("input", () => later({ name: page.zooName.value.trim() }));
  page.zooSize.addEventListener("change", () => change({ size: page.zooSize.value }));
  page.zooPretraining.addEventListener("change", () => change({ pretraining: page.zooPretraining.value }));
  for (const [name, ends] of Object.entries(RANGES)) {
    for (const end of ends) page[end].addEventListener("input", () => later({ [name]: ends.map((one) => numberOrNull(page[one].value)) }));
  }
  page.zooReset.addEventListener("click", reset);
  page.zooCsv.addEventListener("click", exportCsv);
  page.zooPng.addEventListener("click", () => exportImage("png"));
  page.zooSvg.addEventListener("click", () => exportImage("svg"));
}

// ---------------------------------------------------------------- what a link restores

const rangeText = ([low, high]) => (low === null && high === null ? null : `${low ?? ""}-${high ?? ""}`);

// "5-30", "5-" or "-30"; null for anything else.
function rangeOf(text) {
  const ends = /^(\d+(?:\.\d+)?)?-(\d+(?:\.\d+)?)?$/.exec(text);
  return ends && (ends[1] || ends[2]) ? [numberOrNull(ends[1] ?? ""), numberOrNull(ends[2] ?? "")] : null;
}

function keepAll() {
  const axis = (name, start) => keep(name, { when: "start", read: () => (state[name] === start ? null : state[name]), restore: (text) => setAxis(name, text) });
  axis("x", "gmacs");
  axis("scale", "log");
  keep("set", { when: "start", read: () => (state.set === "top1" ? null : state.set), restore: (text) => setSet(text) });
  keep("name", { when: "start", read: () => filters.name || null, restore: (text) => change({ name: String(text).slice(0, 200).trim() }) });
  keep("family", {
    when: "start",
    read: () => filters.families.join(",") || null,
    restore: (text) => change({ families: zoo.families.filter((family) => String(text).split(",").includes(family)) }),
  });
  keep("size", {
    when: "start",
    read: () => filters.size || null,
    restore: (text) => zoo.columns?.image_size.includes(Number(text)) && change({ size: String(Number(text)) }),
  });
  keep("pretraining", { when: "start", read: () => filters.pretraining || null, restore: (text) => zoo.kinds.includes(text) && change({ pretraining: text }) });
  for (const [name, kept] of [
    ["params", "params"],
    ["gmacs", "gmacs_range"],
  ]) {
    keep(kept, {
      when: "start",
      read: () => rangeText(filters[name]),
      restore: (text) => {
        const range = rangeOf(String(text));
        if (range) change({ [name]: range });
      },
    });
  }
}

// ---------------------------------------------------------------- start

// Before the zoo is first drawn; without its table all stays as it comes from the server.
export function prepare(backdrop) {
  if (!backdrop.zoo) return;
  Object.assign(zoo, backdrop.zoo, { kinds: Object.keys(backdrop.zoo.pretraining), texts: [] });
  for (const trace of backdrop.traces) {
    if (trace.meta.kind === "zoo") for (const [place, row] of trace.customdata.entries()) zoo.texts[row] = trace.text[place];
  }
  state.rug = zoo.rug;
  shown = passing();
  nameLine("zoofront", "Zoo front", "var(--ink)");
  shapeBy((traces) => shaped(traces, zoo, shown, state.picked));
  buildControls();
  fillControls();
  say();
}

export function listen() {
  listenToControls();
  keepAll();
  on("network", (network) => {
    definition = network.beats;
    say();
    sayOwned(network.ownership);
  });
}
