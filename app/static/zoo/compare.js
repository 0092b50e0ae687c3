// A zoo model beside the stitch of equal GMACs and the stitch of equal accuracy, in figures and on the visitor's photo.

import { bestWithin } from "../chart/budget.js";
import { bold, keep, on, page, server, state, tell } from "../core.js";
import { followFetch } from "../server.js";
import { redraw, shown, zoo } from "./zoo.js";

let turn = 0; // of the newest question; older answers are dropped
let cards = []; // {stitch, answer: element} of the panel, the zoo model's first
let cardSet = ""; // the test set whose figure the model's card has
let isWaiting = false; // for the photo, which the first answer brings to the server
let opener = null; // the element that had the focus when the panel was opened

// ---------------------------------------------------------------- the model and the stitches that match it

const model = (row) => ({
  row,
  name: zoo.columns.name[row],
  size: zoo.columns.image_size[row],
  top1: zoo.columns.top1[row],
  gmacs: zoo.columns.gmacs[row],
  params: zoo.columns.params_m[row],
});

// The cheapest stitch with at least this top-1; null without one.
export function cheapestWith(stitches, top1) {
  let found = null;
  for (const stitch of stitches) {
    if (stitch.top1 === null || stitch.top1 < top1) continue;
    if (found === null || stitch.gmacs < found.gmacs || (stitch.gmacs === found.gmacs && stitch.top1 > found.top1)) found = stitch;
  }
  return found;
}

function noneWithin(gmacs) {
  return `None: the smallest stitch takes ${page.gmacs.min} GMACs, more than the model's ${number(gmacs, 2)}.`;
}

function noneWith(top1) {
  const best = Math.max(...state.stitches.map((stitch) => stitch.top1 ?? -1));
  return best < 0
    ? "None: no stitch of this network has a known accuracy."
    : `None: the most accurate stitch has ${best.toFixed(2)} %, less than the model's ${top1.toFixed(2)} %.`;
}

// ---------------------------------------------------------------- words

const number = (value, digits) => (value !== 0 && Math.abs(value) < 10 ** -digits ? value.toPrecision(1) : value.toFixed(digits));

// What a stitch saves against the model: a line each for accuracy, cost and parameters.
function savings(stitch, { top1, gmacs, params }) {
  return [points(stitch, top1), factor("GMACs", stitch.gmacs, gmacs), parameters(stitch.params_m, params)];
}

function points(stitch, top1) {
  if (stitch.top1 === null) return { text: "top-1 not measured yet", gain: 0 };
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

function made(tag, name, ...parts) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...parts);
  return element;
}

const fact = (name, ...value) => [made("dt", "", name), made("dd", "", ...value)];

function accuracyOf(stitch) {
  if (stitch.top1 === null) return ["not measured yet"];
  const [low, high] = stitch.interval;
  return [bold(`${stitch.top1.toFixed(2)} %`), ` [${low.toFixed(1)}, ${high.toFixed(1)}], ${stitch.source}`];
}

function modelCard(one) {
  const { family, pretraining, distilled } = zoo.columns;
  const seen = zoo.pretraining[zoo.kinds[pretraining[one.row]]] + (distilled[one.row] ? ", distilled" : "");
  const other =
    state.set === "top1" ? [] : fact(state.setName, zoo.columns[state.set][one.row] === null ? "no figure" : `${zoo.columns[state.set][one.row].toFixed(2)} %`);
  const facts = made(
    "dl",
    "",
    ...fact("Top-1", bold(`${one.top1.toFixed(2)} %`), " published by timm"),
    ...other,
    ...fact("Cost", `${number(one.gmacs, 2)} GMACs at ${one.size} px`),
    ...fact("Parameters", `${number(one.params, 2)} M`),
    ...fact("Pretraining", seen),
  );
  return card("Zoo model", one.name, `${zoo.families[family[one.row]] === "other" ? "no larger family" : zoo.families[family[one.row]]}`, [facts], null);
}

function stitchCard(title, rule, stitch, one, none) {
  if (!stitch) return card(title, null, rule, [made("p", "sn-compare-none", none)], null);
  const facts = made(
    "dl",
    "",
    ...fact("Top-1", ...accuracyOf(stitch)),
    ...fact("Cost", `${number(stitch.gmacs, 3)} GMACs at ${stitch.image_size} px`),
    ...fact("Parameters", `${number(stitch.params_m, 2)} M on its route`),
  );
  const list = made(
    "ul",
    "sn-compare-saves",
    ...savings(stitch, one).map(({ text, gain }) => made("li", gain > 0 ? "is-gain" : gain < 0 ? "is-loss" : "", text)),
  );
  return card(title, stitch.name, rule, [facts, made("p", "sn-compare-against", "Against the model:"), list], stitch);
}

function card(title, name, rule, parts, stitch) {
  const answer = made("div", "sn-compare-answer");
  const article = made("article", "", made("h3", "", title), made("p", "sn-compare-name", name ?? ""), made("p", "sn-compare-rule", rule), ...parts, answer);
  if (name) article.children[1].title = name;
  return { article, answer, stitch };
}

// ---------------------------------------------------------------- the panel

function show() {
  const isOpen = state.picked !== null && state.stitches.length > 0;
  page.compare.hidden = !isOpen;
  turn += 1;
  if (!isOpen) return;
  const one = model(state.picked);
  cardSet = state.set;
  delete page.compare.dataset.ran;
  const equalCost = state.stitches[0].gmacs <= one.gmacs ? bestWithin(state.stitches, one.gmacs) : null;
  cards = [
    modelCard(one),
    stitchCard("Stitch of equal GMACs", "the best within the model's GMACs", equalCost, one, noneWithin(one.gmacs)),
    stitchCard(
      "Stitch of equal accuracy",
      "the cheapest with at least the model's top-1 on ImageNet-1k",
      cheapestWith(state.stitches, one.top1),
      one,
      noneWith(one.top1),
    ),
  ];
  page.compareCards.replaceChildren(...cards.map(({ article }) => article));
  run();
}

// Another test set changes the model's own card alone.
function renewModel() {
  if (page.compare.hidden || cardSet === state.set) return;
  cardSet = state.set;
  const fresh = modelCard(model(state.picked));
  fresh.answer.append(...cards[0].answer.childNodes);
  cards[0].article.replaceWith(fresh.article);
  cards[0] = fresh;
}

export function pick(row) {
  if (row === state.picked) return;
  if (page.compare.hidden) opener = document.activeElement;
  state.picked = row;
  page.zooPick.value = row === null ? "" : labelOf(row);
  show();
  redraw();
  tell("changed");
}

function close() {
  const hadFocus = page.compare.contains(document.activeElement);
  pick(null);
  if (hadFocus && opener?.isConnected) opener.focus({ preventScroll: true });
}

// A name alone means the model at its first size in the table, which is its most accurate.
const labelOf = (row) => `${zoo.columns.name[row]} @ ${zoo.columns.image_size[row]} px`;

function rowOf(text) {
  const parts = /^(.+?)(?:\s*@\s*(\d+)(?:\s*px)?)?$/.exec(text.trim());
  if (!parts || !zoo.columns) return -1;
  return zoo.columns.name.findIndex((name, row) => name === parts[1] && (!parts[2] || zoo.columns.image_size[row] === Number(parts[2])));
}

function onTypedName() {
  const row = rowOf(page.zooPick.value);
  const isEmpty = !page.zooPick.value.trim();
  page.zooPick.setCustomValidity(row >= 0 || isEmpty ? "" : "No such model in the table: choose one of the list.");
  page.zooPick.reportValidity();
  if (row >= 0) pick(row);
  else if (isEmpty) pick(null);
}

// The names are offered when they are asked for: a list of all is long. Those that pass the filters come first.
function fillNames() {
  const others = [...zoo.columns.name.keys()].filter((row) => !shown.includes(row));
  page.zooModels.replaceChildren(...[...shown, ...others].map((row) => new Option(labelOf(row), labelOf(row))));
}

// ---------------------------------------------------------------- on the visitor's photo

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

function sayRun(text, { go = null, onGo = null, share, isError = false } = {}) {
  if (page.compareSaid.textContent !== text) page.compareSaid.textContent = text;
  page.compareSaid.classList.toggle("is-error", isError);
  page.compareBar.hidden = share === undefined;
  if (share === null) page.compareBar.removeAttribute("value");
  else if (share !== undefined) page.compareBar.value = share;
  page.compareGo.hidden = go === null;
  page.compareGo.textContent = go ?? "";
  page.compareGo.onclick = () => {
    page.compareGo.onclick = null; // once is enough
    onGo();
  };
}

const refuse = (sentence) => sayRun(sentence, { isError: true, go: "Try again", onGo: run });

// Runs the model where its weights are here; else offers to fetch them.
async function run() {
  const mine = ++turn;
  for (const { answer } of cards) answer.replaceChildren();
  page.compareRun.hidden = !server; // a page without its server
  if (page.compareRun.hidden || state.picked === null) return;
  const one = model(state.picked);
  if (!state.photo) {
    sayRun(`Give a photo, and ${one.name} runs on it beside these stitches.`);
    return;
  }
  isWaiting = state.photo.path === null;
  if (isWaiting) {
    sayRun(`${one.name} runs when the photo has been read.`);
    return;
  }
  sayRun(`Looking for the weights of ${one.name} …`);
  const size = await server.zooSize(one.name);
  if (mine !== turn) return;
  if (size.error) refuse(size.error);
  else if (size.here) runNow(one, mine);
  else if (size.progress) follow(one, mine, size.progress);
  else
    sayRun(`The weights of ${one.name} are not here.`, {
      go: `Fetch its weights (${megabytes(size.bytes)} MB) and run it`,
      onGo: () => fetchThenRun(one, mine),
    });
}

async function fetchThenRun(one, mine) {
  sayRun(`Fetching the weights of ${one.name} …`, { share: null });
  const progress = await server.zooFetch(one.name);
  if (mine === turn) follow(one, mine, progress);
}

async function follow(one, mine, progress) {
  const end = await followFetch(progress, {
    fetch: () => server.zooFetch(one.name),
    ask: () => server.zooProgress(one.name),
    isWanted: () => mine === turn,
    show: ({ done, total }) =>
      sayRun(`Fetching the weights of ${one.name}${total ? `: ${megabytes(done)} of ${megabytes(total)} MB` : " …"}`, { share: total ? done / total : null }),
  });
  if (end?.error) refuse(end.error);
  else if (end) runNow(one, mine);
}

async function runNow(one, mine) {
  sayRun(`Running ${one.name} on the photo …`);
  const photo = state.photo,
    network = state.network;
  const stitches = cards
    .slice(1)
    .map(({ stitch }) => stitch?.name)
    .filter((name) => name !== undefined);
  const ask = () => server.comparePhoto(photo, one, stitches, network);
  let found = await ask();
  if (found.gone && mine === turn) {
    // uploads are swept away in time
    try {
      photo.path = await server.upload(photo.file);
      found = await ask();
    } catch (error) {
      found = { error: error.message };
    }
  }
  if (mine !== turn) return;
  if (found.error) {
    refuse(found.error);
    return;
  }
  sayRun("The same photo, each at its own image size; times measured on this machine, one run each.");
  const answers = new Map(found.stitches.map((answer) => [answer.name, answer]));
  cards.forEach(({ answer, stitch }, place) => {
    const said = place === 0 ? found.model : answers.get(stitch?.name);
    if (said) answer.replaceChildren(...saidOf(said, found.model));
  });
  page.compare.dataset.ran = one.name;
}

function saidOf({ latency_ms: latency, top5 }, theirs) {
  const time = made("p", "sn-compare-time", "Ran in ", bold(`${latency.toFixed(1)} ms`));
  const best = theirs.top5[0].index;
  const list = made(
    "ol",
    "",
    ...top5.map(({ index, label, probability }) => {
      const share = `${(100 * probability).toFixed(1)} %`;
      const fill = made("i", "");
      fill.style.width = share.replace(" ", "");
      return made("li", index === best ? "is-same" : "", made("span", "", label), made("b", "", share), made("u", "", fill));
    }),
  );
  return [time, list];
}

// ---------------------------------------------------------------- start

export function listen() {
  on("pick", (row) => pick(row === state.picked ? null : row)); // a second click takes the choice back
  on("network", show);
  on("leaving", () => (turn += 1));
  on("photo", () => state.picked !== null && run());
  on("answer", () => isWaiting && state.photo?.path && run());
  on("changed", renewModel);
  page.compareClose.addEventListener("click", close);
  page.zooPick.addEventListener("focus", fillNames);
  page.zooPick.addEventListener("change", onTypedName);
  page.zooPick.addEventListener("input", () => {
    page.zooPick.setCustomValidity("");
    if (/@ \d+ px$/.test(page.zooPick.value)) onTypedName(); // taken from the list
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !page.compare.hidden && page.fetch.hidden) close();
  });
  keep("zoo_model", {
    read: () => (state.picked === null ? null : `${zoo.columns.name[state.picked]}@${zoo.columns.image_size[state.picked]}`),
    restore: (text) => {
      const row = rowOf(String(text).slice(0, 200));
      if (row >= 0) pick(row);
    },
  });
}
