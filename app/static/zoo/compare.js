// @ts-check
// A zoo model beside the stitch of equal GMACs and the stitch of equal accuracy, in figures and on the visitor's photo.

import { bestWithin } from "../chart/budget.js";
import { laddersOf } from "../chart/figures.js";
import { isComparable } from "../chart/traces.js";
import { arm, bold, fill, make, megabytes, modelOf, Newest, percent, say } from "../core.js";
import { followFetch } from "../server.js";

/** @import { Page } from "../core.js" */

// The cheapest stitch with at least this top-1, of all classes; null without one.
export function cheapestWith(stitches, top1) {
  let best = null;
  for (const stitch of stitches) {
    if (stitch.top1 === null || stitch.top1 < top1 || !isComparable(stitch)) continue;
    if (best === null || stitch.gmacs < best.gmacs || (stitch.gmacs === best.gmacs && stitch.top1 > best.top1)) best = stitch;
  }
  return best;
}

// ---------------------------------------------------------------- words

const number = (value, digits) => (value !== 0 && Math.abs(value) < 10 ** -digits ? value.toPrecision(1) : value.toFixed(digits));

// What a stitch saves against the model: a line each for accuracy, cost and parameters.
function savings(stitch, { top1, gmacs, params }) {
  return [points(stitch, top1), factor("GMACs", stitch.gmacs, gmacs), parameters(stitch.params_m, params)];
}

function points(stitch, top1) {
  if (stitch.top1 === null) return { text: "top-1 not measured yet", gain: 0 };
  if (!isComparable(stitch)) return { text: "top-1 can't be compared: not of all classes", gain: 0 };
  const by = stitch.top1 - top1;
  if (Math.abs(by) < 0.005) return { text: "equal top-1", gain: 0 };
  return { text: `${Math.abs(by).toFixed(2)} points ${by > 0 ? "more" : "less"} top-1`, gain: by };
}

function factor(unit, mine, theirs) {
  const share = 100 * (1 - mine / theirs);
  if (Math.abs(share) < 0.05) return { text: `equal ${unit}`, gain: 0 };
  const times = share > 0 ? theirs / mine : mine / theirs;
  return { text: `${Math.abs(share).toFixed(1)} % ${share > 0 ? "fewer" : "more"} ${unit} (${times.toFixed(2)} ×)`, gain: share };
}

function parameters(mine, theirs) {
  const by = theirs - mine;
  if (Math.abs(by) < 0.005) return { text: "equal parameters", gain: 0 };
  return { text: `${number(Math.abs(by), 2)} M ${by > 0 ? "fewer" : "more"} parameters (${number(mine, 2)} for ${number(theirs, 2)})`, gain: by };
}

const tag = (kind, className, ...parts) => make(kind, { className }, ...parts);

const fact = (name, ...value) => [tag("dt", "", name), tag("dd", "", ...value)];

function accuracyOf(stitch) {
  if (stitch.top1 === null) return ["not measured yet"];
  const [low, high] = stitch.interval;
  return [bold(`${stitch.top1.toFixed(2)} %`), ` [${low.toFixed(1)}, ${high.toFixed(1)}], ${stitch.origin}`];
}

function stitchCard(title, rule, stitch, one, none, ladders) {
  if (!stitch) return card(title, null, rule, [tag("p", "sn-compare-none", none)], null);
  const facts = tag(
    "dl",
    "",
    ...fact("Top-1", ...accuracyOf(stitch)),
    ...fact("Cost", `${ladders.gmacs.figure(stitch.gmacs)} GMACs at ${stitch.image_size} px`),
    ...fact("Parameters", `${ladders.params_m.figure(stitch.params_m, 2)} M on its route`),
  );
  const list = tag(
    "ul",
    "sn-compare-saves",
    ...savings(stitch, one).map(({ text, gain }) => tag("li", gain > 0 ? "is-gain" : gain < 0 ? "is-loss" : "", text)),
  );
  return card(title, stitch.name, rule, [facts, tag("p", "sn-compare-against", "Against the model:"), list], stitch);
}

function card(title, name, rule, parts, stitch) {
  const answer = tag("div", "sn-compare-answer");
  const article = tag(
    "article",
    "",
    tag("h3", "", title),
    make("p", { className: "sn-compare-name", title: name ?? "" }, name ?? ""),
    tag("p", "sn-compare-rule", rule),
    ...parts,
    answer,
  );
  return { article, answer, stitch };
}

// ---------------------------------------------------------------- on the visitor's photo

function runInWords({ latency_ms: latency, top5 }, theirs) {
  const time = tag("p", "sn-compare-time", "Ran in ", bold(`${latency.toFixed(1)} ms`));
  const best = theirs.top5[0].label; // heads of other classes number them otherwise
  const list = tag(
    "ol",
    "",
    ...top5.map(({ label, probability }) => {
      const share = percent(probability);
      const fill = tag("i", "");
      fill.style.width = share.replace(" ", "");
      return tag("li", label === best ? "is-same" : "", tag("span", "", label), tag("b", "", share), tag("u", "", fill));
    }),
  );
  return [time, list];
}

/** @param {Page} page @param {{redraw: () => void}} zoo */
export function createCompare(page, { redraw }) {
  const { elements, keep, on, server, state, tell } = page;

  const newest = new Newest();
  let cards = []; // {stitch, answer: element} of the panel, the zoo model's first
  let cardSet = ""; // the test set whose figure the model's card has
  let isWaiting = false; // for the photo, which the first answer brings to the server
  let opener = null; // the element that had the focus when the panel was opened

  // ---------------------------------------------------------------- the model and the stitches that match it

  function noneWithin(gmacs) {
    return `None: the smallest stitch takes ${elements.gmacs.min} GMACs, more than the model's ${number(gmacs, 2)}.`;
  }

  function noneWith(top1) {
    const best = Math.max(...state.stitches.map((stitch) => (isComparable(stitch) ? (stitch.top1 ?? -1) : -1)));
    return best < 0
      ? "None: no stitch of this network has a known accuracy on all classes."
      : `None: the most accurate stitch has ${best.toFixed(2)} %, less than the model's ${top1.toFixed(2)} %.`;
  }

  function modelCard(one) {
    const { columns, families, notes, pretraining } = state.zoo;
    const seen = Object.values(pretraining)[columns.pretraining[one.row]] + (columns.distilled[one.row] ? ", distilled" : "");
    const family = families[columns.family[one.row]];
    const other = state.set === "top1" ? [] : fact(state.setName, columns[state.set][one.row]?.toFixed(2).concat(" %") ?? "no figure");
    const facts = tag(
      "dl",
      "",
      ...fact("Top-1", bold(`${one.top1.toFixed(2)} %`), " published by timm"),
      ...other,
      ...fact("Cost", `${number(one.gmacs, 2)} GMACs at ${one.size} px`),
      ...fact("Parameters", `${number(one.params, 2)} M`),
      ...fact("Pretraining", seen),
      ...(notes[one.row] ? fact("Note", notes[one.row]) : []),
    );
    return card("Zoo model", one.name, family === "other" ? "no larger family" : family, [facts], null);
  }

  // ---------------------------------------------------------------- the panel

  function show() {
    const isOpen = state.picked !== null && state.stitches.length > 0;
    elements.compare.hidden = !isOpen;
    newest.drop();
    if (!isOpen) return;
    const one = modelOf(state.zoo, state.picked);
    cardSet = state.set;
    delete elements.compare.dataset.ran;
    const ladders = laddersOf(state.stitches);
    const equalCost = state.stitches[0].gmacs <= one.gmacs ? bestWithin(state.stitches, one.gmacs) : null;
    cards = [
      modelCard(one),
      stitchCard("Stitch of equal GMACs", "the best within the model's GMACs", equalCost, one, noneWithin(one.gmacs), ladders),
      stitchCard(
        "Stitch of equal accuracy",
        "the cheapest with at least the model's top-1 on ImageNet-1k",
        cheapestWith(state.stitches, one.top1),
        one,
        noneWith(one.top1),
        ladders,
      ),
    ];
    elements.compareCards.replaceChildren(...cards.map(({ article }) => article));
    run();
  }

  // Another test set changes the model's own card alone.
  function renewModel() {
    if (elements.compare.hidden || cardSet === state.set) return;
    cardSet = state.set;
    const fresh = modelCard(modelOf(state.zoo, state.picked));
    fresh.answer.append(...cards[0].answer.childNodes);
    cards[0].article.replaceWith(fresh.article);
    cards[0] = fresh;
  }

  function pick(row) {
    if (row === state.picked) return;
    if (elements.compare.hidden) opener = document.activeElement;
    state.picked = row;
    elements.zooPick.value = row === null ? "" : labelOf(row);
    show();
    redraw();
    tell("changed");
  }

  function close() {
    const hadFocus = elements.compare.contains(document.activeElement);
    pick(null);
    if (hadFocus && opener?.isConnected) opener.focus({ preventScroll: true });
  }

  // A name alone means the model at its first size in the table, which is its most accurate.
  function labelOf(row) {
    const { name, size } = modelOf(state.zoo, row);
    return `${name} @ ${size} px`;
  }

  function rowOf(text) {
    const parts = /^(.+?)(?:\s*@\s*(\d+)(?:\s*px)?)?$/.exec(text.trim());
    if (!parts || !state.zoo) return -1;
    return state.zoo.columns.name.findIndex((name, row) => name === parts[1] && (!parts[2] || state.zoo.columns.image_size[row] === Number(parts[2])));
  }

  function onTypedName() {
    const row = rowOf(elements.zooPick.value);
    const isEmpty = !elements.zooPick.value.trim();
    elements.zooPick.setCustomValidity(row >= 0 || isEmpty ? "" : "No such model in the table: choose one of the list.");
    elements.zooPick.reportValidity();
    if (row >= 0) pick(row);
    else if (isEmpty) pick(null);
  }

  // The names are offered when they are asked for: a list of all is long. Those that pass the filters come first.
  function fillNames() {
    const others = [...state.zoo.columns.name.keys()].filter((row) => !state.shown.includes(row));
    elements.zooModels.replaceChildren(...[...state.shown, ...others].map((row) => new Option(labelOf(row), labelOf(row))));
  }

  /** @param {string} text @param {{go?: string | null, onGo?: (() => void) | null, share?: number | null, isError?: boolean}} [how] */
  function sayRun(text, { go = null, onGo = null, share, isError = false } = {}) {
    say(elements.compareSaid, text);
    elements.compareSaid.classList.toggle("is-error", isError);
    elements.compareBar.hidden = share === undefined;
    if (share !== undefined) fill(elements.compareBar, share);
    arm(elements.compareGo, go, onGo);
  }

  const refuse = (sentence) => sayRun(sentence, { isError: true, go: "Try again", onGo: run });

  // Runs the model where its weights are here; else offers to fetch them.
  async function run() {
    const signal = newest.begin();
    for (const { answer } of cards) answer.replaceChildren();
    elements.compareRun.hidden = !server; // a page without its server
    if (elements.compareRun.hidden || state.picked === null) return;
    const one = modelOf(state.zoo, state.picked);
    if (!state.photo) {
      sayRun(`Give a photo, and ${one.name} runs on it beside these stitches.`);
      return;
    }
    isWaiting = state.photo.path === null && !state.photo.example;
    if (isWaiting) {
      sayRun(`${one.name} runs when the photo has been read.`);
      return;
    }
    sayRun(`Looking for the weights of ${one.name} …`);
    const size = await server.zooSize(one.name, signal);
    if (signal.aborted) return;
    if (size.error) refuse(size.error);
    else if (size.here) runNow(one, size.licence, signal);
    else if (size.progress) follow(one, size.licence, signal, size.progress);
    else
      sayRun(`The weights of ${one.name} are not here. Their licence: ${size.licence}.`, {
        go: `Fetch its weights (${megabytes(size.bytes)} MB) and run it`,
        onGo: () => fetchThenRun(one, size.licence, signal),
      });
  }

  async function fetchThenRun(one, licence, signal) {
    sayRun(`Fetching the weights of ${one.name} …`, { share: null });
    follow(one, licence, signal, await server.zooFetch(one.name, signal));
  }

  async function follow(one, licence, signal, progress) {
    const how = {
      fetch: () => server.zooFetch(one.name, signal),
      ask: () => server.zooProgress(one.name, signal),
      show: ({ done, total }) =>
        sayRun(`Fetching the weights of ${one.name}${total ? `: ${megabytes(done)} of ${megabytes(total)} MB` : " …"}`, { share: total ? done / total : null }),
    };
    const { error } = await followFetch(progress, how, signal);
    if (signal.aborted) return;
    if (error) refuse(error);
    else runNow(one, licence, signal);
  }

  async function runNow(one, licence, signal) {
    sayRun(`Running ${one.name} on the photo …`);
    const stitches = cards
      .slice(1)
      .map(({ stitch }) => stitch?.name)
      .filter((name) => name !== undefined);
    const answer = await server.comparePhoto(state.photo, one, stitches, state.network, signal);
    if (signal.aborted) return;
    if (answer.error) {
      refuse(answer.error);
      return;
    }
    sayRun(`The same photo, each at its own image size; times measured on this machine, one run each. Weights of ${one.name}: ${licence}.`);
    const answers = new Map(answer.stitches.map((run) => [run.name, run]));
    cards.forEach(({ answer: element, stitch }, place) => {
      const mine = place === 0 ? answer.model : answers.get(stitch?.name);
      if (mine) element.replaceChildren(...runInWords(mine, answer.model));
    });
    elements.compare.dataset.ran = one.name;
  }

  on("pick", (row) => pick(row === state.picked ? null : row)); // a second click takes the choice back
  on("network", show);
  on("leaving", () => newest.drop());
  on("photo", () => state.picked !== null && run());
  on("answer", () => isWaiting && state.photo?.path && run());
  on("changed", renewModel);
  elements.compareClose.addEventListener("click", close);
  elements.zooPick.addEventListener("focus", fillNames);
  elements.zooPick.addEventListener("change", onTypedName);
  elements.zooPick.addEventListener("input", () => {
    elements.zooPick.setCustomValidity("");
    if (/@ \d+ px$/.test(elements.zooPick.value)) onTypedName(); // taken from the list
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !elements.compare.hidden && (!server || elements.fetch.hidden)) close();
  });
  keep("zoo_model", {
    read: () => (state.picked === null ? null : `${state.zoo.columns.name[state.picked]}@${state.zoo.columns.image_size[state.picked]}`),
    restore: (text) => {
      const row = rowOf(String(text).slice(0, 200));
      if (row >= 0) pick(row);
    },
  });
}
