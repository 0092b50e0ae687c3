// The budget, the stitch that it buys, and the ring that follows it over the chart. Moving asks nothing of the server.

import { bold, keep, page, plot, state, tell } from "../core.js";

const UNKNOWN = "not measured yet: the costliest stitch within the budget";

// The rule of snnet.frontier.best_within: highest top-1 within the budget; ties to the cheaper, then the first.
export function bestWithin(stitches, gmacs) {
  let best = null;
  for (const stitch of stitches) {
    if (stitch.gmacs > gmacs) break;
    if (best === null || isBetter(stitch, best)) best = stitch;
  }
  return best;
}

// Of a costlier stitch against a cheaper one; where nothing is measured, the costlier is the better.
function isBetter(stitch, best) {
  if (stitch.top1 === null) return best.top1 === null && stitch.gmacs > best.gmacs;
  return best.top1 === null || stitch.top1 > best.top1;
}

// Every stitch that some budget buys, by ascending GMACs.
export function bought() {
  const found = [];
  for (const stitch of state.stitches) {
    if (!found.length || isBetter(stitch, found.at(-1))) found.push(stitch);
  }
  return found;
}
// Where a stitch stands on the chart: on other sets than ImageNet-1k only timm's own models have a height.
export const xOf = (stitch) => (state.x === "params" ? stitch.params_m : stitch.gmacs);
export const yOf = (stitch) => (state.set === "top1" ? stitch.top1 : (stitch.sets?.[state.set] ?? null));

export const span = () => [state.stitches[0].gmacs, state.stitches.at(-1).gmacs];

export function toPosition(gmacs) {
  const [low, high] = span();
  return high > low ? Number(page.slider.max) * (Math.log(gmacs / low) / Math.log(high / low)) : 0;
}

export function fromPosition(position) {
  const [low, high] = span();
  const share = position / Number(page.slider.max);
  return share >= 1 ? high : low * (high / low) ** share;
}

// Moves everything that follows the budget; asks nothing of the server.
export function setBudget(gmacs, from, clicked = null) {
  const [low, high] = span();
  state.gmacs = Math.min(Math.max(gmacs, low), high);
  if (from !== "slider") page.slider.value = String(toPosition(state.gmacs));
  if (from !== "number") page.gmacs.value = (Math.ceil(state.gmacs * 1000 - 1e-9) / 1000).toFixed(3);
  const stitch = bestWithin(state.stitches, state.gmacs);
  if (stitch !== state.chosen) {
    state.chosen = stitch;
    labelRing(stitch);
    sayChosen(stitch, clicked);
  } else if (clicked !== state.clicked) sayChosen(stitch, clicked);
  state.clicked = clicked;
  page.slider.setAttribute("aria-valuetext", `${state.gmacs.toFixed(2)} GMACs: ${stitch.words}, ${accuracy(stitch)}`);
  placeRing();
  tell("budget", stitch);
}

// A click buys what its cost buys: where that is another stitch than the clicked one, the line says why.
function sayChosen(stitch, clicked) {
  const known = clicked?.top1 === null ? "is the best known for no more" : "is better for no more";
  const said = clicked && clicked !== stitch ? ` ${known}: ${figures(stitch)}, where ${clicked.name} has ${figures(clicked)}` : inWords(stitch);
  page.chosen.replaceChildren(bold(stitch.name), said);
  page.chosen.title = page.chosen.textContent;
}

const inWords = (stitch) => ` ${stitch.words} · ${cost(stitch)} · ${accuracy(stitch)}`;

export const cost = (stitch) => `${stitch.gmacs.toFixed(stitch.gmacs < 0.1 ? 4 : 3)} GMACs`;

// Two lines for all stitches of a network if one of them needs them: a drag may not shift the page.
export function makeRoomForWords() {
  page.chosen.classList.remove("is-long");
  const longest = state.stitches.reduce((a, b) => ((a.name + inWords(a)).length < (b.name + inWords(b)).length ? b : a));
  page.chosen.replaceChildren(bold(longest.name), inWords(longest));
  page.chosen.classList.toggle("is-long", page.chosen.scrollWidth > page.chosen.clientWidth);
  page.chosen.replaceChildren("\u00a0");
}

export const figures = (stitch) => `${round(stitch.gmacs)} GMACs · ${stitch.top1 === null ? "not measured" : `${stitch.top1.toFixed(1)} %`}`;

// Two decimals, or two digits of less than that.
const round = (gmacs) => (gmacs < 0.1 ? gmacs.toPrecision(2) : gmacs.toFixed(2));

export function labelRing(stitch) {
  const isNarrow = plot.clientWidth < 500 || page.root.classList.contains("is-stage"); // there the figures are large
  page.ring.hidden = false; // a hidden label has no width
  if (state.set !== "top1")
    page.ringLabel.textContent = `${isNarrow ? "" : `${stitch.name} · `}${round(stitch.gmacs)} GMACs · ${yOf(stitch)?.toFixed(1).concat(" %") ?? "not measured here"}`;
  else if (isNarrow) page.ringLabel.textContent = figures(stitch);
  else page.ringLabel.textContent = stitch.top1 === null ? `${round(stitch.gmacs)} GMACs · ${UNKNOWN}` : `${stitch.name} · ${figures(stitch)}`;
  state.labelWidth = page.ringLabel.offsetWidth; // measured once a text: reading it at every move is slow
}

export function accuracy(stitch) {
  if (stitch.top1 === null) return UNKNOWN;
  const [low, high] = stitch.interval;
  return `${stitch.top1.toFixed(1)} % top-1 [${low.toFixed(1)}, ${high.toFixed(1)}], ${stitch.source}`;
}

// The ring lies over the graph, so that moving it redraws nothing.
export function placeRing() {
  const axes = plot?._fullLayout;
  if (!axes || !state.chosen) return;
  const { xaxis, yaxis } = axes;
  const x = xaxis.d2p(xOf(state.chosen)) + xaxis._offset;
  const height = yOf(state.chosen);
  const y = height === null ? yaxis._offset + (1 - state.rug) * yaxis._length : yaxis.d2p(height) + yaxis._offset;
  page.ring.classList.toggle("is-low", y > yaxis._offset + yaxis._length - 44); // its label would cover the axis
  const inside = x >= xaxis._offset && x <= xaxis._offset + xaxis._length && y >= yaxis._offset && y <= yaxis._offset + yaxis._length;
  page.ring.hidden = !inside;
  page.ring.style.transform = `translate(${x}px, ${y}px)`;
  const right = xaxis._offset + xaxis._length - state.labelWidth - 4; // the label stays on the graph
  page.ringLabel.style.transform = `translateX(${Math.max(xaxis._offset + 4, Math.min(x + 12, right)) - x}px)`;
  state.moves += 1;
}

// What was typed stays as it was typed; below the smallest stitch the browser's own bubble says what is wrong.
function onTyped() {
  const gmacs = page.gmacs.valueAsNumber;
  const smallest = Number(page.gmacs.min);
  const isEnough = gmacs >= smallest;
  page.gmacs.setCustomValidity(isEnough ? "" : `The smallest stitch takes ${smallest} GMACs: give at least that.`);
  page.gmacs.reportValidity();
  if (!isEnough) return;
  setBudget(gmacs, "number");
  tell("settled");
}

export function listen() {
  keep("budget", {
    read: () => (state.gmacs === null || state.gmacs === state.opening ? null : String(Number(page.gmacs.value))),
    restore: (text) => {
      if (!(Number(text) > 0)) return;
      setBudget(Number(text));
      tell("settled");
    },
  });
  page.slider.addEventListener("input", () => setBudget(fromPosition(Number(page.slider.value)), "slider"));
  page.slider.addEventListener("change", () => tell("settled"));
  page.gmacs.addEventListener("input", () => page.gmacs.setCustomValidity(""));
  page.gmacs.addEventListener("change", onTyped);
}
