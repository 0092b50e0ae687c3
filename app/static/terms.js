// @ts-check
// The field's words, explained where they stand: by hover, tap or focus.

import { make } from "./core.js";

/** @import { Page } from "./core.js" */

const MEANS = {
  stitch:
    "A stitch is one way through the network: the first blocks of one trained network, a small layer in between, and the last blocks of another. Each has its own cost and accuracy.",
  anchor: "An anchor is one of the pretrained networks that were stitched, whole and by itself.",
  front: "The front: the stitches that no other beats, being neither cheaper nor more accurate. A budget always buys one of them.",
  gmacs: "GMACs: billions of multiplications (with their additions) that one photo takes. Fewer are cheaper and usually faster.",
  "top-1": "Top-1: the share of ImageNet's photos whose first answer is right. It knows 1,000 classes.",
  estimated:
    "Estimated: worked out from a published figure and a difference measured on fewer photos, not measured on all of ImageNet; the interval says how sure it is.",
  zoo: "The timm zoo: hundreds of pretrained networks that researchers publish one by one, with the figures of its own result tables.",
};
const GAP = 8; // px between a word and what it means

/** @param {Page} page */
export function createTerms(page) {
  const tip = make("div", { className: "sn-term-tip", id: "sn-term-tip", role: "tooltip", hidden: true });
  page.root.append(tip);

  /** @param {HTMLElement} word */
  function open(word) {
    tip.textContent = MEANS[word.dataset.term] ?? "";
    tip.hidden = false;
    const { left, bottom, top } = word.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const below = bottom + GAP + height < innerHeight;
    tip.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
    tip.style.top = `${below ? bottom + GAP : Math.max(GAP, top - GAP - height)}px`;
  }

  const close = () => {
    tip.hidden = true;
  };

  /** Makes buttons of the words that are marked in some part of the page. @param {HTMLElement} part */
  function explain(part) {
    for (const word of part.querySelectorAll("[data-term]:not(.sn-term)")) {
      word.classList.add("sn-term");
      word.setAttribute("tabindex", "0");
      word.setAttribute("aria-describedby", tip.id);
    }
  }

  const wordOf = (/** @type {Event} */ event) => /** @type {HTMLElement} */ (event.target).closest?.(".sn-term");
  const onEnter = (/** @type {Event} */ event) => {
    const word = wordOf(event);
    if (word) open(/** @type {HTMLElement} */ (word));
  };
  for (const kind of ["pointerover", "focusin", "click"]) page.root.addEventListener(kind, onEnter);
  for (const kind of ["pointerout", "focusout"]) page.root.addEventListener(kind, (event) => wordOf(event) && close());
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("scroll", close, { passive: true, capture: true });
  explain(page.root);
  return { explain };
}
