// @ts-check
// The photo, where it comes from, and what the network says of it.

import { hasWeights, Newest, percent, press, settled } from "../core.js";

/** @import { Page } from "../core.js" */

const SETTLE_MS = 120; // a key held down asks once, when it is let go

/** @import { Photo } from "../types.js" */
/** @import { Sweep } from "./sweep.js" */

/** @param {Page} page @param {Sweep} sweep @param {{recall: (photo: Photo) => boolean}} examples */
export function createPhoto(page, { remember, sweep }, { recall }) {
  const { elements, keep, on, server, state, tell } = page;
  const newest = new Newest();
  const photos = new Newest();
  let opening = ""; // the example that the page begins with, if its answer is in the markup
  /** @type {Photo | null} */
  let answerOf = null; // the photo whose answer is shown

  // Asks for the newest photo and budget; whatever was asked before no longer matters.
  async function ask() {
    askWhenSettled.drop();
    const { gmacs, network, photo } = state;
    if (!photo || gmacs === null || !hasWeights(state)) return;
    const signal = newest.begin();
    recallExample();
    if (state.clicked) answerOf = photo; // off the front: no budget buys it, the sweep brings it first
    const hasAnswered = followBudget() || state.clicked !== null;
    elements.answer.setAttribute("aria-busy", String(!hasAnswered));
    if (!hasAnswered) {
      const answer = await server.classify(photo, gmacs, network, signal);
      if (signal.aborted) return;
      elements.answer.setAttribute("aria-busy", "false");
      elements.error.textContent = answer.error ?? "";
      if (answer.error) {
        if (photo !== answerOf) emptyAnswer(); // no photo may stand above another's answer
        tell("answer");
        return;
      }
      answerOf = photo;
      remember(answer);
      showAnswer(answer.stitch);
      tell("answer");
    }
    sweep(photo); // where all have answered but some, goes on
  }

  const askWhenSettled = settled(ask, SETTLE_MS);

  // Shows what the chosen stitch says, if it has answered; true if so. Asks nothing: it runs at every move of the slider.
  function followBudget() {
    const { chosen } = state;
    if (!chosen || answerOf !== state.photo || !state.answers.has(chosen.name)) return false;
    if (page.root.dataset.answered !== chosen.name) showAnswer(chosen.name);
    state.updates += 1;
    return true;
  }

  function showAnswer(name) {
    const answer = state.answers.get(name);
    const [best] = answer.top5;
    elements.verdict.textContent = best ? `${best.label} · ${Math.round(100 * best.probability)} %` : "No finite answer";
    elements.ran.textContent = [answer.error, answer.note].filter(Boolean).join(" ");
    elements.bars.querySelectorAll("li").forEach((row, place) => {
      row.hidden = place >= answer.top5.length; // a network may know fewer than five classes
      if (row.hidden) return;
      const { label, probability } = answer.top5[place];
      const share = percent(probability);
      row.querySelector(".name").textContent = label;
      row.querySelector(".name").title = label;
      row.querySelector(".share").textContent = share;
      row.querySelector(".fill").style.width = share.replace(" ", "");
    });
    page.root.dataset.answered = answer.stitch;
  }

  function emptyAnswer() {
    elements.verdict.textContent = elements.holds.textContent = "\u00a0";
    elements.ran.textContent = "";
    const row = '<span class="name">&nbsp;</span><span class="share"></span><span class="track"><span class="fill"></span></span>';
    elements.bars.innerHTML = `<li>${row}</li>`.repeat(5);
  }

  /** @param {File} file */
  function setPhoto(file) {
    begin({ file, example: "", url: URL.createObjectURL(file) });
    elements.preview.onload = () => showPreview(true, `Your photo ${file.name}`);
    elements.preview.onerror = () => showPreview(false, file.name);
    elements.preview.src = state.photo?.url;
    ask();
  }

  /** @param {{file: File | null, example: string, url: string}} photo */
  function begin(photo) {
    stopWebcam();
    if (state.photo?.url.startsWith("blob:")) URL.revokeObjectURL(state.photo.url);
    state.photo = { ...photo, path: null, upload: null, signal: photos.begin() };
    delete page.root.dataset.answered; // which was said of the photo before
    tell("photo");
    elements.error.textContent = "";
  }

  function showPreview(visible, words) {
    elements.preview.hidden = !visible;
    elements.preview.alt = visible ? words : "";
    elements.hint.hidden = visible;
    if (!visible) elements.hint.textContent = `${words} (no preview)`;
  }

  // ---------------------------------------------------------------- examples

  /** @param {HTMLElement} button */
  const exampleOf = (button) => {
    const url = button.dataset.photo ?? "";
    return { file: null, example: url.split("/").at(-1) ?? "", url };
  };

  /** @param {HTMLElement} button */
  const wordsOf = (button) => button.ariaLabel?.replace("Example: ", "") ?? "";

  /** @param {HTMLElement} button */
  function setExample(button) {
    begin(exampleOf(button));
    elements.preview.onload = null;
    elements.preview.onerror = () => {
      elements.preview.onerror = null;
      elements.preview.src = button.querySelector("img")?.src; // without a connection: smaller, but here
    };
    showPreview(true, wordsOf(button));
    elements.preview.src = button.dataset.photo;
    pressExample();
    tell("changed");
    ask();
  }

  function pressExample() {
    press(page.all(".example"), (button) => state.photo?.example === exampleOf(button).example);
  }

  function recallExample() {
    if (!state.photo || state.answers.size || !recall(state.photo)) return;
    answerOf = state.photo;
    tell("answer");
  }

  const nameOf = (/** @type {string} */ file) => file.replace(/\.\w+$/, "");

  keep("example", {
    read: () => (state.photo?.example && state.photo.example !== opening ? nameOf(state.photo.example) : null),
    restore: (text) => {
      const button = page.all(".example").find((one) => nameOf(exampleOf(one).example) === text);
      if (button) setExample(button);
    },
  });

  // ---------------------------------------------------------------- webcam

  let stream = null;

  async function onWebcam() {
    if (stream) {
      const canvas = document.createElement("canvas");
      canvas.width = elements.video.videoWidth;
      canvas.height = elements.video.videoHeight;
      canvas.getContext("2d").drawImage(elements.video, 0, 0);
      canvas.toBlob((blob) => blob && setPhoto(new File([blob], "webcam.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
      return;
    }
    elements.webcam.disabled = true; // until there is a picture: a second click would open a second stream
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
      elements.video.srcObject = stream;
      elements.video.hidden = false;
      await elements.video.play();
      elements.webcam.textContent = "Take the photo";
    } catch {
      stopWebcam();
      elements.error.textContent = "No webcam to be had: allow it in the browser, or choose a photo.";
    }
    elements.webcam.disabled = false;
  }

  function stopWebcam() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    elements.video.hidden = true;
    elements.video.srcObject = null;
    elements.webcam.textContent = "Camera";
  }

  // ---------------------------------------------------------------- start

  // What is being asked was asked of the network before.
  function forget() {
    newest.drop();
    answerOf = null;
    delete page.root.dataset.answered;
  }

  // The markup holds the first example's answer; what else is to be known of it comes with the network.
  const [first] = page.all(".example");
  if (first && !elements.preview.hidden) {
    state.photo = { ...exampleOf(first), path: null, upload: null, signal: photos.begin() };
    opening = state.photo.example;
  } else emptyAnswer();
  pressExample();
  on("photo", pressExample);
  on("network", recallExample);
  on("leaving", forget);
  on("budget", followBudget);
  on("answer", () => state.clicked && followBudget());
  // keys settle with every step: the timer makes one question of many
  on("settled", askWhenSettled);
  elements.file.addEventListener("change", () => {
    if (elements.file.files.length) setPhoto(elements.file.files[0]);
    elements.file.value = ""; // so that the same file can be chosen again
  });
  // Anywhere on the page: a photo dropped beside the box would replace the page by itself.
  for (const kind of /** @type {const} */ (["dragover", "dragleave", "drop"])) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      elements.drop.classList.toggle("is-over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) setPhoto(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])][0];
    if (file) setPhoto(file);
  });
  elements.webcam.addEventListener("click", onWebcam);
  for (const button of page.all(".example")) button.addEventListener("click", () => setExample(button));

  return { setExample };
}
