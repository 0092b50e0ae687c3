// The way through the network: the anchors as rows of blocks, the chosen route lit through them.
// Drawn once a network; a move of the slider changes classes and one path.

import { bold, on, page, state } from "./core.js";

const ROW = 54; // px, from one anchor's row to the next
const HEAD_ROOM = 22; // px, for the stages' names
const GAP = 14; // px, between stages
const TALLEST = 30, LOWEST = 8; // px, of a block: its height grows with its GMACs
const NARROWEST = 560; // px: below that the drawing scrolls

let drawing = null; // what `service.network` tells: {anchors, layers, routes}
let rows = []; // per anchor: {y, cells: [{rect, x, width, kind, number, stage}], name}
let lit = null; // the stitch whose route is drawn
let told = null; // [anchor, cell] of the block that the tip is about

function shapeOf(tag, attributes, parent) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent?.append(element);
  return element;
}

// ---------------------------------------------------------------- places

// Anchors with equally many stages share columns, so that a crossing within a stage is nearly upright;
// others are spread over the whole width.
function columns(anchors, left, width) {
  const count = anchors[0].stages.length;
  if (anchors.some((anchor) => anchor.stages.length !== count)) return null;
  const most = anchors[0].stages.map((_, stage) => Math.max(...anchors.map((anchor) => anchor.stages[stage])));
  const unit = (width - GAP * (count - 1)) / most.reduce((a, b) => a + b);
  let x = left;
  return most.map((blocks) => {
    const column = { x, width: unit * blocks };
    x += column.width + GAP;
    return column;
  });
}

// Stem, blocks and head of one anchor, from left to right: {kind, number, stage, x, width}.
function cellsOf(anchor, shared, left, width) {
  const total = anchor.stages.reduce((a, b) => a + b);
  const cells = [{ kind: "stem", number: 0, stage: -1, x: left - 24, width: 10 }];
  let number = 0;
  anchor.stages.forEach((blocks, stage) => {
    for (let k = 0; k < blocks; k++) {
      const column = shared?.[stage] ?? { x: left, width };
      const share = shared ? k / blocks : number / total;
      const step = column.width / (shared ? blocks : total);
      cells.push({ kind: "block", number: number++, stage, x: column.x + share * column.width + 1.5, width: Math.max(3, Math.min(step - 3, 34)), step });
    }
  });
  for (const cell of cells) if (cell.step) cell.x += (cell.step - 3 - cell.width) / 2;
  cells.push({ kind: "head", number: total, stage: -1, x: left + width + 14, width: 10 });
  return cells;
}

const middle = (cell) => cell.x + cell.width / 2;

// ---------------------------------------------------------------- drawing

function drawRows() {
  const svg = page.routeSvg;
  svg.replaceChildren();
  rows = [];
  if (!drawing) return;
  page.rows.style.setProperty("--rows", drawing.anchors.length);
  const width = Math.max(page.rows.clientWidth, NARROWEST);
  svg.setAttribute("viewBox", `0 0 ${width} ${ROW * drawing.anchors.length + HEAD_ROOM}`);
  const longest = Math.max(...drawing.anchors.map((anchor) => anchor.name.length));
  const em = parseFloat(getComputedStyle(page.way).fontSize);
  const left = 44 + 0.64 * em * longest, right = 40;
  const shared = columns(drawing.anchors, left, width - left - right);
  const size = String(state.stitches[0].image_size);
  const most = Math.max(...drawing.anchors.flatMap((anchor) => (anchor.macs[size] ?? Object.values(anchor.macs)[0])));
  nameStages(svg, shared);
  drawing.anchors.forEach((anchor, number) => {
    const y = HEAD_ROOM + ROW * (drawing.anchors.length - 1 - number) + ROW / 2; // the largest on top
    const group = shapeOf("g", {}, svg);
    const name = shapeOf("text", { x: 2, y: y + 5, class: "row-name" }, group);
    name.textContent = anchor.name;
    const cells = cellsOf(anchor, shared, left, width - left - right);
    shapeOf("line", { class: "rail", x1: middle(cells[0]), x2: middle(cells.at(-1)), y1: y, y2: y }, group);
    rows.push({ y, cells, name, group });
  });
  const way = shapeOf("path", { class: "way" }, svg);
  drawing.anchors.forEach((anchor, number) => {
    const { y, cells, group } = rows[number];
    svg.append(group);
    cells.forEach((cell, place) => {
      const macs = (anchor.macs[size] ?? Object.values(anchor.macs)[0])[place];
      const height = LOWEST + (TALLEST - LOWEST) * Math.sqrt(macs / most);
      cell.rect = shapeOf("rect", { x: cell.x, y: y - height / 2, width: cell.width, height, rx: Math.min(3.5, cell.width / 2) }, group);
      cell.rect.dataset.place = `${number} ${place}`;
    });
  });
  rows.way = way;
  rows.joints = shapeOf("g", {}, svg);
  svg.insertBefore(way, svg.querySelector("g"));
  lit = null;
  if (state.chosen) light(state.chosen);
}

function nameStages(svg, shared) {
  if (!shared || shared.length < 2) return;
  shared.forEach((column, stage) => {
    const text = shapeOf("text", { class: "stage", x: column.x + column.width / 2, y: 12 }, svg);
    text.textContent = column.width > 46 ? `stage ${stage + 1}` : String(stage + 1);
  });
}

// ---------------------------------------------------------------- the route

// The cells of a leg: its blocks, with the stem before the first leg and the head behind the last.
function cellsOfLeg(route, place) {
  const [anchor, start, stop] = route.legs[place];
  const { cells } = rows[anchor];
  const first = place === 0 ? 0 : start + 1, last = place === route.legs.length - 1 ? cells.length - 1 : stop;
  return cells.slice(first, last + 1);
}

function light(stitch) {
  const route = drawing?.routes[stitch.name];
  if (!route || !rows.length || lit === stitch.name) return;
  lit = stitch.name;
  const onRoute = new Set();
  const points = route.legs.map(([anchor], place) => {
    const cells = cellsOfLeg(route, place);
    for (const cell of cells) onRoute.add(cell);
    return { y: rows[anchor].y, from: cells[0], to: cells.at(-1) };
  });
  rows.forEach((row, number) => {
    row.name.classList.toggle("is-lit", route.legs.some(([anchor]) => anchor === number));
    for (const cell of row.cells) cell.rect.classList.toggle("is-lit", onRoute.has(cell));
  });
  rows.way.setAttribute("d", wayThrough(points));
  rows.joints.replaceChildren();
  points.slice(1).forEach((point, place) => markJoint(points[place], point, drawing.layers[route.layers[place]]));
  sayWay(stitch, route);
  if (told) tell(...told);
}

function wayThrough(points) {
  let path = `M ${middle(points[0].from)} ${points[0].y}`;
  points.forEach((point, place) => {
    const before = points[place - 1];
    if (before) {
      const x1 = middle(before.to), x2 = middle(point.from), bend = Math.max(10, Math.abs(x2 - x1) / 2);
      path += ` C ${x1 + bend} ${before.y} ${x2 - bend} ${point.y} ${x2} ${point.y}`;
    }
    path += ` L ${middle(point.to)} ${point.y}`;
  });
  return path;
}

// The stitching layer: a mark on the crossing, its shape beside it where there is room.
function markJoint(before, after, layer) {
  const x = (middle(before.to) + middle(after.from)) / 2, y = (before.y + after.y) / 2;
  const plate = shapeOf("rect", { class: "plate is-lit" }, rows.joints);
  const text = shapeOf("text", { class: "shape", y }, rows.joints);
  text.textContent = layer.shape;
  const length = text.getComputedTextLength() + 16, height = 1.5 * parseFloat(getComputedStyle(text).fontSize);
  for (const [name, value] of Object.entries({ y: y - height / 2, height, rx: height / 2 })) plate.setAttribute(name, value);
  const at = x + 12 + length < page.routeSvg.viewBox.baseVal.width ? x + 12 : x - 12 - length;
  plate.setAttribute("width", length);
  plate.setAttribute("x", at);
  text.setAttribute("x", at + 8);
  shapeOf("circle", { class: "joint", cx: x, cy: y, r: 6 }, rows.joints);
}

const gmacs = (macs) => (macs / 1e9).toFixed(macs < 5e6 ? 4 : 3);

function legInWords(route, place, size) {
  const [anchor, start, stop] = route.legs[place];
  const { name, macs } = drawing.anchors[anchor];
  const isFirst = place === 0, isLast = place === route.legs.length - 1;
  const cost = macs[size].slice(isFirst ? 0 : start + 1, isLast ? undefined : stop + 1).reduce((a, b) => a + b, 0);
  if (isFirst && isLast) return { name, words: ", whole", cost };
  const blocks = stop === start ? "" : stop - start === 1 ? ` block ${stop}` : ` blocks ${start + 1}–${stop}`;
  return { name, words: `${blocks}${isLast ? `${blocks && " and"} head` : ""}`, cost };
}

// Which blocks run, the layers between them, and what each costs.
function sayWay(stitch, route) {
  const size = String(stitch.image_size);
  const parts = [];
  route.legs.forEach((_, place) => {
    if (place) {
      const layer = drawing.layers[route.layers[place - 1]];
      parts.push(` → stitching layer, ${layer.shape} (${gmacs(layer.macs[size])}) → `);
    }
    const { name, words, cost } = legInWords(route, place, size);
    parts.push(bold(name), `${words} (${gmacs(cost)})`);
  });
  page.way.replaceChildren(...parts, ` = ${stitch.gmacs.toFixed(3)} GMACs at ${size} px`);
}

// ---------------------------------------------------------------- one block

function tell(anchor, place) {
  forgetTold();
  const cell = rows[anchor]?.cells[place];
  if (!cell) return;
  told = [anchor, place];
  const { name, macs, stages } = drawing.anchors[anchor];
  const size = String(state.chosen.image_size);
  const cost = macs[size][place];
  const isOn = cell.rect.classList.contains("is-lit");
  const where = cell.kind === "block" ? `block ${cell.number + 1}${stages.length > 1 ? `, stage ${cell.stage + 1}` : ""}` : cell.kind;
  const share = isOn ? `${((100 * cost) / (state.chosen.gmacs * 1e9)).toFixed(1)} % of this way` : "not on this way";
  page.tip.replaceChildren(bold(`${name} ${where}`), document.createElement("br"), `${gmacs(cost)} GMACs at ${size} px, ${share}`);
  page.tip.hidden = false;
  cell.rect.classList.add("is-told");
  placeTip(cell);
}

function placeTip(cell) {
  const block = cell.rect.getBoundingClientRect(), box = page.rows.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = page.tip;
  const x = Math.max(4, Math.min(block.left - box.left + block.width / 2 - width / 2, box.width - width - 4)) + page.rows.scrollLeft;
  const above = block.top - box.top - height - 6;
  page.tip.style.transform = `translate(${x}px, ${above >= 0 ? above : Math.min(block.bottom - box.top + 6, box.height - height)}px)`;
}

function forgetTold() {
  if (told) rows[told[0]]?.cells[told[1]]?.rect.classList.remove("is-told");
  told = null;
  page.tip.hidden = true;
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };

function onRouteKey(event) {
  if (event.key === "Escape") forgetTold();
  const step = STEPS[event.key];
  if (!step || !rows.length) return;
  event.preventDefault();
  const [anchor, place] = told ?? [drawing.routes[lit].legs[0][0], step[1] < 0 ? 1 : -1];
  const row = Math.max(0, Math.min(rows.length - 1, anchor + step[0]));
  tell(row, Math.max(0, Math.min(rows[row].cells.length - 1, place + step[1])));
}

export function listen() {
  on("network", (layer) => {
    forgetTold();
    drawing = layer.drawing;
    drawRows();
  });
  on("budget", light);
  page.rows.addEventListener("pointerover", (event) => event.target.dataset.place && tell(...event.target.dataset.place.split(" ").map(Number)));
  page.rows.addEventListener("pointerleave", forgetTold);
  page.rows.addEventListener("keydown", onRouteKey);
  page.rows.addEventListener("blur", forgetTold);
  new ResizeObserver(drawRows).observe(page.rows);
}
