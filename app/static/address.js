// @ts-check
// The view in the address: what a link restores.

import { settled } from "./core.js";

/** @import { Page } from "./core.js" */

const WRITE_MS = 300; // browsers allow some hundred changes of the address in half a minute
const THANKS_MS = 2000;
const GRADIOS = ["api", "api-recorder", "settings"]; // what `view` says while a panel of Gradio's own is open

/** @import { Menu } from "./network/networks.js" */

/** @param {Page} page @param {Menu} menu */
export function createAddress(page, { choose, entryOf, refuse }) {
  const { elements, fields, keep, on, state, tell } = page;

  let query = new URLSearchParams(); // what the address said when the page was opened
  let start = null; // the network that the app was started with
  let isRestored = false; // until then nothing is written: it would wipe out what is still to be restored

  const wantedNetwork = () => query.get("network") ?? "";

  function restore(when) {
    for (const [name, part] of fields) {
      if (part.when === when && query.has(name)) part.restore(query.get(name));
    }
  }

  // A link to a network that there is not says so.
  function askForNetwork() {
    const name = wantedNetwork();
    if (!name || name === state.network) return;
    if (entryOf(name)) {
      elements.network.value = name;
      choose(name);
    } else refuse(`The link names a network ${JSON.stringify(name.slice(0, 80))} that this page does not have: it shows its own.`);
  }

  // The address of the view as it is: only what differs from the start is in it, and what is not ours stays.
  function link() {
    const address = new URL(location.href);
    for (const [name, part] of fields) {
      if (page.root.classList.contains("is-stage") && name !== "stage") continue; // the view that leaving brings back
      if (name === "view" && GRADIOS.includes(address.searchParams.get(name))) continue;
      const text = part.read();
      if (text === null) address.searchParams.delete(name);
      else address.searchParams.set(name, text);
    }
    return address.href;
  }

  function write() {
    writeSoon.drop();
    if (isRestored) history.replaceState(history.state, "", link());
  }

  const writeSoon = settled(write, WRITE_MS);

  async function copyLink() {
    write();
    try {
      await navigator.clipboard.writeText(location.href);
      elements.link.textContent = "Link copied";
    } catch {
      elements.linkText.hidden = false; // no clipboard without https, or it was refused
      elements.linkText.value = location.href;
      elements.linkText.select();
    }
    setTimeout(() => (elements.link.textContent = "Copy link"), THANKS_MS);
  }

  query = new URLSearchParams(location.search);
  elements.link.setAttribute("aria-live", "polite");
  elements.link.addEventListener("click", copyLink);
  elements.linkText.addEventListener("blur", () => (elements.linkText.hidden = true));
  keep("network", { when: "", read: () => (state.network === null || state.network === start ? null : state.network), restore: () => {} });
  on("start", (backdrop) => {
    ({ start } = backdrop);
    restore("start");
  });
  on("settled", () => {
    if (isRestored) return;
    isRestored = true; // the first network is shown, with its own budget
    restore("network");
    askForNetwork();
    tell("restored");
  });
  on("entering", write);
  on("changed", writeSoon);
  on("settled", writeSoon);
  on("network", writeSoon);

  return { link, wantedNetwork };
}
