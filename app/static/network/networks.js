// The menu of networks: loading one, fetching one that is not here.

import { bold, page, server, state } from "../core.js";
import { followFetch } from "../server.js";
import { put } from "./network.js";

const CHOICE_MS = 250; // arrow keys in the menu pass over networks: only the one they stop at is loaded

// The networks that are here, then those to be fetched; the one that is shown, or about to be.
export function fillMenu(name) {
  const groups = [
    ["Here", true],
    ["To be fetched", false],
  ].map(([label, here]) => {
    const group = document.createElement("optgroup");
    group.label = label;
    group.append(...state.networks.filter((n) => n.here === here).map((n) => new Option(n.title, n.name)));
    return group;
  });
  page.network.replaceChildren(...groups.filter((group) => group.children.length));
  page.network.value = name;
  page.network.disabled = false;
}

export const entryOf = (name) => state.networks.find((network) => network.name === name);

export async function choose(name) {
  const turn = ++state.choice;
  closePanel();
  page.wait.hidden = true;
  if (name === state.network) return;
  const entry = entryOf(name);
  if (entry.here) load(entry, turn);
  else offer(entry, turn);
}

// The page stays on the network that it has until the new one is there.
export async function load(entry, turn) {
  say(`Loading ${entry.title} …`);
  const network = await server.network(entry.name);
  if (turn !== state.choice) return;
  page.wait.hidden = true;
  if (!network.error) {
    state.networks = network.networks;
    fillMenu(network.name);
    await put(network);
  } else if (network.fetching) follow(entry, turn, await server.progress(entry.name));
  else if (network.instead) fallBack(network.error, network.instead, turn);
  else if (state.network === null) fail(network.error);
  else refuse(network.error);
}

function say(text) {
  page.wait.hidden = false;
  page.wait.classList.remove("is-error");
  page.waitText.textContent = text;
}

// Nothing can be shown but the zoo.
function fail(sentence) {
  closePanel();
  say(sentence);
  page.wait.classList.add("is-error");
  page.root.dataset.state = "failed";
}

async function fallBack(sentence, name, turn) {
  const entry = entryOf(name);
  await load(entry, turn);
  if (turn === state.choice && state.network === name)
    openPanel(`${sentence.replace(/\.?$/, ".")} The page shows ${entry.title} instead.`, { isError: true, cancel: "Close" });
}

// Says what is wrong; the page stays on the network that it had, or takes the one that is here.
export function refuse(sentence, again = null) {
  if (state.network === null) {
    const other = state.networks.find((network) => network.here);
    if (other) fallBack(sentence, other.name, state.choice);
    else fail(sentence);
    return;
  }
  page.network.value = state.network;
  openPanel(sentence, { isError: true, go: again ? "Try again" : null, onGo: again, cancel: "Close" });
}

// Asks before anything is fetched: the size is the server's own word.
async function offer(entry, turn) {
  const hosts = entry.hosts.join(" or ");
  const title = bold(entry.title);
  openPanel([title, `: asking ${hosts} for its size …`], {});
  const size = await server.size(entry.name);
  if (turn !== state.choice) return;
  if (size.error) refuse(size.error, () => again(entry));
  else if (size.progress) follow(entry, turn, size.progress);
  else {
    const onGo = async () => follow(entry, turn, await server.fetch(entry.name));
    openPanel([title, `: ${megabytes(size.bytes)} MB to fetch from ${hosts}`], { go: "Fetch", onGo });
    if (page.fetch.contains(document.activeElement)) page.fetchGo.focus({ preventScroll: true });
  }
}

function again(entry) {
  page.network.value = entry.name;
  choose(entry.name);
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

async function follow(entry, turn, progress) {
  const end = await followFetch(progress, {
    fetch: () => server.fetch(entry.name),
    ask: () => server.progress(entry.name),
    isWanted: () => turn === state.choice,
    show: ({ done, total }) => openPanel([bold(entry.title), `: fetching from ${entry.hosts.join(" or ")}`], { done, total }),
  });
  if (end?.error) refuse(end.error, () => again(entry));
  else if (end) {
    closePanel();
    await load(entry, turn);
  }
}

// `go` names the button that does something, `done` and `total` (bytes) draw the bar.
function openPanel(text, { go = null, onGo = null, cancel = "Cancel", isError = false, done, total }) {
  // from the menu or the button that goes, but not from elsewhere on the page
  const takesFocus = page.fetch.hidden ? document.activeElement === page.network : go === null && document.activeElement === page.fetchGo;
  page.fetch.hidden = false;
  page.fetch.classList.toggle("is-error", isError);
  const parts = [text].flat();
  // set only when it changes: screen readers read it out
  if (page.fetchText.textContent !== parts.map((part) => part.textContent ?? part).join("")) page.fetchText.replaceChildren(...parts);
  page.fetchProgress.hidden = total === undefined;
  if (total) page.fetchBar.value = done / total;
  else page.fetchBar.removeAttribute("value"); // it has begun, and nothing is known yet
  page.fetchShare.textContent = total ? `${megabytes(done)} of ${megabytes(total)} MB, ${Math.floor((100 * done) / total)} %` : "";
  page.fetchGo.hidden = go === null;
  page.fetchGo.textContent = go ?? "";
  page.fetchGo.onclick = () => {
    page.fetchGo.onclick = null; // once is enough
    onGo();
  };
  page.fetchCancel.textContent = cancel;
  if (!takesFocus) return;
  page.fetchCancel.focus({ preventScroll: true });
  page.fetch.scrollIntoView({ block: "nearest" });
}

function closePanel() {
  if (page.fetch.hidden) return;
  const hadFocus = page.fetch.contains(document.activeElement);
  page.fetch.hidden = true;
  if (hadFocus) page.network.focus({ preventScroll: true });
}

// A fetch goes on for others, or stops when nobody asks about it.
function cancel() {
  const turn = ++state.choice;
  closePanel();
  if (state.network !== null) page.network.value = state.network;
  else {
    const other = state.networks.find((network) => network.here);
    if (other) load(other, turn);
    else fail("No network is here: choose one in the menu to fetch it.");
  }
}

export function listen() {
  page.network.addEventListener("change", () => {
    clearTimeout(state.choosing);
    state.choosing = setTimeout(() => choose(page.network.value), CHOICE_MS);
  });
  page.fetchCancel.addEventListener("click", cancel);
  page.fetch.addEventListener("keydown", (event) => event.key === "Escape" && cancel());
}
