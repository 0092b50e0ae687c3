// @ts-check
// The stage's keys, fingers and the browser's Back: what a speaker has at hand, and the list of it.

import { make } from "../core.js";

/** @import { Page } from "../core.js" */

const SWIPE_PX = 60; // along, and less than half of it across
const STAGED = "snStage"; // in the browser's history: an entry that the stage made, which Back leaves

/**
 * @typedef {{at: () => number, last: number, go: (step: number) => void, leave: () => void, pause: (what?: boolean) => void,
 *   setExample: (button: HTMLElement) => void}} Story `at` is 0 where the page is no stage
 */

/** @param {Page} page @param {Story} story */
export function createKeys(page, { at, last, go, leave, pause, setExample }) {
  const { elements, state } = page;

  const help = (/** @type {boolean} */ what) => {
    elements.keys.hidden = !what;
  };
  const black = (/** @type {boolean} */ what) => page.root.classList.toggle("is-black", what);

  function nextExample() {
    const all = page.all(".example");
    if (!all.length) return;
    const shown = all.findIndex((button) => button.ariaPressed === "true");
    if (at() !== last) go(last);
    setExample(all[(shown + 1) % all.length]);
  }

  // The next of the networks that are here.
  function nextNetwork() {
    const here = state.networks.filter((network) => network.here);
    const place = here.findIndex(({ name }) => name === state.network);
    if (here.length < 2) return;
    elements.network.value = here[(place + 1) % here.length].name;
    elements.network.dispatchEvent(new Event("change"));
  }

  const forth = () => go(at() + 1),
    back = () => go(at() - 1);
  /** Words, and what is done. @type {[string[], string, () => void][]} */
  const KEYS = [
    [["ArrowRight", " ", "PageDown"], "→, space: next step", forth],
    [["ArrowLeft", "PageUp"], "←: step before (on the slider, arrows move the budget)", back],
    [["Home"], "Home: first step", () => go(1)],
    [["End"], "End: last step", () => go(last)],
    [["e"], "E: next example photo", nextExample],
    [["p"], "P: pause the budget, or let it go on", () => pause()],
    [["f"], "F: full screen", () => elements.stageFull.click()],
    [["b", "."], "B: black screen, and back", () => black(!page.root.classList.contains("is-black"))],
    [["t"], "T: light or dark", () => document.body.classList.toggle("dark")],
    [["n"], "N: next network that is here", nextNetwork],
    [["?"], "?: these keys", () => help(elements.keys.hidden)],
    [["Escape"], "Esc: leave", leave],
  ];
  const ACTIONS = new Map(KEYS.flatMap(([keys, , act]) => keys.map((key) => [key, act])));
  for (let step = 1; step <= last; step++) ACTIONS.set(String(step), () => go(step));

  // In a text field keys write; on a button the space bar presses it; on the slider the arrows move the budget.
  const isTyping = (element) => element.matches?.("input:not([type=range], [type=file]), textarea, select, [contenteditable]");

  function onKey(event) {
    if (!at() || event.altKey || event.ctrlKey || event.metaKey || (isTyping(event.target) && event.key !== "Escape")) return;
    if (event.key === " " && event.target.matches?.("button")) return;
    if (event.target === elements.slider && event.key.startsWith("Arrow")) {
      pause(true);
      return;
    }
    const action = ACTIONS.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    const wasBlack = page.root.classList.contains("is-black"),
      hadHelp = !elements.keys.hidden;
    black(false);
    help(false);
    if (event.key === "Escape" && (wasBlack || hadHelp)) return; // what lies over the stage goes first
    if (wasBlack && "b.".includes(event.key.toLowerCase())) return;
    if (hadHelp && event.key === "?") return;
    action();
  }

  // ---------------------------------------------------------------- fingers

  /** @type {Touch | null} */
  let begun = null;

  const isOurs = (event) => at() && event.touches.length < 2 && !event.target.closest?.("#sn-track, #sn-ring, .sn-photo, button, input");

  page.root.addEventListener("touchstart", (event) => (begun = isOurs(event) ? event.touches[0] : null), { passive: true });
  page.root.addEventListener("touchend", (event) => {
    if (!begun || !at()) return;
    const { clientX, clientY } = event.changedTouches[0];
    const along = clientX - begun.clientX,
      across = clientY - begun.clientY;
    begun = null;
    if (Math.abs(along) > SWIPE_PX && Math.abs(across) < Math.abs(along) / 2) (along < 0 ? forth : back)();
  });

  // ---------------------------------------------------------------- Back

  /** Puts the stage into the browser's history; a page that was loaded on stage anew has it there. */
  function enter() {
    if (!history.state?.[STAGED]) history.pushState({ ...history.state, [STAGED]: true }, "", location.href);
  }

  /** Takes it out again, where leaving was not Back's doing. */
  function exit() {
    black(false);
    help(false);
    if (history.state?.[STAGED]) history.back();
  }

  addEventListener("popstate", () => {
    const isStaged = Boolean(history.state?.[STAGED]);
    if (at() && !isStaged) leave();
    else if (!at() && isStaged) go(Number(new URLSearchParams(location.search).get("stage")) || 1);
  });

  elements.keys.append(...KEYS.map(([, words]) => make("p", {}, words)), make("p", {}, `1 to ${last}: that step`));
  document.addEventListener("keydown", onKey, true);

  return { enter, exit };
}
