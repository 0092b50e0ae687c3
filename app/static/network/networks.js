// @ts-check
// The menu of networks: loading one, fetching one that is not here.

import { arm, bold, fill, make, megabytes, say, settled } from "../core.js";
import { followFetch } from "../server.js";

/** @import { Page } from "../core.js" */

const CHOICE_MS = 250; // arrow keys in the menu pass over networks: only the one they stop at is loaded

/** @typedef {ReturnType<typeof createMenu>} Menu */

/** @param {Page} page @param {{put: (network: any) => Promise<void>}} network */
export function createMenu(page, { put }) {
  const { elements, server, state } = page;

  // The networks that are here, then those to be fetched; the one that is shown, or about to be.
  function fillMenu(name) {
    const options = (here) => state.networks.filter((n) => n.here === here).map((n) => new Option(n.title, n.name));
    const groups = [make("optgroup", { label: "Here" }, ...options(true)), make("optgroup", { label: "To be fetched" }, ...options(false))];
    elements.network.replaceChildren(...groups.filter((group) => group.children.length));
    elements.network.value = name;
    elements.network.disabled = false;
  }

  const entryOf = (name) => state.networks.find((network) => network.name === name);

  async function choose(name) {
    const signal = state.choice.begin();
    closePanel();
    elements.wait.hidden = true;
    if (name === state.network) return;
    const entry = entryOf(name);
    if (entry.here) load(entry, signal);
    else offer(entry, signal);
  }

  // The page stays on the network that it has until the new one is there.
  /** @param {any} entry @param {AbortSignal} signal */
  async function load(entry, signal) {
    sayWait(`Loading ${entry.title} …`);
    const network = await server.network(entry.name, signal);
    if (signal.aborted) return;
    elements.wait.hidden = true;
    if (!network.error) {
      state.networks = network.networks;
      fillMenu(network.name);
      await put(network);
    } else if (network.fetching) follow(entry, signal, await server.progress(entry.name, signal));
    else if (network.instead) fallBack(network.error, network.instead, signal);
    else if (state.network === null) fail(network.error);
    else refuse(network.error);
  }

  function sayWait(text) {
    elements.wait.hidden = false;
    elements.wait.classList.remove("is-error");
    elements.waitText.textContent = text;
  }

  // Nothing can be shown but the zoo.
  function fail(sentence) {
    closePanel();
    sayWait(sentence);
    elements.wait.classList.add("is-error");
    page.root.dataset.state = "failed";
  }

  async function fallBack(sentence, name, signal) {
    const entry = entryOf(name);
    await load(entry, signal);
    if (!signal.aborted && state.network === name)
      openPanel(`${sentence.replace(/\.?$/, ".")} The page shows ${entry.title} instead.`, { isError: true, cancel: "Close" });
  }

  // Says what is wrong; the page stays on the network that it had, or takes the one that is here.
  function refuse(sentence, again = null) {
    if (state.network === null) {
      const other = state.networks.find((network) => network.here);
      if (other) fallBack(sentence, other.name, state.choice.signal);
      else fail(sentence);
      return;
    }
    elements.network.value = state.network;
    openPanel(sentence, { isError: true, go: again ? "Try again" : null, onGo: again, cancel: "Close" });
  }

  // Asks before anything is fetched: the size is the server's own word.
  async function offer(entry, signal) {
    const hosts = entry.hosts.join(" or ");
    const title = bold(entry.title);
    openPanel([title, `: asking ${hosts} for its size …`], {});
    const size = await server.size(entry.name, signal);
    if (signal.aborted) return;
    if (size.error) refuse(size.error, () => again(entry));
    else if (size.progress) follow(entry, signal, size.progress);
    else {
      const onGo = async () => follow(entry, signal, await server.fetch(entry.name, signal));
      openPanel([title, `: ${megabytes(size.bytes)} MB to fetch from ${hosts}${size.licence ? `; licence of its anchors' weights: ${size.licence}` : ""}`], {
        go: "Fetch",
        onGo,
      });
      if (elements.fetch.contains(document.activeElement)) elements.fetchGo.focus({ preventScroll: true });
    }
  }

  function again(entry) {
    elements.network.value = entry.name;
    choose(entry.name);
  }

  async function follow(entry, signal, progress) {
    const how = {
      fetch: () => server.fetch(entry.name, signal),
      ask: () => server.progress(entry.name, signal),
      show: ({ done, total }) => openPanel([bold(entry.title), `: fetching from ${entry.hosts.join(" or ")}`], { done, total }),
    };
    const { error } = await followFetch(progress, how, signal);
    if (signal.aborted) return;
    if (error) refuse(error, () => again(entry));
    else {
      closePanel();
      await load(entry, signal);
    }
  }

  // `go` names the button that does something, `done` and `total` (bytes) draw the bar.
  /** @param {any} text @param {{go?: string | null, onGo?: (() => void) | null, cancel?: string, isError?: boolean, done?: number, total?: number}} how */
  function openPanel(text, { go = null, onGo = null, cancel = "Cancel", isError = false, done = 0, total }) {
    // from the menu or the button that goes, but not from elsewhere on the page
    const takesFocus = elements.fetch.hidden ? document.activeElement === elements.network : go === null && document.activeElement === elements.fetchGo;
    elements.fetch.hidden = false;
    elements.fetch.classList.toggle("is-error", isError);
    say(elements.fetchText, ...[text].flat());
    elements.fetchProgress.hidden = total === undefined;
    fill(elements.fetchBar, total ? done / total : null);
    elements.fetchShare.textContent = total ? `${megabytes(done)} of ${megabytes(total)} MB, ${Math.floor((100 * done) / total)} %` : "";
    arm(elements.fetchGo, go, onGo);
    elements.fetchCancel.textContent = cancel;
    if (!takesFocus) return;
    elements.fetchCancel.focus({ preventScroll: true });
    elements.fetch.scrollIntoView({ block: "nearest" });
  }

  function closePanel() {
    if (elements.fetch.hidden) return;
    const hadFocus = elements.fetch.contains(document.activeElement);
    elements.fetch.hidden = true;
    if (hadFocus) elements.network.focus({ preventScroll: true });
  }

  // A fetch goes on for others, or stops when nobody asks about it.
  function cancel() {
    const signal = state.choice.begin();
    closePanel();
    if (state.network !== null) elements.network.value = state.network;
    else {
      const other = state.networks.find((network) => network.here);
      if (other) load(other, signal);
      else fail("No network is here: choose one in the menu to fetch it.");
    }
  }

  elements.network.addEventListener(
    "change",
    settled(() => choose(elements.network.value), CHOICE_MS),
  );
  elements.fetchCancel.addEventListener("click", cancel);
  elements.fetch.addEventListener("keydown", (event) => event.key === "Escape" && cancel());

  return { choose, entryOf, fillMenu, load, refuse };
}
