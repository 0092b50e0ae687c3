// The page's start: what each part does stands in its own file; `core.js` says what they share.

import * as address from "./address.js";
import * as budget from "./chart/budget.js";
import * as chart from "./chart/chart.js";
import { attach, page, server, state, tell } from "./core.js";
import * as backend from "./measuring/backend.js";
import * as networks from "./network/networks.js";
import * as route from "./network/route.js";
import * as answers from "./photo/answers.js";
import * as photo from "./photo/photo.js";
import * as sweep from "./photo/sweep.js";
import { Server } from "./server.js";
import * as stage from "./stage/stage.js";
import * as compare from "./zoo/compare.js";
import * as zoo from "./zoo/zoo.js";

const PARTS = [budget, photo, sweep, networks, answers, route, zoo, compare, stage, backend, address]; // the last knows what all others keep

async function start(element, ask) {
  attach(element.querySelector(".sn"), new Server(ask));
  for (const part of PARTS) part.listen();
  new MutationObserver(() => tell("theme")).observe(document.body, { attributeFilter: ["class"] });
  const backdrop = await server.backdrop();
  state.networks = backdrop.networks;
  networks.fillMenu(backdrop.start);
  zoo.prepare(backdrop);
  await chart.begin(backdrop.traces);
  tell("start", backdrop);
  page.root.dataset.state = "zoo";
  const wanted = networks.entryOf(address.wantedNetwork());
  networks.load(wanted?.here ? wanted : networks.entryOf(backdrop.start), ++state.choice);
}

window.explorer = { start, state };
