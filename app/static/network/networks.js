// @ts-check
// The menu of networks. Every one is shown at once, by its figures; only classifying needs its weights, which are
// fetched on demand, in the answer's place.

import { arm, bold, fill, megabytes, say, settled } from "../core.js";
import { followFetch } from "../server.js";
import { Rate } from "./rate.js";

/** @import { Page } from "../core.js" */
/** @import { Entry, Progress } from "../types.js" */

const CHOICE_MS = 250; // arrow keys in the menu pass over networks: only the one they stop at is loaded

/** @typedef {ReturnType<typeof createMenu>} Menu */

/** @param {Page} page @param {{put: (network: any) => Promise<void>}} network */
export function createMenu(page, { put }) {
  const { elements, server, state, tell } = page;

  /** @param {Entry} entry */
  const amount = ({ bytes }) => (bytes ? `${megabytes(bytes)} MB` : "its weights");

  // The networks that are here, then those to be fetched; the one that is shown, or about to be.
  function fillMenu(name) {
    const label = (entry) => (entry.here ? entry.title : `${entry.title} · ${entry.bytes ? amount(entry) : "weights"} to fetch`);
    const options = (here) => state.networks.filter((n) => n.here === here).map((n) => new Option(label(n), n.name));
    const groups = [group("Here", options(true)), group("Figures here, weights to be fetched", options(false))];
    elements.network.replaceChildren(...groups.filter((one) => one.children.length));
    elements.network.value = name;
    elements.network.disabled = false;
  }

  function group(label, options) {
    const element = Object.assign(document.createElement("optgroup"), { label });
    element.append(...options);
    return element;
  }

  const entryOf = (name) => state.networks.find((network) => network.name === name);

  async function choose(name) {
    const signal = state.choice.begin();
    elements.wait.hidden = true;
    if (name === state.network) showOffer();
    else load(entryOf(name), signal);
  }

  // The page stays on the network that it has until the new one is there.
  /** @param {any} entry @param {AbortSignal} signal */
  async function load(entry, signal) {
    sayWait(`Loading ${entry.title} …`);
    const network = await server.network(entry.name, signal);
    if (signal.aborted) return;
    elements.wait.hidden = true;
    if (network.error) {
      if (network.instead) await fallBack(network.error, network.instead, signal);
      else if (state.network === null) fail(network.error);
      else refuse(network.error);
      return;
    }
    state.networks = network.networks;
    fillMenu(network.name);
    showOffer(); // before an answer is asked for
    await put(network);
    const shown = entryOf(network.name);
    if (signal.aborted || shown.here) return;
    const progress = await server.progress(shown.name, signal); // the app may have begun with a fetch, or another visitor
    if (signal.aborted) return;
    if (progress.state === "running") follow(shown, signal, progress);
    else if (progress.state === "failed") showOffer(progress.sentence);
  }

  function sayWait(text) {
    elements.wait.hidden = false;
    elements.wait.classList.remove("is-error");
    elements.waitText.textContent = text;
  }

  // Nothing can be shown but the zoo.
  function fail(sentence) {
    sayWait(sentence);
    elements.wait.classList.add("is-error");
    page.root.dataset.state = "failed";
  }

  async function fallBack(sentence, name, signal) {
    const entry = entryOf(name);
    await load(entry, signal);
    if (!signal.aborted && state.network === name) refuse(`${sentence.replace(/\.?$/, ".")} The page shows ${entry.title} instead.`);
  }

  // Says what is wrong; the page stays on the network that it had, or takes one that is here.
  function refuse(sentence) {
    if (state.network === null) {
      const other = state.networks.find((network) => network.here);
      if (other) fallBack(sentence, other.name, state.choice.signal);
      else fail(sentence);
      return;
    }
    elements.network.value = state.network;
    showOffer(sentence);
  }

  // What stands above the answers: how to get the weights where they are not here, and what was wrong.
  function showOffer(notice = "") {
    const entry = entryOf(elements.network.value);
    const isAway = entry !== undefined && !entry.here;
    elements.fetch.hidden = !isAway && !notice;
    elements.fetch.classList.toggle("is-away", isAway);
    sayNotice(notice);
    elements.fetchProgress.hidden = true;
    elements.fetchText.hidden = !isAway;
    if (isAway)
      say(
        elements.fetchText,
        "To name what is on a photo, ",
        bold(entry.title),
        ` needs ${entry.bytes ? `its weights, ${amount(entry)},` : "its weights"} from ${entry.hosts.join(" or ")}.`,
      );
    const hadFocus = document.activeElement === elements.fetchCancel;
    arm(elements.fetchGo, isAway ? `Fetch ${amount(entry)}` : null, isAway ? () => begin(entry) : null);
    arm(elements.fetchCancel, !isAway && notice ? "Close" : null, () => showOffer());
    if (hadFocus) (isAway ? elements.fetchGo : elements.network).focus({ preventScroll: true });
  }

  function sayNotice(notice) {
    elements.fetchNotice.hidden = !notice;
    say(elements.fetchNotice, notice);
  }

  /** @param {Entry} entry */
  async function begin(entry) {
    const signal = state.choice.begin();
    const hadFocus = elements.fetch.contains(document.activeElement);
    showProgress(entry, "");
    if (hadFocus) elements.fetchCancel.focus({ preventScroll: true });
    follow(entry, signal, await server.fetch(entry.name, signal));
  }

  // Goes on in place once all is here: the photo that is there is asked about.
  /** @param {Entry} entry @param {AbortSignal} signal @param {Progress & {error?: string}} progress */
  async function follow(entry, signal, progress) {
    const rate = new Rate();
    const how = {
      fetch: () => server.fetch(entry.name, signal),
      ask: () => server.progress(entry.name, signal),
      show: ({ done, total }) => showProgress(entry, rate.words(done, total), total ? done / total : null),
    };
    const { error } = await followFetch(progress, how, signal);
    if (signal.aborted) return;
    if (error) {
      showOffer(error);
      return;
    }
    const { networks } = await server.network(entry.name, signal);
    if (signal.aborted) return;
    state.networks = networks ?? state.networks;
    fillMenu(entry.name);
    showOffer();
    tell("settled"); // asks about the photo
  }

  /** @param {Entry} entry @param {string} words @param {number | null} [share] */
  function showProgress(entry, words, share = null) {
    elements.fetch.hidden = false;
    elements.fetch.classList.add("is-away");
    sayNotice("");
    elements.fetchText.hidden = elements.fetchProgress.hidden = false;
    say(elements.fetchText, "Fetching ", bold(entry.title), ` from ${entry.hosts.join(" or ")}.`);
    fill(elements.fetchBar, share);
    elements.fetchShare.textContent = words || `0 of ${amount(entry)}`;
    arm(elements.fetchGo);
    if (elements.fetchCancel.hidden) arm(elements.fetchCancel, "Cancel", cancel);
  }

  // A fetch goes on for others, or stops when nobody asks about it.
  function cancel() {
    state.choice.begin();
    showOffer();
  }

  elements.network.addEventListener(
    "change",
    settled(() => choose(elements.network.value), CHOICE_MS),
  );
  elements.fetch.addEventListener("keydown", (event) => event.key === "Escape" && !elements.fetchCancel.hidden && elements.fetchCancel.click());

  return { choose, entryOf, fillMenu, load, refuse };
}
