// @ts-check
// What all parts of one page share: its state, its elements, the news they tell each other, and the server.
// Which network is shown is this page's own choice: the server keeps nothing of it.

/** @import { State, Zoo } from "./types.js" */
/** @import { Server } from "./server.js" */

/** The newest of questions of one kind: what comes of those before is dropped. */
export class Newest {
  #controller = new AbortController();

  /** Drops those before. @returns {AbortSignal} of the new one: aborted when it is no longer wanted */
  begin() {
    this.drop();
    this.#controller = new AbortController();
    return this.signal;
  }

  drop() {
    this.#controller.abort();
  }

  get signal() {
    return this.#controller.signal;
  }
}

/** @returns {State} */
const firstState = () => ({
  networks: [], // the menu
  network: null, // the name of the one that is shown
  choice: new Newest(), // of a network; what was to come of older choices is dropped
  zoo: null, // the zoo's table
  shown: [], // its rows that pass the filters
  curves: [], // the published networks
  hides: null, // key of the curve that the network itself shows
  stitches: [], // by ascending GMACs
  originals: [], // the anchors before joint training
  view: null, // ranges around the network
  names: [], // of the lines, with their elements
  gmacs: null, // the budget
  opening: null, // the budget that this network began with
  chosen: null, // the stitch that it buys, or that was clicked
  clicked: null, // the stitch that was clicked on the chart, where its cost buys another
  photo: null, // the visitor's
  answers: new Map(), // by stitch: what it says of the shown photo
  sweep: null, // that brings the answers
  x: "gmacs", // the chart's horizontal axis
  scale: "log", // of it
  set: "top1", // the test set of the chart's accuracies, by its column in the zoo's table
  setName: "ImageNet-1k",
  picked: null, // row in the zoo's table of the model that stands beside the stitches
  moves: 0, // of the ring, for the benchmark
  updates: 0, // moves of the budget that the predictions followed without a question, for the benchmark
});

const NEWS = {
  start: "(backdrop): the page is there, and the zoo is drawn",
  leaving: "(): another network is about to be shown",
  network: "(layer): another network is shown, as `service.network` describes it",
  budget: "(stitch): the budget moved, and buys this stitch; many times a second while dragging",
  photo: "(): another photo was given",
  settled: "(): the budget stays for now: the slider was let go, a stitch was clicked",
  answer: "(): answers of the shown photo came, or were forgotten",
  pick: "(row): a zoo point was clicked, by its row in the zoo's table",
  drawn: "(): the chart was drawn or moved",
  changed: "(): something that a link restores",
  entering: "(): the page is about to become a stage",
  staged: "(): the stage shows another step",
  restored: "(): what the address said is restored",
  theme: "(): light became dark, or dark light",
};

/** @typedef {keyof typeof NEWS} News */
/** @typedef {{read: () => string | null, restore: (text: string) => unknown, when: string}} Field */

/**
 * The same object, but a name that it does not have is an error.
 * @template {object} T
 * @param {T} object @param {string} what @returns {T}
 */
function strict(object, what) {
  const check = (/** @type {string | symbol} */ name) => {
    if (typeof name === "string" && !(name in object)) throw new TypeError(`the page has no ${what} ${name}`);
  };
  return new Proxy(object, {
    get(target, name) {
      check(name);
      return Reflect.get(target, name);
    },
    set(target, name, value) {
      check(name);
      return Reflect.set(target, name, value);
    },
  });
}

/** One page: made at its start, and handed down to all parts of it. */
export class Page {
  state = strict(firstState(), "state");
  /** What a link restores, by the name that it has in the address. @type {Map<string, Field>} */
  fields = new Map();
  /** @type {Map<string, ((what?: any) => void)[]>} */
  #listeners = new Map(Object.keys(NEWS).map((news) => [news, []]));

  /** @param {HTMLElement} root @param {Server | null} server null on a page without one */
  constructor(root, server) {
    this.root = root;
    this.server = server;
    const named = [...root.querySelectorAll("[id^=sn-]")].map((element) => [
      element.id.slice(3).replace(/-(.)/g, (_, letter) => letter.toUpperCase()),
      element,
    ]);
    /** By id, without the prefix: elements.ringLabel is #sn-ring-label. @type {Record<string, any>} */
    this.elements = strict(Object.fromEntries(named), "element");
    /** The frontier chart. @type {any} */
    this.plot = this.elements.plot;
  }

  /** @param {News} news @param {(what?: any) => void} listener */
  on = (news, listener) => {
    this.#of(news).push(listener);
  };

  /** @param {News} news @param {unknown} [what] */
  tell = (news, what) => {
    for (const listener of this.#of(news)) listener(what);
  };

  /** @param {string} news */
  #of(news) {
    const listeners = this.#listeners.get(news);
    if (!listeners) throw new TypeError(`the page has no news ${news}`);
    return listeners;
  }

  /**
   * Has a link restore something: `read()` gives a text, or null where it is as at the start; `restore(text)` takes what an
   * address says, whatever that is. `when` it can be restored: "start", before a network is loaded, or "network", once the
   * first is shown. Who changes what is in the address tells "changed".
   * @param {string} name @param {{read: Field["read"], restore: Field["restore"], when?: string}} field
   */
  keep = (name, { read, restore, when = "network" }) => {
    this.fields.set(name, { read, restore, when });
  };

  /** @param {string} selector @returns {HTMLElement[]} */
  all(selector) {
    return [...this.root.querySelectorAll(selector)].map((element) => /** @type {HTMLElement} */ (element));
  }

  /** The family of the page's letters. */
  get family() {
    return getComputedStyle(this.root).fontFamily;
  }

  /** The size of the smallest letters, in px: larger on stage. */
  get em() {
    return parseFloat(getComputedStyle(this.elements.line).fontSize);
  }

  /** A colour of the theme. @param {string} name */
  tone = (name) => getComputedStyle(this.root).getPropertyValue(`--${name}`).trim();
}

// ---------------------------------------------------------------- words, colours, files

/**
 * A new element with what it has (className, title, …) and what is in it.
 * @param {string} kind @param {Record<string, any>} [having] @param {...(Node | string)} parts
 */
export function make(kind, { dataset = {}, ...having } = {}, ...parts) {
  const element = Object.assign(document.createElement(kind), having);
  Object.assign(element.dataset, dataset);
  element.append(...parts);
  return element;
}

/** @param {string} text */
export const bold = (text) => make("b", {}, text);

/** @param {() => void} onClick @param {Record<string, any>} having @param {...(Node | string)} parts */
export function makeButton(onClick, having, ...parts) {
  const button = make("button", { type: "button", ...having }, ...parts);
  button.addEventListener("click", onClick);
  return button;
}

/** Says something, set only when it changes: screen readers read it out. @param {HTMLElement} element @param {...(Node | string)} parts */
export function say(element, ...parts) {
  const text = parts.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
  if (element.textContent !== text) element.replaceChildren(...parts);
}

/** Makes a button that is pressed once, or hides it. @param {any} button @param {string | null} [text] @param {(() => void) | null} [onGo] */
export function arm(button, text = null, onGo = null) {
  button.hidden = text === null;
  button.textContent = text ?? "";
  button.onclick = () => {
    button.onclick = null;
    onGo?.();
  };
}

/** @param {HTMLProgressElement} bar @param {number | null} share null: it has begun, and nothing is known yet */
export function fill(bar, share) {
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
}

/** Presses one of several buttons. @param {Iterable<HTMLElement>} buttons @param {(button: HTMLElement) => boolean} isPressed */
export function press(buttons, isPressed) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(isPressed(button)));
}

/** Calls when it was asked to and then, for a while, not again. @param {() => void} call @param {number} ms */
export function settled(call, ms) {
  let timer = 0;
  const ask = () => {
    clearTimeout(timer);
    timer = setTimeout(call, ms);
  };
  return Object.assign(ask, { drop: () => clearTimeout(timer) });
}

/** @param {number} ms @returns {Promise<void>} */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {number} share */
export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Whether the shown network's weights are here: without them it has figures, but no answers. @param {State} state */
export const hasWeights = ({ network, networks }) => networks.some(({ name, here }) => name === network && here);

/** A model of the zoo, by its row in the table. @param {Zoo} zoo @param {number} row */
export const modelOf = ({ columns }, row) => ({
  row,
  name: columns.name[row],
  size: columns.image_size[row],
  top1: columns.top1[row],
  gmacs: columns.gmacs[row],
  params: columns.params_m[row],
});

/** @param {number} number */
export const count = (number) => number.toLocaleString("en");

/** @param {number} bytes */
export const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/** @param {string} colour as #rrggbb @param {number} alpha */
export function translucent(colour, alpha) {
  const [r, g, b] = (colour.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => Number.parseInt(pair, 16));
  return `rgba(${r},${g},${b},${alpha})`;
}

/** Lines of fields as CSV: quoted where they have to be. @param {unknown[][]} rows */
export function asCsv(rows) {
  const quoted = (/** @type {string} */ text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return `${rows.map((row) => row.map((value) => quoted(String(value ?? ""))).join(",")).join("\n")}\n`;
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the browser has begun to read it by then
}
