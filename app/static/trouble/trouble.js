// @ts-check
// The line that says what the page waits for when its server falters. It goes by itself.

import { say } from "../core.js";

/** @import { Page } from "../core.js" */

const TICK_MS = 250; // of the countdown
const THANKS_MS = 1500;
const BLIP = 1; // a second try that succeeds was no trouble

const RELOAD = "Another version of the app runs now, and this page does not fit it.";

/** @param {Page} page */
export function createTrouble(page) {
  const { elements, server } = page;
  let ticking = 0; // timer
  let leaving = 0; // timer

  // A lost server before one that is busy, and who waits longest before the others.
  const worst = () => {
    const troubles = server.troubles.filter(({ tries, isBusy }) => isBusy || tries > BLIP);
    return troubles.find(({ isBusy }) => !isBusy) ?? troubles[0];
  };

  function draw() {
    const trouble = worst();
    if (server.isOutdated) show(RELOAD, "", "Reload");
    else if (trouble) show(trouble.sentence, nextOf(trouble), trouble.isBusy ? "" : "Try now");
    else if (!elements.trouble.hidden) thank();
    clearInterval(ticking);
    if (trouble) ticking = setInterval(draw, TICK_MS);
  }

  /** @param {{isBusy: boolean, until: number}} trouble */
  function nextOf({ isBusy, until }) {
    const seconds = Math.ceil((until - performance.now()) / 1000);
    if (!until || seconds < 1) return isBusy ? " · asking again …" : " · trying again …";
    return ` · ${isBusy ? "asking" : "trying"} again in ${seconds} s`;
  }

  // Screen readers hear the sentence when it changes, not the countdown.
  /** @param {string} sentence @param {string} next @param {string} go */
  function show(sentence, next, go) {
    clearTimeout(leaving);
    leaving = 0;
    elements.trouble.hidden = false;
    elements.trouble.classList.remove("is-back");
    say(elements.troubleText, sentence);
    elements.troubleNext.textContent = next;
    elements.troubleGo.hidden = !go;
    elements.troubleGo.textContent = go;
  }

  function thank() {
    if (leaving) return;
    show("The server answers again.", "", "");
    elements.trouble.classList.add("is-back");
    leaving = setTimeout(() => {
      leaving = 0;
      elements.trouble.hidden = true;
    }, THANKS_MS);
  }

  server.onTrouble(draw);
  elements.troubleGo.addEventListener("click", () => (server.isOutdated ? location.reload() : server.tryNow()));
}
