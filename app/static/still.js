// @ts-check
// The page in one file, without a server: the chart, its slider and the way through the network, from data of its own.

import { createBudget } from "./chart/budget.js";
import { createChart } from "./chart/chart.js";
import { Page } from "./core.js";
import { createNetwork } from "./network/network.js";
import { createRoute } from "./network/route.js";
import { createTerms } from "./terms.js";
import { createCompare } from "./zoo/compare.js";
import { createExports } from "./zoo/exports.js";
import { createZoo } from "./zoo/zoo.js";

async function open() {
  const { backdrop, layer } = JSON.parse(document.querySelector("#sn-data")?.textContent ?? "");
  const page = new Page(/** @type {HTMLElement} */ (document.querySelector(".sn")), null);
  const { state, tell } = page;
  window.explorer = { page, state };
  const budget = createBudget(page);
  const chart = createChart(page, budget);
  const network = createNetwork(page, budget, chart);
  createRoute(page);
  createTerms(page);
  const zoo = createZoo(page, budget, chart);
  createExports(page, zoo);
  createCompare(page, zoo);
  Object.assign(state, { zoo: backdrop.zoo, curves: backdrop.curves });
  zoo.prepare();
  await chart.begin();
  tell("start", backdrop);
  await network.put(layer);
  page.elements.wait.hidden = true;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => {
    document.body.classList.toggle("dark", dark.matches);
    tell("theme");
  });
}

open();
