// The page in one file, without a server: the chart, its slider and the way through the network, from data of its own.

import * as budget from "./chart/budget.js";
import * as chart from "./chart/chart.js";
import { attach, page, state, tell } from "./core.js";
import { put } from "./network/network.js";
import * as route from "./network/route.js";
import * as compare from "./zoo/compare.js";
import * as zoo from "./zoo/zoo.js";

const PARTS_OF_FILE = [budget, route, zoo, compare];

const dark = matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  document.body.classList.toggle("dark", dark.matches);
  tell("theme");
}

async function open() {
  const { backdrop, layer } = JSON.parse(document.querySelector("#sn-data").textContent);
  attach(document.querySelector(".sn"), null);
  for (const part of PARTS_OF_FILE) part.listen();
  zoo.prepare(backdrop);
  await chart.begin(backdrop.traces);
  tell("start", backdrop);
  await put(layer);
  page.wait.hidden = true;
  dark.addEventListener("change", followTheme);
}

window.explorer = { state };
open();
