// @ts-check
// Against the zoo: its table, filters and axes, and how much of it the network beats.

import { laddersOf, readNumber } from "../chart/figures.js";
import { beats } from "../chart/frontier.js";
import { curvesInView, familyColour, isComparable, yOf } from "../chart/traces.js";
import { bold, count, make, makeButton, press, settled } from "../core.js";

/** @import { Budget } from "../chart/budget.js" */
/** @import { Chart } from "../chart/chart.js" */
/** @import { Page } from "../core.js" */
/** @import { Network, Sums, Zoo } from "../types.js" */

const TYPING_MS = 120; // after which what was typed is looked for
const AXES = { x: ["gmacs", "params"], scale: ["log", "linear"] };
const NO_FILTERS = { name: "", families: [], size: "", pretraining: "", params: [null, null], gmacs: [null, null] };

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
  const pattern = new RegExp(sources.join("|"));
  return (name) => pattern.test(name.toLowerCase());
}

/** @param {number} value @param {(number | null)[]} range */
const within = (value, [low, high]) => (low === null || value >= low) && (high === null || value <= high);

const PLAIN = { x: "gmacs", scale: "log", set: "top1" };

// ---------------------------------------------------------------- words

function sumsOf({ title, sums, note }) {
  const line = (className, ...parts) => make("p", { className }, ...parts);
  const lines = sums.flatMap(({ of, terms, apart, together, times }) => [
    line("of", of),
    make("p", { className: "terms", tabIndex: 0 }, `apart: ${terms}`), // a long sum scrolls, by keys too
    ...[`= ${apart}`, `one file: ${together}`, bold(times)].map((part) => line("sum", part)),
  ]);
  return make("div", {}, line("title", bold(title)), ...lines, ...(note ? [line("note", note)] : []));
}

// ---------------------------------------------------------------- controls

const RANGES = { params: ["zooParamsLow", "zooParamsHigh"], gmacs: ["zooGmacsLow", "zooGmacsHigh"] };

function numberOrNull(text) {
  const number = readNumber(text);
  return number >= 0 && Number.isFinite(number) ? number : null;
}

const NO_NUMBER = "This is no number from 0 on, or may be read in two ways: write it like 1.5.";

const isNumber = (text) => text.trim() === "" || numberOrNull(text) !== null;

// ---------------------------------------------------------------- what a link restores

const rangeText = ([low, high]) => (low === null && high === null ? null : `${low ?? ""}-${high ?? ""}`);

// "5-30", "5-" or "-30"; null for anything else.
function rangeOf(text) {
  const ends = /^(\d+(?:\.\d+)?)?-(\d+(?:\.\d+)?)?$/.exec(text);
  return ends && (ends[1] || ends[2]) ? [numberOrNull(ends[1] ?? ""), numberOrNull(ends[2] ?? "")] : null;
}

/** @param {Page} page @param {Budget} budget @param {Chart} chart */
export function createZoo(page, { labelRing }, { draw }) {
  const { elements, keep, on, state, tell } = page;

  /** @type {Zoo} */
  let zoo; // the zoo's table, once it is here
  /** @type {string[]} */
  let kinds = []; // of pretraining
  let filters = { ...NO_FILTERS };
  let isDue = false; // whether the chart is about to be drawn
  /** @type {Network["beats"] | null} */
  let definition = null; // what Python says of the network's count

  function passing() {
    const { name, family, image_size: size, pretraining, params_m: params, gmacs } = zoo.columns;
    const isNamed = namesTest(filters.name),
      values = zoo.columns[state.set];
    const families = new Set(filters.families.map((one) => zoo.families.indexOf(one)));
    const kind = filters.pretraining === "" ? null : kinds.indexOf(filters.pretraining);
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

  const isFiltered = () => JSON.stringify(filters) !== JSON.stringify(NO_FILTERS);
  let aside = null; // axes and filters, while the stage tells of all models

  const isChanged = () => isFiltered() || state.x !== "gmacs" || state.scale !== "log" || state.set !== "top1";

  // The filters in a few words, for a chart that leaves the page.
  function filtersInWords() {
    const range = (/** @type {(number | null)[]} */ [low, high], /** @type {string} */ unit) =>
      low === null && high === null ? "" : `${low ?? 0} to ${high ?? "any"} ${unit}`;
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
    applySoon.drop();
    filters = { ...filters, ...what };
    apply();
  }

  function later(what) {
    filters = { ...filters, ...what };
    applySoon();
  }

  const applySoon = settled(apply, TYPING_MS);

  function apply() {
    if (!zoo) return;
    follow();
    redraw();
    tell("changed");
  }

  function follow() {
    state.shown = passing();
    fillControls();
    if (state.chosen) labelRing(state.chosen);
    say();
  }

  // The stage's story is that of the whole zoo, over GMACs: axes and filters stand aside until it ends. Who calls draws.
  function setAside() {
    const { x, scale, set, setName } = state;
    aside ??= { filters, axes: { x, scale, set, setName } };
    Object.assign(state, PLAIN, { setName: zoo.sets.top1 });
    filters = { ...NO_FILTERS };
    follow();
  }

  function bringBack() {
    if (!aside) return;
    Object.assign(state, aside.axes);
    ({ filters } = aside);
    aside = null;
    follow();
  }

  // Once for all that a link restores.
  function redraw() {
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

  function say() {
    elements.zooCount.textContent = `${count(state.shown.length)} of ${count(zoo.columns.name.length)} shown`;
    elements.zooCount.classList.toggle("is-filtered", isFiltered());
    const notes = [noteOnSet(), noteOnX()].filter(Boolean).join(" ");
    elements.zooNote.hidden = !notes;
    elements.zooNote.textContent = notes;
    const isOnRug = state.stitches.some((stitch) => yOf(state, stitch) === null);
    for (const look of page.all("[data-source=unmeasured]")) look.hidden = !isOnRug;
    if (definition) sayBeats();
  }

  function noteOnSet() {
    if (state.set === "top1") return "";
    const here = state.stitches.filter((stitch) => yOf(state, stitch) !== null).length;
    const ours = here
      ? `${here} of the network's ${state.stitches.length} stitches are timm's own models unchanged, and have timm's figure there; the others stand on the axis, not measured`
      : "no stitch of this network is measured there: they stand on the axis";
    return `On ${state.setName} ${ours}. The published SN-Net curves have no figures there and are hidden. The budget still chooses by top-1 on ImageNet-1k.`;
  }

  function noteOnX() {
    if (state.x === "gmacs") return "";
    const lacking = curvesInView(state).filter((curve) => curve.params_m.every((params) => params === null));
    const hidden = lacking.length ? ` Published without parameters, and hidden: ${lacking.map(({ title }) => title).join(", ")}.` : "";
    return `A stitch stands at the parameters on its route; the budget stays one of GMACs.${hidden}`;
  }

  function sayBeats() {
    const own = new Set(definition.own);
    const others = state.shown.filter((row) => !own.has(zoo.columns.name[row]));
    const isHome = state.set === "top1";
    const counted = beats(
      state.stitches.map((s) => s.gmacs),
      state.stitches.map((stitch) => (isHome && !isComparable(stitch) ? null : yOf(state, stitch))),
      others.map((row) => zoo.columns.gmacs[row]),
      others.map((row) => zoo.columns[state.set][row]),
      state.stitches.map((stitch) => stitch.is_anchor),
      isHome ? state.stitches.map((stitch) => stitch.interval) : null, // they are ImageNet-1k's
    );
    const where = isHome ? "" : ` on ${state.setName}`;
    const ladder = laddersOf(state.stitches).gmacs;
    const range = `from ${ladder.figure(counted.low, 2)} to ${ladder.figure(counted.high, 2)} GMACs`;
    if (counted.total) {
      const which = isFiltered() ? " of the zoo results that the filters leave," : " zoo results";
      const ends = isHome ? `; with every stitch at the low end of its 95 % interval ${counted.at_low}, at the high end ${counted.at_high}` : "";
      const words = `${which} ${range}${where}, at face value${ends}. The anchors alone, unstitched, beat ${counted.by_anchors}.`;
      elements.beats.replaceChildren("Beats ", bold(`${counted.beaten} of ${counted.total}`), `${words} ${definition.definition}`);
    } else if (definition.nothing) elements.beats.textContent = definition.nothing;
    else if (!counted.high) elements.beats.textContent = `There is nothing to compare${where}: no stitch of this network has a figure there.`;
    else elements.beats.textContent = `There is nothing to compare: the filters leave no zoo model ${range}${where}.`;
  }

  // What one file saves, with its sums to be opened.
  function sayOwned({ network, published, arithmetic }) {
    const sums = make("details", { className: "sn-sums" }, make("summary", {}, "show the arithmetic"), ...arithmetic.map(sumsOf));
    elements.owns.replaceChildren(`${network} ${published}`, sums);
  }

  function fillControls() {
    const put = (element, value) => {
      if (element.value !== value && element !== document.activeElement) element.value = value;
    };
    elements.zooSet.value = state.set;
    elements.zooX.value = state.x;
    elements.zooScale.value = state.scale;
    put(elements.zooName, filters.name);
    elements.zooSize.value = filters.size;
    elements.zooPretraining.value = filters.pretraining;
    for (const [name, ends] of Object.entries(RANGES)) for (const [place, end] of ends.entries()) put(elements[end], String(filters[name][place] ?? ""));
    press(elements.zooFamilies.children, (chip) => filters.families.includes(chip.dataset.family));
    elements.zooReset.disabled = !isChanged();
  }

  function buildControls() {
    const { family, image_size: size, pretraining } = zoo.columns;
    const number = (list, value) => list.filter((one) => one === value).length;
    elements.zooSet.replaceChildren(...Object.entries(zoo.sets).map(([key, title]) => new Option(title, key)));
    const sizes = [...new Set(size)].sort((a, b) => a - b);
    elements.zooSize.replaceChildren(new Option("any", ""), ...sizes.map((px) => new Option(`${px} px (${number(size, px)})`, px)));
    elements.zooPretraining.replaceChildren(
      new Option("any", ""),
      ...kinds.map((key, place) => new Option(`${zoo.pretraining[key]} (${number(pretraining, place)})`, key)),
    );
    elements.zooFamilies.replaceChildren(
      ...zoo.families.map((name, place) => {
        const parts = [make("i", { style: `background: ${familyColour(name)}` }), `${name} `, make("small", {}, String(number(family, place)))];
        return makeButton(() => toggleFamily(name), { dataset: { family: name } }, ...parts);
      }),
    );
  }

  function toggleFamily(name) {
    const isOn = filters.families.includes(name);
    change({ families: zoo.families.filter((family) => (family === name ? !isOn : filters.families.includes(family))) });
  }

  function listenToControls() {
    elements.zooSet.addEventListener("change", () => setSet(elements.zooSet.value));
    elements.zooX.addEventListener("change", () => setAxis("x", elements.zooX.value));
    elements.zooScale.addEventListener("change", () => setAxis("scale", elements.zooScale.value));
    elements.zooName.addEventListener("input", () => later({ name: elements.zooName.value.trim() }));
    elements.zooSize.addEventListener("change", () => change({ size: elements.zooSize.value }));
    elements.zooPretraining.addEventListener("change", () => change({ pretraining: elements.zooPretraining.value }));
    for (const [name, ends] of Object.entries(RANGES)) {
      for (const end of ends) {
        elements[end].addEventListener("input", () => {
          elements[end].setCustomValidity(isNumber(elements[end].value) ? "" : NO_NUMBER);
          later({ [name]: ends.map((one) => numberOrNull(elements[one].value)) });
        });
        elements[end].addEventListener("change", () => elements[end].reportValidity());
      }
    }
    elements.zooReset.addEventListener("click", reset);
  }

  function keepAll() {
    const axis = (name, start) =>
      keep(name, { when: "start", read: () => (state[name] === start ? null : state[name]), restore: (text) => setAxis(name, text) });
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
      restore: (text) => zoo?.columns.image_size.includes(Number(text)) && change({ size: String(Number(text)) }),
    });
    keep("pretraining", {
      when: "start",
      read: () => filters.pretraining || null,
      restore: (text) => kinds.includes(text) && change({ pretraining: text }),
    });
    for (const [name, field] of [
      ["params", "params"],
      ["gmacs", "gmacs_range"],
    ]) {
      keep(field, {
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

  // Before the zoo is first drawn.
  function prepare() {
    zoo = state.zoo;
    kinds = Object.keys(zoo.pretraining);
    state.shown = passing();
    buildControls();
    fillControls();
    say();
  }

  listenToControls();
  keepAll();
  on("network", (network) => {
    definition = network.beats;
    say();
    sayOwned(network.ownership);
  });

  return { bringBack, filtersInWords, prepare, redraw, setAside };
}
