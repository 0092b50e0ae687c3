// The photo, where it comes from, and what the network says of it.

import { cost } from "../chart/budget.js";
import { bold, on, page, server, state, tell } from "../core.js";
import { LOST, Refused } from "../server.js";
import { remember, sweep } from "./sweep.js";

const SETTLE_MS = 120; // a key held down asks once, when it is let go

// Uploads are swept away in time: what was refused with an old one is tried once more with a new one.
async function classify(photo, gmacs, signal) {
  const isOld = photo.path !== null;
  photo.path ??= await server.upload(photo.file, signal);
  try {
    return await server.classify(photo, gmacs, state.network, signal);
  } catch (error) {
    if (!isOld || !(error instanceof Refused)) throw error;
    photo.path = await server.upload(photo.file, signal);
    return server.classify(photo, gmacs, state.network, signal);
  }
}

// Asks for the newest photo and budget; whatever was asked before no longer matters.
async function ask() {
  clearTimeout(state.settle);
  if (!state.photo || state.gmacs === null) return;
  const turn = ++state.turn;
  const photo = state.photo;
  state.asking?.abort();
  if (followBudget()) {
    page.answer.setAttribute("aria-busy", "false");
    sweep(photo); // goes on where the server was lost
    return;
  }
  state.asking = new AbortController();
  page.answer.setAttribute("aria-busy", "true");
  try {
    const answer = await classify(photo, state.gmacs, state.asking.signal);
    if (turn !== state.turn) return;
    state.answered = photo;
    page.error.textContent = "";
    remember(answer);
    showAnswer(answer.stitch);
    tell("answer");
    sweep(photo);
  } catch (error) {
    if (turn !== state.turn || error.name === "AbortError") return;
    page.error.textContent = error instanceof TypeError ? LOST : error.message;
    if (photo !== state.answered) emptyAnswer(); // no photo may stand above another's answer
  }
  page.answer.setAttribute("aria-busy", "false");
}

function askWhenSettled() {
  clearTimeout(state.settle);
  state.settle = setTimeout(ask, SETTLE_MS);
}

// Shows what the chosen stitch says, if it has answered; true if so. Asks nothing: it runs at every move of the slider.
function followBudget() {
  const { chosen } = state;
  if (!chosen || state.answered !== state.photo || !state.answers.has(chosen.name)) return false;
  if (page.root.dataset.answered !== chosen.name) showAnswer(chosen.name);
  state.updates += 1;
  return true;
}

function showAnswer(name) {
  const answer = state.answers.get(name);
  const stitch = state.stitches.find((s) => s.name === name);
  const ran = answer.alone_ms === undefined ? "answered with all others" : `ran in ${answer.alone_ms.toFixed(1)} ms, measured`;
  const lines = [stitch.words, `${cost(stitch)} · ${ran}`];
  page.ran.replaceChildren(bold(answer.stitch), ...lines.flatMap((line) => [document.createElement("br"), line]));
  page.bars.querySelectorAll("li").forEach((row, place) => {
    row.hidden = place >= answer.top5.length; // a network may know fewer than five classes
    if (row.hidden) return;
    const { label, probability } = answer.top5[place];
    const share = `${(100 * probability).toFixed(1)} %`;
    row.querySelector(".name").textContent = label;
    row.querySelector(".name").title = label;
    row.querySelector(".share").textContent = share;
    row.querySelector(".fill").style.width = share.replace(" ", "");
  });
  page.root.dataset.answered = answer.stitch;
}

function emptyAnswer() {
  page.ran.textContent = "The five best classes appear here.";
  const row = '<span class="name">&nbsp;</span><span class="share"></span><span class="track"><span class="fill"></span></span>';
  page.bars.innerHTML = `<li>${row}</li>`.repeat(5);
}

function setPhoto(file) {
  stopWebcam();
  if (state.photo?.url) URL.revokeObjectURL(state.photo.url);
  const url = URL.createObjectURL(file);
  state.photo = { file, path: null, url };
  tell("photo");
  page.error.textContent = "";
  page.preview.onload = () => showPreview(true, file);
  page.preview.onerror = () => showPreview(false, file);
  page.preview.src = url;
  ask();
}

function showPreview(visible, file) {
  page.preview.hidden = !visible;
  page.preview.alt = visible ? `Your photo ${file.name}` : "";
  page.hint.hidden = visible;
  if (!visible) page.hint.textContent = `${file.name} (no preview)`;
}

export async function setExample(button) {
  const { src } = button.querySelector("img");
  const blob = await (await fetch(src)).blob();
  setPhoto(new File([blob], src.split("/").at(-1), { type: blob.type }));
}

// ---------------------------------------------------------------- webcam

let stream = null;

async function onWebcam() {
  if (stream) {
    const canvas = document.createElement("canvas");
    canvas.width = page.video.videoWidth;
    canvas.height = page.video.videoHeight;
    canvas.getContext("2d").drawImage(page.video, 0, 0);
    canvas.toBlob((blob) => blob && setPhoto(new File([blob], "webcam.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
    return;
  }
  page.webcam.disabled = true; // until there is a picture: a second click would open a second stream
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: true });
    page.video.srcObject = stream;
    page.video.hidden = false;
    await page.video.play();
    page.webcam.textContent = "Take the photo";
  } catch {
    stopWebcam();
    page.error.textContent = "No webcam to be had: allow it in the browser, or choose a photo.";
  }
  page.webcam.disabled = false;
}

function stopWebcam() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  page.video.hidden = true;
  page.video.srcObject = null;
  page.webcam.textContent = "Webcam";
}

// ---------------------------------------------------------------- start

// What is being asked was asked of the network before.
function forget() {
  state.turn += 1;
  state.asking?.abort();
  state.answered = null;
  delete page.root.dataset.answered;
}

export function listen() {
  emptyAnswer();
  on("leaving", forget);
  on("budget", followBudget);
  // keys settle with every step: the timer makes one question of many
  on("settled", askWhenSettled);
  page.file.addEventListener("change", () => {
    if (page.file.files.length) setPhoto(page.file.files[0]);
    page.file.value = ""; // so that the same file can be chosen again
  });
  // Anywhere on the page: a photo dropped beside the box would replace the page by itself.
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      page.drop.classList.toggle("is-over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) setPhoto(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])][0];
    if (file) setPhoto(file);
  });
  page.webcam.addEventListener("click", onWebcam);
  for (const button of page.root.querySelectorAll(".example")) button.addEventListener("click", () => setExample(button));
}
