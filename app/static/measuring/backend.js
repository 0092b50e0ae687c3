// @ts-check
// Measuring on the page, where the app was started for it. The evaluation is the server's: every tab shows the
// same one, and finds it again after a reload.

import { asCsv, bold, count, download, make, makeButton, Newest, press, say } from "../core.js";

/** @import { Page } from "../core.js" */

const RUNNING_MS = 400; // between questions how far it is
const IDLE_MS = 4000; // another tab may start one
const REMEMBERED = "snnet-measure";
const PATHS = 6; // the last ones that the field suggests
const ACTIVE = ["reading", "measuring", "stopping"];

const COLUMNS = [
  { key: "network", head: "Network", only: "all", of: (row) => row.network },
  { key: "stitch", head: "Stitch", of: (row) => row.stitch },
  { key: "from", head: "From", isText: true, of: (row) => row.from },
  { key: "top1", head: "Top-1, 95 %", isNumber: true, of: (row) => row.top1?.share ?? null, cell: (row) => shareCell(row.top1) },
  { key: "top5", head: "Top-5, 95 %", isNumber: true, of: (row) => row.top5?.share ?? null, cell: (row) => shareCell(row.top5) },
  { key: "right", head: "Right of photos", isNumber: true, of: (row) => row.top1.right, cell: rightCell },
  { key: "precision", head: "Precision", of: (row) => row.precision },
  { key: "photos", head: "Photos", isText: true, of: (row) => row.photos },
  { key: "when", head: "When", of: (row) => row.when },
  { key: "short", head: "Route", of: (row) => row.short, cell: routeCell },
];

// ---------------------------------------------------------------- what the browser remembers

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? {};
  } catch {
    return {}; // none, or no store in this browser
  }
}

function rememberForm(what) {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify(what));
  } catch {
    // a private window: it is asked for anew
  }
}

function countWords(now) {
  if (now.state === "idle") return "nothing measured yet";
  if (!now.total) return now.state === "reading" ? `reading the photos${now.done ? `: ${count(now.done)} files` : " …"}` : "";
  const words = [`${count(now.done)} of ${count(now.total)} photos`];
  if (now.rate && ACTIVE.includes(now.state))
    words.push(`${now.rate >= 10 ? Math.round(now.rate) : now.rate.toPrecision(2)} photos/s`, `${duration(now.left_s)} left`);
  return words.join(" · ");
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function activeSentence(now) {
  const wentOn = now.first ? ` It went on from photo ${now.first.toLocaleString("en")}.` : "";
  if (now.state === "stopping") return "Cancelling: the photos under way are still counted.";
  return `${now.title} on ${now.photos || now.asked.path}, ${now.asked.precision}.${wentOn}`;
}

function shareCell(figure) {
  if (!figure) return "–";
  return [`${figure.share.toFixed(1)} % `, make("small", {}, `[${figure.interval.map((end) => end.toFixed(1)).join(", ")}]`)];
}

function rightCell(row) {
  if (row.top1.right === null) return "–";
  return `${count(row.top1.right)} / ${count(row.total)}`;
}

function routeCell(row) {
  if (!row.short) return "–";
  return make("code", { title: row.route }, row.short);
}

// ---------------------------------------------------------------- the table as a file

const FILE = {
  network: (row) => row.network,
  stitch: (row) => row.stitch,
  top1: (row) => row.top1.share,
  top1_low: (row) => row.top1.interval[0],
  top1_high: (row) => row.top1.interval[1],
  top1_right: (row) => row.top1.right,
  top5: (row) => row.top5?.share,
  top5_low: (row) => row.top5?.interval[0],
  top5_high: (row) => row.top5?.interval[1],
  top5_right: (row) => row.top5?.right,
  photos: (row) => row.total,
  classes: (row) => row.classes,
  precision: (row) => row.precision,
  from: (row) => row.from,
  photos_about: (row) => row.photos,
  measured_on: (row) => row.when,
  route: (row) => row.route,
  photos_sha256: (row) => row.set,
  transform: (row) => row.transform,
};

/** @param {Page} page @param {{put: (network: any) => Promise<void>}} network */
export function createMeasuring(page, { put }) {
  const { elements, on, server, state } = page;

  let newest = { state: "idle", number: 0 }; // of the server's newest evaluation
  let seen = null; // number of the newest evaluation whose end this page has shown
  let timer = 0;
  let figureRows = null; // of the store's table, once it is read
  let sorted = { key: "", down: false }; // as the server has it, by network and cost
  let everything = false;
  const newestTable = new Newest();

  function fillForm() {
    const { path = "", labels = "", limit = "", precision = "float32", skip_broken: skip = false, indices = false, paths = [] } = remembered();
    [elements.measurePath.value, elements.measureLabels.value, elements.measureLimit.value] = [path, labels, limit];
    [elements.measureSkip.checked, elements.measureIndices.checked] = [skip, indices];
    elements.measurePrecision.value = precision;
    if (!elements.measurePrecision.value) elements.measurePrecision.selectedIndex = 0;
    suggest(paths);
  }

  function suggest(paths) {
    elements.measurePaths.replaceChildren(...paths.map((path) => new Option(path, path)));
  }

  function formValues() {
    return {
      path: elements.measurePath.value,
      labels: elements.measureLabels.value,
      limit: elements.measureLimit.value,
      precision: elements.measurePrecision.value,
      skip_broken: elements.measureSkip.checked,
      indices: elements.measureIndices.checked,
    };
  }

  // ---------------------------------------------------------------- the evaluation

  async function beginMeasuring(event) {
    event.preventDefault();
    if (ACTIVE.includes(newest.state)) return;
    const form = formValues();
    elements.measureGo.disabled = true;
    const paths = [form.path.trim(), ...(remembered().paths ?? [])].filter((path, place, all) => path && all.indexOf(path) === place).slice(0, PATHS);
    rememberForm({ ...form, paths });
    suggest(paths);
    const answer = await server.measure(state.network, form);
    if (answer.error) {
      elements.measureGo.disabled = false;
      saySentence(answer.error, true);
    } else showProgress(answer);
    pollAgain();
  }

  async function cancelMeasuring() {
    elements.measureCancel.disabled = true;
    const answer = await server.measureCancel();
    if (answer.error) saySentence(answer.error, true);
    else showProgress(answer);
    pollAgain();
  }

  function pollAgain() {
    clearTimeout(timer);
    timer = setTimeout(followMeasuring, ACTIVE.includes(newest.state) ? RUNNING_MS : IDLE_MS);
  }

  async function askProgress() {
    const answer = await server.measureProgress();
    if (answer.error && ACTIVE.includes(newest.state)) saySentence(answer.error, true);
    else if (!answer.error) showProgress(answer);
  }

  async function followMeasuring() {
    if (!document.hidden || ACTIVE.includes(newest.state)) await askProgress();
    pollAgain();
  }

  function showProgress(now) {
    const isNew = now.number !== seen && !ACTIVE.includes(now.state) && now.state !== "idle";
    const isFirst = seen === null;
    const changed = JSON.stringify(now) !== JSON.stringify(newest);
    newest = now;
    const isActive = ACTIVE.includes(now.state);
    elements.measureGo.disabled = isActive || state.network === null;
    elements.measureCancel.disabled = !isActive || now.state === "stopping";
    if (seen === null || isNew) seen = isActive ? now.number - 1 : now.number;
    if (!changed) return;
    elements.measure.dataset.state = now.state;
    showBar(now);
    if (isActive) saySentence(activeSentence(now), false);
    else saySentence(now.sentence ?? "", now.state === "failed");
    if (isNew && !isFirst) takeResults(now);
  }

  function showBar(now) {
    if (now.state === "reading") elements.measureBar.removeAttribute("value");
    else elements.measureBar.value = now.state === "done" ? 1 : now.total ? now.done / now.total : 0;
    elements.measureCount.textContent = countWords(now);
  }

  function saySentence(text, isError) {
    say(elements.measureSaid, text);
    elements.measureSaid.classList.toggle("is-error", isError);
    elements.measurePath.setAttribute("aria-invalid", String(isError));
  }

  // The network's layer anew, its budget and view as they are; the store's table with it.
  async function takeResults(now) {
    const { signal } = state.choice;
    if (now.state === "done" && now.network === state.network) {
      const layer = await server.network(now.network, signal);
      if (!layer.error && !signal.aborted && layer.name === state.network) {
        await put(layer); // which asks for the table
        return;
      }
    }
    fillTable();
  }

  // ---------------------------------------------------------------- the store's table

  async function fillTable() {
    const signal = newestTable.begin();
    const table = await server.measured(state.network ?? "", everything, signal);
    if (signal.aborted) return;
    figureRows = table.rows ?? [];
    elements.storeCount.textContent = table.error ?? "";
    if (!table.error) {
      const own = figureRows.filter((row) => row.where === "own").length;
      elements.storeCount.replaceChildren(
        bold(everything ? "All networks" : table.title),
        `: ${figureRows.length.toLocaleString("en")} figures, ${own.toLocaleString("en")} of them measured here`,
      );
      elements.storeCount.title = `Measured here: ${table.store}`;
    }
    elements.storeCsv.disabled = !figureRows.length;
    drawTable();
  }

  const shownColumns = () => COLUMNS.filter((column) => !column.only || everything);

  function drawTable() {
    elements.storeColumns.replaceChildren(...shownColumns().map(headCell));
    const nothing = figureRows ? "Nothing is known of this network yet: measure it above." : "Reading the store …";
    const empty = make("tr", {}, make("td", { className: "is-empty", colSpan: COLUMNS.length }, nothing));
    elements.storeRows.replaceChildren(...(figureRows?.length ? inOrder().map(bodyRow) : [empty]));
  }

  function headCell(column) {
    const ariaSort = sorted.key !== column.key ? "none" : sorted.down ? "descending" : "ascending";
    const button = makeButton(() => sortBy(column), { dataset: { column: column.key } }, column.head);
    return make("th", { scope: "col", className: column.isNumber ? "is-number" : "", ariaSort }, button);
  }

  // Figures highest first, words from A on; a second click turns it round.
  function sortBy(column) {
    sorted = { key: column.key, down: sorted.key === column.key ? !sorted.down : Boolean(column.isNumber) };
    drawTable();
    elements.storeColumns.querySelector(`[data-column=${column.key}]`).focus({ preventScroll: true });
  }

  function inOrder() {
    const column = COLUMNS.find(({ key }) => key === sorted.key);
    if (!column) return figureRows;
    const by = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
    const blank = (value) => value === null || value === "";
    return [...figureRows].sort((a, b) => {
      const [one, two] = [column.of(a), column.of(b)];
      if (blank(one) || blank(two)) return Number(blank(one)) - Number(blank(two)); // last, whichever way
      return sorted.down ? by(two, one) : by(one, two);
    });
  }

  function bodyRow(row) {
    const cells = shownColumns().map((column) => {
      const value = column.cell ? column.cell(row) : column.of(row);
      const parts = column.isText ? [make("span", { title: value }, value)] : [value || "–"].flat();
      return make("td", { className: column.isNumber ? "is-number" : column.isText ? "is-text" : "" }, ...parts);
    });
    return make("tr", {}, ...cells);
  }

  function downloadTable() {
    const rows = [Object.keys(FILE), ...inOrder().map((row) => Object.values(FILE).map((of) => of(row)))];
    download(new Blob([asCsv(rows)], { type: "text/csv" }), `snnet-store-${everything ? "all" : state.network}.csv`);
  }

  function switchTable(button) {
    everything = button.dataset.store === "all";
    press(page.all("[data-store]"), (each) => each === button);
    fillTable();
  }

  function onNetwork(layer) {
    elements.measureWhat.replaceChildren("Every stitch of ", bold(layer.title), ", on photos of this machine.");
    elements.measureGo.disabled = ACTIVE.includes(newest.state);
    fillTable();
  }

  elements.measureGo.disabled = true; // until there is a network
  fillForm();
  drawTable();
  elements.measureForm.addEventListener("submit", beginMeasuring);
  elements.measureCancel.addEventListener("click", cancelMeasuring);
  elements.storeCsv.addEventListener("click", downloadTable);
  for (const button of page.all("[data-store]")) button.addEventListener("click", () => switchTable(button));
  document.addEventListener("visibilitychange", () => document.hidden || followMeasuring());
  on("network", onNetwork);
  followMeasuring();
}
