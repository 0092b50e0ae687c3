// What all parts of the page share: its state, its elements, the news they tell each other, and the server.
// Which network is shown is this page's own choice: the server keeps nothing of it.

export const state = {
  networks: [], // the menu: {name, title, here, hosts}
  network: null, // the name of the one that is shown
  choice: 0, // of the newest network chosen; what was to come of older choices is dropped
  zoo: [], // traces without a network's
  stitches: [], // by ascending GMACs
  view: null, // {x, y} ranges around the network
  names: [], // {name: element, trace} of the published curves
  gmacs: null, // the budget
  opening: null, // the budget that this network began with
  chosen: null, // the stitch that it buys
  clicked: null, // the stitch whose cost the budget is, if it was clicked on the chart
  photo: null, // {file, path, url}
  answered: null, // the photo whose answer is shown
  answers: new Map(), // by stitch: what it says of the shown photo
  sweep: null, // {photo, total, error} of the sweep that brings the answers
  turn: 0, // of the newest question; older answers are dropped
  asking: null, // AbortController of the question under way
  settle: 0, // timer
  choosing: 0, // timer
  labelWidth: 0, // px, of the ring's label
  x: "gmacs", // the chart's horizontal axis, or "params"
  scale: "log", // of it, or "linear"
  set: "top1", // the test set of the chart's accuracies, by its column in the zoo's table
  setName: "ImageNet-1k",
  picked: null, // row in the zoo's table of the model that stands beside the stitches
  rug: 0, // where on the second axis unmeasured stitches stand
  moves: 0, // of the ring, for the benchmark
  updates: 0, // moves of the budget that the predictions followed without a question, for the benchmark
};

export const page = {}; // elements by id, without the prefix: page.ringLabel is #sn-ring-label; page.root is .sn
export let plot; // the frontier chart
export let server; // a Server; null on a page without one

export function attach(root, itsServer) {
  page.root = root;
  for (const element of root.querySelectorAll("[id^=sn-]")) {
    page[element.id.slice(3).replace(/-(.)/g, (_, letter) => letter.toUpperCase())] = element;
  }
  plot = page.plot;
  server = itsServer;
}

// ---------------------------------------------------------------- news

// "start" (backdrop): the page is there, and the zoo is drawn
// "leaving" (): another network is about to be shown
// "network" (layer): another network is shown, as `service.network` describes it
// "budget" (stitch): the budget moved, and buys this stitch; many times a second while dragging
// "photo" (): another photo was given
// "settled" (): the budget stays for now: the slider was let go, a stitch was clicked
// "answer" (): answers of the shown photo came, or were forgotten
// "pick" (row): a zoo point was clicked, by its row in the zoo's table
// "drawn" (): the chart was drawn or moved
// "changed" (): something that a link restores
// "entering" (): the page is about to become a stage
// "staged" (): the stage shows another step
// "restored" (): what the address said is restored
// "theme" (): light became dark, or dark light
const listeners = {};

export function on(news, listener) {
  listeners[news] ??= [];
  listeners[news].push(listener);
}

export function tell(news, what) {
  for (const listener of listeners[news] ?? []) listener(what);
}

// ---------------------------------------------------------------- what a link restores

// By the name that it has in the address: `read()` gives a text, or null where it is as at the start; `restore(text)`
// takes what an address says, whatever that is. `when` it can be restored: "start", before a network is loaded,
// or "network", once the first is shown. Who changes what is kept tells "changed".
export const kept = new Map();

export function keep(name, { read, restore, when = "network" }) {
  kept.set(name, { read, restore, when });
}

// ---------------------------------------------------------------- words and colours

export function bold(text) {
  const element = document.createElement("b");
  element.textContent = text;
  return element;
}

export const tone = (name) => getComputedStyle(page.root).getPropertyValue(`--${name}`).trim();

export function translucent(colour, alpha) {
  const [r, g, b] = colour.match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16));
  return `rgba(${r},${g},${b},${alpha})`;
}
