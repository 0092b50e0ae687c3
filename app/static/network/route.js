// @ts-check
// The way through the network: the anchors as rows of blocks, the chosen route lit through them.
//
// The drawing is built once a network and width. At a move of the slider only what changed is touched: blocks light up
// or go out, one path is bent, the marks of the stitching layers move; nothing is measured then.

import { laddersOf } from "../chart/figures.js";
import { bold, make, percent } from "../core.js";

/** @import { Page } from "../core.js" */

const SVG = "http://www.w3.org/2000/svg";
const NARROW = 560; // px, below which the anchors' names stand over their rows
const MARK = 7; // px, radius of a stitching layer's mark
const AWAY = 14; // px, from a mark to its label

const LISTBOX = {
  role: "listbox",
  "aria-label": "Blocks of the anchors, those on the chosen way selected",
  "aria-multiselectable": "true",
  "aria-orientation": "horizontal",
  "aria-describedby": "sn-route-said",
};

const inGmacs = (macs) => macs / 1e9;

const asGrid = ([height, width]) => (width === 1 && height > 1 ? `${height} tokens` : `${height}×${width}`);

function asRange(first, last) {
  return first === last ? `block ${first + 1}` : `blocks ${first + 1}–${last + 1}`;
}

// Figures that add up as they are printed, to a sum that is rounded up as all costs are: cut off, and the lost units
// given back where most was lost.
function printedSum(costs, digits) {
  const unit = 10 ** (9 - digits);
  const total = Math.ceil(costs.reduce((sum, cost) => sum + cost, 0) / unit);
  const units = costs.map((cost) => Math.floor(cost / unit));
  const lost = costs.map((cost, place) => ({ place, rest: cost / unit - units[place] })).sort((a, b) => b.rest - a.rest);
  const lacking = total - units.reduce((sum, count) => sum + count, 0);
  for (const { place } of lost.slice(0, lacking)) units[place] += 1;
  const print = (count) => (count / 10 ** digits).toFixed(digits);
  return { parts: units.map(print), total: print(total) };
}

// As many decimals as the smallest part needs, three to five.
function digitsFor(costs) {
  return [3, 4].find((digits) => costs.every((cost) => Math.round(cost / 10 ** (9 - digits)) > 0)) ?? 5;
}

const asCost = (macs) => (inGmacs(macs) < 0.01 ? String(Number(inGmacs(macs).toPrecision(2))) : inGmacs(macs).toFixed(3));

// ---------------------------------------------------------------- drawing

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function besideMark({ x }, room, side, width) {
  const right = x + AWAY,
    left = x - AWAY - room;
  if (side > 0) return { x: right + room <= width || left < 0 ? Math.min(right, width - room) : left, room };
  return { x: left >= 0 || right + room > width ? Math.max(0, left) : right, room };
}

const meet = (a, b, [one, other]) => (a.x < b.x + b.room && b.x < a.x + a.room) || covers(a, other) || covers(b, one);

const covers = ({ x, room }, mark) => mark.x + MARK > x && mark.x - MARK < x + room;

const lengthOf = (nodes) => nodes.reduce((sum, node) => sum + (node.textContent ?? node).length, 0);

const nearestOf = (items, distance) => items.reduce((a, b) => (distance(b) < distance(a) ? b : a));

/** @param {Page} page */
export function createRoute(page) {
  const { elements, on, state } = page;

  // Text in pixels, as large as the words around the drawing are: larger on stage.
  const sizeOf = (token) => getComputedStyle(token === "fine" ? elements.routeHint : elements.routeSaid).fontSize;

  // The width of a text, in px, as the element's style writes it.
  function textWidth(text, style) {
    routePen.font = `600 ${style} ${page.family}`;
    return routePen.measureText(text).width;
  }

  let routeDrawing = null; // what `drawing` of app/drawing.py says of the shown network
  let routeMap = null; // what is on the page: {rows, way, joints, columns, width, height}
  let routeShown = null; // the stitch that is lit
  let routePointed = null; // the block whose tooltip is shown

  // ---------------------------------------------------------------- what a route is

  // A block's "index": -1 the stem, 0 … the blocks, their number the head.
  const sizeIndex = (stitch) => routeDrawing.sizes.indexOf(stitch.image_size);

  const countOf = (anchor) => routeDrawing.anchors[anchor].channels.length - 1;

  // The parts of a route in order: legs with stem and head where they have one, and the layers between.
  function piecesOf(stitch) {
    const route = routeDrawing.routes[stitch.name];
    const at = sizeIndex(stitch);
    return route.map((piece, place) => {
      if (!Array.isArray(piece)) {
        const { shape, macs } = routeDrawing.layers[piece];
        return { isLayer: true, shape, macs: macs[at] };
      }
      const [anchor, start, stop] = piece;
      const costs = routeDrawing.anchors[anchor].macs[at];
      const first = place === 0 ? -1 : start,
        last = place === route.length - 1 ? countOf(anchor) : stop - 1;
      let macs = costs.slice(start + 1, stop + 1).reduce((sum, cost) => sum + cost, 0);
      if (first < 0) macs += costs[0];
      if (last === countOf(anchor)) macs += costs.at(-1);
      return { isLayer: false, anchor, start, stop, hasStem: first < 0, hasHead: last === countOf(anchor), macs };
    });
  }

  const runs = (piece, anchor, index) =>
    piece.anchor === anchor && ((index >= piece.start && index < piece.stop) || (index < 0 && piece.hasStem) || (index === countOf(anchor) && piece.hasHead));

  // ---------------------------------------------------------------- words

  const titleOf = (anchor) => routeDrawing.anchors[anchor].title;

  function legInWords({ anchor, start, stop, hasStem, hasHead }) {
    const { norms } = routeDrawing.anchors[anchor];
    const last = stop - 1 - norms.filter((index) => index >= start && index < stop).length;
    const words = [];
    if (hasStem) words.push("stem");
    if (last >= start) words.push(asRange(start, last));
    if (last < stop - 1) words.push("norm");
    if (hasHead) words.push("head");
    const end = words.pop();
    return words.length ? `${words.join(", ")} and ${end}` : end;
  }

  function sentenceOf(stitch) {
    const pieces = piecesOf(stitch);
    const costs = pieces.map((piece) => piece.macs);
    const digits = digitsFor(costs);
    const whole = laddersOf(state.stitches).gmacs.figure(stitch.gmacs, digits); // it may take more
    const { parts, total } = printedSum(costs, whole.length - whole.indexOf(".") - 1);
    const words = pieces.flatMap((piece, place) => {
      const cost = place ? parts[place] : `${parts[place]} GMACs`;
      const arrow = place ? [" → "] : [];
      if (!piece.isLayer) return [...arrow, bold(titleOf(piece.anchor)), ` ${legInWords(piece)} (${cost})`];
      const name = bold(`stitching layer ${piece.shape}`);
      name.className = "is-layer";
      return [...arrow, name, ` (${cost})`];
    });
    if (pieces.length === 1) return [words[0], ` whole: ${legInWords(pieces[0])}: ${total} GMACs at ${stitch.image_size} px`];
    return [...words, `: ${total} GMACs at ${stitch.image_size} px`];
  }

  function nameOfBlock(anchor, index) {
    const { depths, norms } = routeDrawing.anchors[anchor];
    if (index < 0) return "stem";
    if (index === countOf(anchor)) return "head";
    if (norms.includes(index)) return "norm before the head";
    const number = `block ${index + 1} of ${countOf(anchor) - norms.length}`;
    const stages = depths.filter((depth) => depth > 0).length - norms.length;
    if (routeDrawing.by !== "stage" || stages < 2) return number;
    let stage = 0,
      before = 0;
    while (index >= before + depths[stage]) before += depths[stage++];
    return `stage ${stage + 1}, ${number}`;
  }

  // [heading, line, …] of a block's tooltip, at the chosen stitch's image size.
  function wordsOfBlock({ anchor, index }) {
    const { channels, grids, macs } = routeDrawing.anchors[anchor];
    const stitch = routeShown;
    const at = stitch ? sizeIndex(stitch) : 0;
    const lines = [`${titleOf(anchor)}, ${nameOfBlock(anchor, index)}`];
    if (index < countOf(anchor)) lines.push(`gives ${channels[index + 1]} channels × ${asGrid(grids[at][index + 1])}`);
    const own = macs[at][index + 1];
    lines.push(`${asCost(own)} GMACs at ${routeDrawing.sizes[at]} px`);
    if (stitch) {
      const pieces = piecesOf(stitch);
      const isRun = pieces.some((piece) => runs(piece, anchor, index));
      const total = pieces.reduce((sum, piece) => sum + piece.macs, 0);
      lines.push(isRun ? `${percent(own / total)} of the chosen stitch` : "not on the chosen way");
    }
    return lines;
  }

  const routePen = document.createElement("canvas").getContext("2d");

  // Where everything stands: columns from left to right, the largest anchor's row at the top.
  function place(width, height) {
    const { anchors, columns } = routeDrawing;
    const small = sizeOf("small"),
      isNarrow = width < NARROW;
    const labels = isNarrow ? 0 : Math.min(roomOfNames(), Math.max(...anchors.map(({ title }) => textWidth(title, small))) + 16);
    const depths = Array.from({ length: columns }, (_, column) => Math.max(1, ...anchors.map((anchor) => anchor.depths[column])));
    const gap = isNarrow ? 0.45 : 0.7; // of a block's room, between columns
    const units = 2 + depths.reduce((sum, depth) => sum + depth, 0) + gap * (columns + 1);
    const unit = (width - labels) / units;
    const spans = [];
    let x = labels + unit * (1 + gap);
    for (const depth of depths) {
      spans.push([x, x + unit * depth]);
      x += unit * (depth + gap);
    }
    const axis = axisHeight(),
      above = isNarrow ? 18 : 0; // px, for words under all rows and over each
    const pitch = (height - axis) / anchors.length;
    const tallest = Math.max(12, Math.min(38, 0.5 * (pitch - above)));
    const most = Math.max(...anchors.flatMap((anchor) => anchor.macs[0]));
    const thick = Math.max(4, Math.min(0.78 * unit, 30));
    const rows = anchors.map((anchor, number) => {
      const y = above + (anchors.length - 1 - number + 0.5) * pitch - 0.5 * above;
      const centres = [labels + unit / 2];
      anchor.depths.forEach((depth, column) => {
        const [left, right] = spans[column];
        for (let k = 0; k < depth; k++) centres.push(left + ((right - left) * (k + 0.5)) / depth);
      });
      centres.push(width - unit / 2);
      const heights = anchor.macs[0].map((macs) => 10 + (tallest - 10) * Math.sqrt(macs / most));
      return { y, centres, heights };
    });
    return { rows, spans, thick, tallest, isNarrow, labels, pitch, bottom: height - axis };
  }

  function build() {
    const width = elements.routeMap.clientWidth,
      height = elements.routeMap.clientHeight;
    if (!routeDrawing || !width) return;
    labels.clear();
    const { rows, spans, thick, tallest, isNarrow, bottom } = place(width, height);
    const picture = svg("svg", { width, height, ...LISTBOX });
    for (const [left, right] of spans)
      picture.append(svg("rect", { class: "sn-route-stage", x: left - 3, y: 0, width: right - left + 6, height: bottom, rx: 8 }));
    const tracks = rows.map(({ y, centres }) => svg("path", { class: "sn-route-track", d: `M${centres[0]} ${y}H${centres.at(-1)}` }));
    const way = svg("path", { class: "sn-route-way" });
    picture.append(...tracks, way);
    const map = { width, height, way, rows: [], joints: [], axis: [], isNarrow, size: null };
    rows.forEach((row, anchor) => {
      const [y, baseline] = isNarrow ? [row.y - tallest / 2 - 6, "auto"] : [row.y, "central"];
      const title = fitted(titleOf(anchor), isNarrow ? width : roomOfNames() - 10);
      const name = svg("text", { class: "sn-route-row", x: 0, y, "dominant-baseline": baseline }, title);
      const blocks = row.centres.map((x, position) => blockAt(anchor, position - 1, x, row, thick));
      picture.append(name, svg("g", { role: "group", "aria-label": titleOf(anchor) }, ...blocks.map((block) => block.element)));
      map.rows.push({ ...row, name, blocks, half: thick / 2 });
    });
    spans.forEach(([left, right], column) => {
      const text = svg("text", { class: "sn-route-axis", x: (left + right) / 2, y: bottom + axisHeight() - 4, "aria-hidden": "true" });
      picture.append(text);
      map.axis.push({ text, column, room: right - left + (isNarrow ? 4 : 10) });
    });
    if (!isNarrow) {
      const attributes = { class: "sn-route-axis is-first", x: 0, y: bottom + axisHeight() - 4, "aria-hidden": "true" };
      picture.append(svg("text", attributes, isByStage() ? "stage" : "places"));
    }
    const most = Math.max(...Object.values(routeDrawing.routes).map((route) => (route.length - 1) / 2));
    const chipHeight = 1.4 * parseFloat(sizeOf("small"));
    for (let k = 0; k < most; k++) {
      const lift = isNarrow ? chipHeight / 2 : 0; // above the row's name
      const chip = svg("rect", { height: chipHeight, y: -chipHeight / 2 - lift, rx: 5 }),
        text = svg("text", { y: -lift });
      const element = svg("g", { class: "sn-route-joint", "aria-hidden": "true" }, chip, text, svg("circle", { r: MARK }));
      picture.append(element);
      map.joints.push({ element, chip, text });
    }
    elements.routeMap.querySelector("svg")?.remove();
    elements.routeMap.prepend(picture);
    routeMap = map;
    routeShown = null;
    map.rows[0].blocks[0].element.setAttribute("tabindex", "0");
    makeRoomForSentence();
    if (state.chosen && routeDrawing.routes[state.chosen.name]) light(state.chosen);
  }

  function blockAt(anchor, index, x, { y, heights }, thick) {
    const tall = heights[index + 1];
    const radius = index < 0 || index === countOf(anchor) ? Math.min(thick, tall) / 2 : Math.min(5, thick / 3);
    const rect = svg("rect", { x: x - thick / 2, y: y - tall / 2, width: thick, height: tall, rx: radius });
    const label = `${titleOf(anchor)}, ${nameOfBlock(anchor, index)}`;
    const element = svg("g", { class: "sn-route-block", role: "option", tabindex: "-1", "aria-selected": "false", "aria-label": label }, rect);
    return { element, anchor, index, x, y, tall, isOn: false };
  }

  function fitted(text, width) {
    const size = sizeOf("small");
    if (textWidth(text, size) <= width) return text;
    let short = text;
    while (short.length > 3 && textWidth(`${short}…`, size) > width) short = short.slice(0, -1);
    return `${short}…`;
  }

  const isByStage = () => routeDrawing.by === "stage" && routeDrawing.columns - routeDrawing.anchors[0].norms.length > 1;

  const roomOfNames = () => 11 * parseFloat(sizeOf("small"));

  const axisHeight = () => 1.5 * parseFloat(sizeOf("fine"));

  // Under the columns: the stage, and its resolution at this image size if all have room for it.
  function nameColumns(at) {
    const { anchors } = routeDrawing;
    const fine = sizeOf("fine");
    const names = routeMap.axis.map(({ column }) => {
      const anchor = anchors.find((one) => one.depths[column] > 0);
      const last = anchor.depths.slice(0, column + 1).reduce((sum, depth) => sum + depth, 0);
      const grid = asGrid(anchor.grids[at][last]);
      if (anchor.norms.includes(last - 1)) return ["norm", "norm"];
      return isByStage() ? [`${column + 1} · ${grid}`, `${column + 1}`] : [grid, ""];
    });
    const fits = routeMap.axis.every(({ room }, column) => textWidth(names[column][0], fine) <= room || names[column][0] === "norm");
    for (const [column, { text }] of routeMap.axis.entries()) text.textContent = names[column][fits ? 0 : 1];
    routeMap.size = at;
  }

  // ---------------------------------------------------------------- following the budget

  function light(stitch) {
    if (!routeMap || stitch === routeShown) return;
    routeShown = stitch;
    const route = routeDrawing.routes[stitch.name];
    const at = sizeIndex(stitch);
    if (routeMap.size !== at) nameColumns(at);
    const legs = route.filter(Array.isArray);
    const pieces = piecesOf(stitch).filter((piece) => !piece.isLayer);
    for (const { blocks, name } of routeMap.rows) {
      let isUsed = false;
      for (const block of blocks) {
        const isOn = pieces.some((piece) => runs(piece, block.anchor, block.index));
        isUsed ||= isOn;
        if (isOn === block.isOn) continue;
        block.isOn = isOn;
        block.element.classList.toggle("is-on", isOn);
        block.element.setAttribute("aria-selected", String(isOn));
      }
      name.classList.toggle("is-on", isUsed);
    }
    const ends = legs.slice(1).map((leg, k) => crossing(legs[k], leg));
    bend(legs, ends);
    markLayers(
      ends,
      route.filter((piece) => !Array.isArray(piece)),
    );
    elements.routeSaid.replaceChildren(...sentenceOf(stitch));
    if (routePointed) showTip(routePointed);
  }

  // From the last block before to the first after: {from, to} in px.
  function crossing([front, , stop], [back, start]) {
    const { rows } = routeMap;
    const before = rows[front].blocks[stop],
      after = rows[back].blocks[start + 1];
    return { from: { x: before.x + rows[front].half, y: before.y }, to: { x: after.x - rows[back].half, y: after.y } };
  }

  // The same commands for all routes of a network, so that one bends into the next: where a route crosses less often,
  // its last crossings have no length.
  function bend(legs, ends) {
    const { rows, joints, way } = routeMap;
    const start = rows[legs[0][0]],
      end = rows[legs.at(-1)[0]];
    const last = { x: end.blocks.at(-1).x, y: end.y };
    let d = `M${start.blocks[0].x} ${start.y}`;
    for (let k = 0; k < joints.length; k++) {
      const { from, to } = ends[k] ?? { from: last, to: last };
      const bow = ends[k] ? Math.max(16, 0.5 * Math.abs(to.x - from.x)) : 0;
      d += `L${from.x} ${from.y}C${from.x + bow} ${from.y} ${to.x - bow} ${to.y} ${to.x} ${to.y}`;
    }
    way.setAttribute("d", `${d}L${last.x} ${last.y}`);
  }

  // Every layer's mark stands amid its crossing, its label beside it: to the left of the first of two, to the right of
  // the last, on the other side where there is no room, and both in one where they would meet.
  function markLayers(ends, layers) {
    const { joints, isNarrow, width } = routeMap;
    const marks = ends.map(({ from, to }) => ({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }));
    const words = layers.map((layer) => labelOf(layer, isNarrow || layers.length > 1));
    let boxes = marks.map((mark, k) => besideMark(mark, words[k].room, k === marks.length - 1 ? 1 : -1, width));
    const [first, second] = boxes;
    if (second && meet(first, second, marks)) {
      const both = labelOf(layers, true);
      const left = Math.min(...marks.map((mark) => mark.x)),
        right = Math.max(...marks.map((mark) => mark.x));
      const isRight = right + AWAY + both.room <= width;
      boxes = [null, { x: isRight ? right + AWAY : Math.max(0, left - AWAY - both.room), room: both.room }];
      words[1] = both;
    }
    joints.forEach(({ element, chip, text }, k) => {
      const mark = marks[k],
        box = boxes[k];
      element.classList.toggle("is-away", !mark);
      if (!mark) return;
      element.style.transform = `translate(${mark.x}px, ${mark.y}px)`;
      text.textContent = box ? words[k].text : "";
      chip.setAttribute("width", box ? box.room : 0);
      if (!box) return;
      chip.setAttribute("x", box.x - mark.x);
      text.setAttribute("x", box.x - mark.x + 5);
    });
  }

  const labels = new Map(); // {text, room} by layers, measured once a drawing

  function labelOf(layer, isShort) {
    const key = `${layer} ${isShort}`;
    if (!labels.has(key)) {
      const shapes = [layer].flat().map((one) => routeDrawing.layers[one].shape);
      const text = isShort ? shapes.join(", ") : `stitching layer ${shapes[0]}`;
      labels.set(key, { text, room: textWidth(text, sizeOf("small")) + 10 });
    }
    return labels.get(key);
  }

  // Lines for the longest sentence of the network: a drag may not shift the page.
  function makeRoomForSentence() {
    elements.routeSaid.style.minHeight = "";
    const longest = state.stitches
      .filter((stitch) => routeDrawing.routes[stitch.name])
      .map((stitch) => sentenceOf(stitch))
      .reduce((a, b) => (lengthOf(b) > lengthOf(a) ? b : a));
    elements.routeSaid.replaceChildren(...longest);
    elements.routeSaid.style.minHeight = `${elements.routeSaid.offsetHeight}px`;
  }

  // ---------------------------------------------------------------- what a block tells

  function showTip(block) {
    if (routePointed !== block) routePointed?.element.classList.remove("is-pointed");
    routePointed = block;
    block.element.classList.add("is-pointed");
    const [heading, ...lines] = wordsOfBlock(block);
    block.element.setAttribute("aria-label", [heading, ...lines].join(", "));
    elements.routeTip.replaceChildren(bold(heading), ...lines.flatMap((line, place) => (place ? [make("br"), line] : [line])));
    elements.routeTip.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = elements.routeTip;
    const x = Math.max(0, Math.min(block.x - width / 2, routeMap.width - width));
    elements.routeTip.style.transform = `translate(${x}px, ${block.y - block.tall / 2 - height - 8}px)`;
  }

  function hideTip() {
    routePointed?.element.classList.remove("is-pointed");
    routePointed = null;
    elements.routeTip.hidden = true;
  }

  // The block under a pointer, or the nearest of its row: the finger is wider than a block.
  function nearestBlock(event) {
    if (!routeMap) return null;
    const box = elements.routeMap.getBoundingClientRect();
    const x = event.clientX - box.left,
      y = event.clientY - box.top;
    const row = nearestOf(routeMap.rows, (one) => Math.abs(one.y - y));
    const block = nearestOf(row.blocks, (one) => Math.abs(one.x - x));
    return Math.abs(row.y - y) <= 26 && Math.abs(block.x - x) <= 30 ? block : null;
  }

  function pointAt(event) {
    const block = nearestBlock(event);
    if (!block) hideTip();
    else if (block !== routePointed) showTip(block);
  }

  const blockOf = (element) => routeMap?.rows.flatMap((row) => row.blocks).find((block) => block.element === element);

  // One stop for the tab key; the arrows go on from there.
  function onRouteKey(event) {
    const block = blockOf(event.target);
    if (!block) return;
    const row = routeMap.rows[block.anchor].blocks,
      position = block.index + 1;
    const other = { ArrowUp: block.anchor + 1, ArrowDown: block.anchor - 1 }[event.key];
    const goals = { ArrowLeft: row[position - 1], ArrowRight: row[position + 1], Home: row[0], End: row.at(-1) };
    const goal = other === undefined ? goals[event.key] : routeMap.rows[other] && nearestOf(routeMap.rows[other].blocks, (one) => Math.abs(one.x - block.x));
    if (event.key === "Escape") hideTip();
    else if (!(event.key in goals) && other === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (!goal) return;
    block.element.setAttribute("tabindex", "-1");
    goal.element.setAttribute("tabindex", "0");
    goal.element.focus();
  }

  on("network", ({ drawing }) => {
    routeDrawing = drawing;
    hideTip();
    build();
  });
  on("budget", light);
  elements.routeMap.addEventListener("pointermove", pointAt);
  elements.routeMap.addEventListener("pointerdown", pointAt);
  elements.routeMap.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideTip());
  elements.routeMap.addEventListener("keydown", onRouteKey);
  elements.routeMap.addEventListener("focusin", (event) => blockOf(event.target) && showTip(blockOf(event.target)));
  elements.routeMap.addEventListener("focusout", hideTip);
  new ResizeObserver(() => {
    if (routeMap && (routeMap.width !== elements.routeMap.clientWidth || routeMap.height !== elements.routeMap.clientHeight)) build();
  }).observe(elements.routeMap);
}
