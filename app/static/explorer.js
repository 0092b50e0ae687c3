// @ts-check
// The page's start: what each part does stands in its own file; `core.js` says what they share.

import { createAddress } from "./address.js";
import { createBudget } from "./chart/budget.js";
import { createChart } from "./chart/chart.js";
import { Page } from "./core.js";
import { createMeasuring } from "./measuring/backend.js";
import { createNetwork } from "./network/network.js";
import { createMenu } from "./network/networks.js";
import { createRoute } from "./network/route.js";
import { createAnswers } from "./photo/answers.js";
import { createChanges } from "./photo/changes.js";
import { createExamples } from "./photo/examples.js";
import { createPhoto } from "./photo/photo.js";
import { createSweep } from "./photo/sweep.js";
import { Server } from "./server.js";
import { createStage } from "./stage/stage.js";
import { createTerms } from "./terms.js";
import { createTrouble } from "./trouble/trouble.js";
import { createCompare } from "./zoo/compare.js";
import { createExports } from "./zoo/exports.js";
import { createZoo } from "./zoo/zoo.js";

/** @param {HTMLElement} element */
async function start(element) {
  const server = new Server();
  const page = new Page(/** @type {HTMLElement} */ (element.querySelector(".sn")), server);
  const { state, tell } = page;
  Object.assign(window.explorer, { page, state });
  createTrouble(page);
  createTerms(page);
  const budget = createBudget(page);
  const chart = createChart(page, budget);
  const network = createNetwork(page, budget, chart);
  const sweep = createSweep(page, budget);
  const photo = createPhoto(page, sweep, createExamples(page, sweep));
  const menu = createMenu(page, network);
  createAnswers(page, budget);
  createChanges(page, budget);
  createRoute(page);
  const zoo = createZoo(page, budget, chart);
  createExports(page, zoo);
  createCompare(page, zoo);
  createStage(page, budget, chart, photo, zoo);
  if ("measure" in page.elements) createMeasuring(page, network); // the app was started for it
  const address = createAddress(page, menu); // the last knows what all others keep
  new MutationObserver(() => tell("theme")).observe(document.body, { attributeFilter: ["class"] });
  const backdrop = await server.backdrop();
  Object.assign(state, { networks: backdrop.networks, zoo: backdrop.zoo, curves: backdrop.curves });
  menu.fillMenu(backdrop.start);
  zoo.prepare();
  await chart.begin();
  tell("start", backdrop);
  page.root.dataset.state = "zoo";
  const wanted = menu.entryOf(address.wantedNetwork());
  menu.load(wanted ?? menu.entryOf(backdrop.start), state.choice.begin());
}

window.explorer = { start };
