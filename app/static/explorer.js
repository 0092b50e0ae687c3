// The browser's part of the page: the chart, the ring that follows the budget, and the photo.
// Everything that a drag needs is here; the server is asked for a network's data once, and for each answer.
// Which network is shown is this page's own choice: the server keeps nothing of it.

window.explorer = (() => {
  "use strict";

  const SETTLE_MS = 120; // a key held down asks once, when it is let go
  const CHOICE_MS = 250; // arrow keys in the menu pass over networks: only the one they stop at is loaded
  const POLL_MS = 500; // between questions how far a fetch is
  const LOST = "The server does not answer: is the app still running?";
  const UNKNOWN = "not measured yet: the costliest stitch within the budget";
  const ZOO_VIEW = { x: [0.15, 60], y: [62, 91] }; // until the network has told its own
  const API = `${window.gradio_config?.root ?? ""}/gradio_api`;

  const state = {
    networks: [], // the menu: {name, title, here, hosts}
    network: null, // the name of the one that is shown
    choice: 0, // of the newest network chosen; what was to come of older choices is dropped
    zoo: [], // traces without a network's
    stitches: [], // by ascending GMACs
    view: null, // {x, y} ranges around the network
    names: [], // {name: element, trace} of the published curves
    gmacs: null, // the budget
    chosen: null, // the stitch that it buys
    clicked: null, // the stitch whose cost the budget is, if it was clicked on the chart
    photo: null, // {file, path, url}
    answered: null, // the photo whose answer is shown
    turn: 0, // of the newest question; older answers are dropped
    asking: null, // AbortController of the question under way
    settle: 0, // timer
    choosing: 0, // timer
    labelWidth: 0, // px, of the ring's label
    rug: 0, // where on the second axis unmeasured stitches stand
    moves: 0, // of the ring, for the benchmark
  };
  let page; // element by id, without the prefix
  let plot;
  let server; // Python's functions

  // ---------------------------------------------------------------- budget and ring

  // The rule of snnet.frontier.best_within: highest top-1 within the budget; ties to the cheaper, then the first.
  function bestWithin(stitches, gmacs) {
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

  const span = () => [state.stitches[0].gmacs, state.stitches.at(-1).gmacs];

  function toPosition(gmacs) {
    const [low, high] = span();
    return high > low ? Number(page.slider.max) * (Math.log(gmacs / low) / Math.log(high / low)) : 0;
  }

  function fromPosition(position) {
    const [low, high] = span();
    const share = position / Number(page.slider.max);
    return share >= 1 ? high : low * (high / low) ** share;
  }

  // Moves everything that follows the budget; asks nothing of the server.
  function setBudget(gmacs, from, clicked = null) {
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
  }

  // A click buys what its cost buys: where that is another stitch than the clicked one, the line says why.
  function sayChosen(stitch, clicked) {
    const known = clicked?.top1 === null ? "is the best known for no more" : "is better for no more";
    const said = clicked && clicked !== stitch ? ` ${known}: ${figures(stitch)}, where ${clicked.name} has ${figures(clicked)}` : inWords(stitch);
    page.chosen.replaceChildren(bold(stitch.name), said);
    page.chosen.title = page.chosen.textContent;
  }

  const inWords = (stitch) => ` ${stitch.words} · ${cost(stitch)} · ${accuracy(stitch)}`;

  const cost = (stitch) => `${stitch.gmacs.toFixed(stitch.gmacs < 0.1 ? 4 : 3)} GMACs`;

  // Two lines for all stitches of a network if one of them needs them: a drag may not shift the page.
  function makeRoomForWords() {
    page.chosen.classList.remove("is-long");
    const longest = state.stitches.reduce((a, b) => ((a.name + inWords(a)).length < (b.name + inWords(b)).length ? b : a));
    page.chosen.replaceChildren(bold(longest.name), inWords(longest));
    page.chosen.classList.toggle("is-long", page.chosen.scrollWidth > page.chosen.clientWidth);
    page.chosen.replaceChildren("\u00a0");
  }

  function bold(text) {
    const element = document.createElement("b");
    element.textContent = text;
    return element;
  }

  const figures = (stitch) => `${round(stitch.gmacs)} GMACs · ${stitch.top1 === null ? "not measured" : `${stitch.top1.toFixed(1)} %`}`;

  // Two decimals, or two digits of less than that.
  const round = (gmacs) => (gmacs < 0.1 ? gmacs.toPrecision(2) : gmacs.toFixed(2));

  function labelRing(stitch) {
    const isNarrow = plot.clientWidth < 500;
    page.ring.hidden = false; // a hidden label has no width
    if (isNarrow) page.ringLabel.textContent = figures(stitch);
    else page.ringLabel.textContent = stitch.top1 === null ? `${round(stitch.gmacs)} GMACs · ${UNKNOWN}` : `${stitch.name} · ${figures(stitch)}`;
    state.labelWidth = page.ringLabel.offsetWidth; // measured once a text: reading it at every move is slow
  }

  function accuracy(stitch) {
    if (stitch.top1 === null) return UNKNOWN;
    const [low, high] = stitch.interval;
    return `${stitch.top1.toFixed(1)} % top-1 [${low.toFixed(1)}, ${high.toFixed(1)}], ${stitch.source}`;
  }

  // The ring lies over the graph, so that moving it redraws nothing.
  function placeRing() {
    const axes = plot?._fullLayout;
    if (!axes || !state.chosen) return;
    const { xaxis, yaxis } = axes;
    const x = xaxis.d2p(state.chosen.gmacs) + xaxis._offset;
    const y = state.chosen.top1 === null ? axes.yaxis2.d2p(state.rug) + axes.yaxis2._offset : yaxis.d2p(state.chosen.top1) + yaxis._offset;
    page.ring.classList.toggle("is-low", y > yaxis._offset + yaxis._length - 44); // its label would cover the axis
    const inside = x >= xaxis._offset && x <= xaxis._offset + xaxis._length && y >= yaxis._offset && y <= yaxis._offset + yaxis._length;
    page.ring.hidden = !inside;
    page.ring.style.transform = `translate(${x}px, ${y}px)`;
    const right = xaxis._offset + xaxis._length - state.labelWidth - 4; // the label stays on the graph
    page.ringLabel.style.transform = `translateX(${Math.max(xaxis._offset + 4, Math.min(x + 12, right)) - x}px)`;
    state.moves += 1;
  }

  // ---------------------------------------------------------------- chart

  const tone = (name) => getComputedStyle(page.root).getPropertyValue(`--${name}`).trim();

  function translucent(colour, alpha) {
    const [r, g, b] = colour.match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16));
    return `rgba(${r},${g},${b},${alpha})`;
  }

  // Fills in the colours that follow the theme, and the families' when they are asked for.
  function coloured(trace) {
    const { kind, tone: name, colour } = trace.meta;
    const byFamily = page.families.getAttribute("aria-pressed") === "true";
    const own = name ? tone(name) : null;
    if (kind === "zoo") {
      trace.marker = { ...trace.marker, color: byFamily ? colour : own };
      trace.showlegend = byFamily;
    } else {
      trace.showlegend = false;
      if (own && trace.line) trace.line = { ...trace.line, color: own };
      if (own && trace.marker) trace.marker = { ...trace.marker, color: own, line: { ...trace.marker.line, color: own } };
      if (trace.error_y) trace.error_y = { ...trace.error_y, color: translucent(own, trace.opacity === 1 ? 0.8 : 0.35) };
    }
    return trace;
  }

  // Every curve's name stands above or below the last of its points in view, as near as the other names leave
  // room; nowhere if none is left.
  function placeNames() {
    const { xaxis, yaxis } = plot._fullLayout;
    const right = xaxis._offset + xaxis._length, bottom = yaxis._offset + yaxis._length;
    const taken = [];
    for (const { name, trace } of state.names) {
      const at = trace.visible === false ? null : lastInView(trace, xaxis, yaxis);
      name.hidden = at === null;
      if (name.hidden) continue;
      const { offsetWidth: width, offsetHeight: height } = name;
      const x = Math.max(xaxis._offset, Math.min(at.x - width / 2, right - width));
      const rows = [0, 1, 2, 3].map((row) => row * (height + 1) + 7);
      const free = rows.flatMap((away) => [at.y - away - height, at.y + away]).find(
        (y) => y >= yaxis._offset && y + height <= bottom && !taken.some((box) => overlap(box, { x, y, width, height })),
      );
      name.hidden = free === undefined;
      if (name.hidden) continue;
      taken.push({ x, y: free, width, height });
      name.style.transform = `translate(${x}px, ${free}px)`;
    }
  }

  function lastInView(trace, xaxis, yaxis) {
    for (let place = trace.x.length - 1; place >= 0; place--) {
      const x = xaxis.d2p(trace.x[place]), y = yaxis.d2p(trace.y[place]);
      if (x >= 0 && x <= xaxis._length && y >= 0 && y <= yaxis._length) return { x: x + xaxis._offset, y: y + yaxis._offset };
    }
    return null;
  }

  const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

  function nameCurves(traces) {
    state.names = traces.filter((trace) => trace.meta.label).map((trace) => {
      const name = document.createElement("span");
      const mark = document.createElement("i");
      mark.style.background = trace.line.color;
      name.append(mark, trace.meta.label);
      page.names.append(name);
      return { name, trace };
    });
  }

  function placeAll() {
    placeNames();
    placeRing();
  }

  // Round GMACs over a range of exponents: 1, 2, 5 of each power of ten, every digit where less than one fits.
  function ticks([low, high]) {
    const digits = high - low < 1 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 5];
    const powers = [-4, -3, -2, -1, 0, 1, 2, 3];
    return powers.flatMap((power) => digits.map((digit) => Number((digit * 10 ** power).toPrecision(1))));
  }

  function layout() {
    const ink = tone("soft");
    const family = getComputedStyle(page.root).fontFamily;
    const size = parseFloat(getComputedStyle(page.line).fontSize); // px, the page's smallest
    const axis = { gridcolor: tone("line"), linecolor: tone("line"), zeroline: false, tickfont: { color: ink }, ticks: "outside", tickcolor: tone("line") };
    const title = (text) => ({ text, font: { color: ink, size: size + 1 }, standoff: 8 });
    const shown = plot.layout; // a change of colours keeps what is in view
    const x = shown ? [...shown.xaxis.range] : ZOO_VIEW.x.map(Math.log10);
    const y = shown ? [...shown.yaxis.range] : ZOO_VIEW.y;
    return {
      margin: { l: 52, r: 12, t: 10, b: 46 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family, color: ink, size },
      hoverlabel: { align: "left", bgcolor: tone("card"), bordercolor: tone("accent"), font: { family, color: tone("ink"), size } },
      hovermode: "closest",
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "pan", // a finger scrolls the page
      xaxis: { ...axis, type: "log", title: title("Cost of one image, GMACs (log scale)"), range: x, tickvals: ticks(x) },
      yaxis: { ...axis, title: title("Top-1 on ImageNet-1k, %"), range: y },
      yaxis2: { overlaying: "y", range: [0, 1], fixedrange: true, visible: false }, // of the unmeasured: stays where it is
      legend: { orientation: "h", x: 1, xanchor: "right", y: 0.01, yanchor: "bottom", bgcolor: translucent(tone("card"), 0.85), font: { size: size - 1 } },
      uirevision: "kept",
    };
  }

  const CONFIG = { displaylogo: false, showSendToCloud: false, responsive: true, scrollZoom: false, displayModeBar: false };

  async function draw(traces) {
    await window.Plotly.react(plot, traces.map(coloured), layout(), CONFIG);
    if (plot._fullLayout.height !== plot.clientHeight) await window.Plotly.Plots.resize(plot); // more lines below it
    placeAll();
  }

  function ranges(view) {
    const gmacs = state.stitches.map((s) => s.gmacs);
    if (view === "close" && gmacs.length) {
      const lows = state.stitches.filter((s) => s.interval).map((s) => s.interval);
      const y = lows.length ? [Math.min(...lows.map((i) => i[0])) - 0.5, Math.max(...lows.map((i) => i[1])) + 0.5] : state.view.y;
      return { x: [0.92 * Math.min(...gmacs), 1.08 * Math.max(...gmacs)], y };
    }
    if (view === "zoo") {
      const zoo = plot.data.filter((t) => t.meta.kind === "zoo");
      const xs = zoo.flatMap((t) => t.x), ys = zoo.flatMap((t) => t.y);
      return { x: [0.8 * Math.min(...xs, ...gmacs), 1.25 * Math.max(...xs)], y: [Math.min(...ys) - 1, Math.max(...ys) + 1] };
    }
    return state.view ?? ZOO_VIEW;
  }

  function show(view) {
    for (const button of page.root.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
    const { x, y } = ranges(view);
    const exponents = x.map(Math.log10);
    window.Plotly.relayout(plot, { "xaxis.range": exponents, "xaxis.tickvals": ticks(exponents), "yaxis.range": [...y] });
  }

  function onPointClick(event) {
    const point = event.points.find((p) => ["stitch", "rug"].includes(p.data.meta?.kind));
    if (!point) return;
    setBudget(point.x, "chart", state.stitches.find((stitch) => stitch.name === point.customdata));
    ask();
  }

  // ---------------------------------------------------------------- photo

  async function post(path, body, signal) {
    const response = await fetch(`${API}/${path}`, { method: "POST", body, signal, headers: typeof body === "string" ? { "Content-Type": "application/json" } : {} });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw Object.assign(new Error(answer.error ?? answer.detail ?? "The server could not answer; try again."), { isRefusal: true });
    return answer;
  }

  async function upload(file, signal) {
    const form = new FormData();
    form.append("files", file, file.name || "photo");
    const [path] = await post("upload", form, signal);
    return path;
  }

  async function run(photo, gmacs, signal) {
    const image = { path: photo.path, orig_name: photo.file.name, meta: { _type: "gradio.FileData" } };
    const answer = await post("run/classify", JSON.stringify({ data: [image, gmacs, state.network] }), signal);
    return answer.data[0];
  }

  // Uploads are swept away in time: what was refused with an old one is tried once more with a new one.
  async function classify(photo, gmacs, signal) {
    const isOld = photo.path !== null;
    photo.path ??= await upload(photo.file, signal);
    try {
      return await run(photo, gmacs, signal);
    } catch (error) {
      if (!isOld || !error.isRefusal) throw error;
      photo.path = await upload(photo.file, signal);
      return run(photo, gmacs, signal);
    }
  }

  // Asks for the newest photo and budget; whatever was asked before no longer matters.
  async function ask() {
    clearTimeout(state.settle);
    if (!state.photo || state.gmacs === null) return;
    const turn = ++state.turn;
    const photo = state.photo;
    state.asking?.abort();
    state.asking = new AbortController();
    page.answer.setAttribute("aria-busy", "true");
    try {
      const answer = await classify(photo, state.gmacs, state.asking.signal);
      if (turn !== state.turn) return;
      state.answered = photo;
      page.error.textContent = "";
      showAnswer(answer);
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

  function showAnswer(answer) {
    const stitch = state.stitches.find((s) => s.name === answer.stitch);
    const lines = [stitch.words, `${cost(stitch)} · ran in ${answer.latency_ms.toFixed(1)} ms, measured`];
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

  async function setExample(button) {
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
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    page.video.hidden = true;
    page.video.srcObject = null;
    page.webcam.textContent = "Webcam";
  }

  // ---------------------------------------------------------------- start

  // What was typed stays as it was typed; below the smallest stitch the browser's own bubble says what is wrong.
  function onTyped() {
    const gmacs = page.gmacs.valueAsNumber;
    const smallest = Number(page.gmacs.min);
    const isEnough = gmacs >= smallest;
    page.gmacs.setCustomValidity(isEnough ? "" : `The smallest stitch takes ${smallest} GMACs: give at least that.`);
    page.gmacs.reportValidity();
    if (!isEnough) return;
    setBudget(gmacs, "number");
    ask();
  }

  function listen() {
    page.slider.addEventListener("input", () => {
      setBudget(fromPosition(Number(page.slider.value)), "slider");
    });
    // `change` comes when the pointer lets go and, for keys, with every step: the timer makes one of many
    page.slider.addEventListener("change", askWhenSettled);
    page.gmacs.addEventListener("input", () => page.gmacs.setCustomValidity(""));
    page.gmacs.addEventListener("change", onTyped);
    for (const button of page.root.querySelectorAll("[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
    page.families.addEventListener("click", () => {
      page.families.setAttribute("aria-pressed", String(page.families.getAttribute("aria-pressed") !== "true"));
      draw(plot.data);
    });
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
    page.network.addEventListener("change", () => {
      clearTimeout(state.choosing);
      state.choosing = setTimeout(() => choose(page.network.value), CHOICE_MS);
    });
    page.fetchCancel.addEventListener("click", cancel);
    page.fetch.addEventListener("keydown", (event) => event.key === "Escape" && cancel());
    page.webcam.addEventListener("click", onWebcam);
    for (const button of page.root.querySelectorAll(".example")) button.addEventListener("click", () => setExample(button));
    new MutationObserver(() => draw(plot.data)).observe(document.body, { attributeFilter: ["class"] });
  }

  // ---------------------------------------------------------------- networks

  // The networks that are here, then those to be fetched; the one that is shown, or about to be.
  function fillMenu(name) {
    const groups = [["Here", true], ["To be fetched", false]].map(([label, here]) => {
      const group = document.createElement("optgroup");
      group.label = label;
      group.append(...state.networks.filter((n) => n.here === here).map((n) => new Option(n.title, n.name)));
      return group;
    });
    page.network.replaceChildren(...groups.filter((group) => group.children.length));
    page.network.value = name;
    page.network.disabled = false;
  }

  const entryOf = (name) => state.networks.find((network) => network.name === name);

  // A server function's answer; {error} where none comes.
  async function asked(call, network) {
    try {
      return (await call({ network })) ?? { error: LOST };
    } catch {
      return { error: LOST };
    }
  }

  async function choose(name) {
    const turn = ++state.choice;
    closePanel();
    page.wait.hidden = true;
    if (name === state.network) return;
    const entry = entryOf(name);
    if (entry.here) load(entry, turn);
    else offer(entry, turn);
  }

  // The page stays on the network that it has until the new one is there.
  async function load(entry, turn) {
    say(`Loading ${entry.title} …`);
    const network = await asked(server.network, entry.name);
    if (turn !== state.choice) return;
    page.wait.hidden = true;
    if (!network.error) await put(network);
    else if (network.fetching) follow(entry, turn, await asked(server.progress, entry.name));
    else if (network.instead) fallBack(network.error, network.instead, turn);
    else if (state.network === null) fail(network.error);
    else refuse(network.error);
  }

  function say(text) {
    page.wait.hidden = false;
    page.wait.classList.remove("is-error");
    page.waitText.textContent = text;
  }

  // Nothing can be shown but the zoo.
  function fail(sentence) {
    closePanel();
    say(sentence);
    page.wait.classList.add("is-error");
    page.root.dataset.state = "failed";
  }

  async function fallBack(sentence, name, turn) {
    const entry = entryOf(name);
    await load(entry, turn);
    if (turn === state.choice && state.network === name) openPanel(`${sentence.replace(/\.?$/, ".")} The page shows ${entry.title} instead.`, { isError: true, cancel: "Close" });
  }

  // Says what is wrong; the page stays on the network that it had, or takes the one that is here.
  function refuse(sentence, again = null) {
    if (state.network === null) {
      const other = state.networks.find((network) => network.here);
      if (other) fallBack(sentence, other.name, state.choice);
      else fail(sentence);
      return;
    }
    page.network.value = state.network;
    openPanel(sentence, { isError: true, go: again ? "Try again" : null, onGo: again, cancel: "Close" });
  }

  // Asks before anything is fetched: the size is the server's own word.
  async function offer(entry, turn) {
    const hosts = entry.hosts.join(" or ");
    const title = bold(entry.title);
    openPanel([title, `: asking ${hosts} for its size …`], {});
    const size = await asked(server.size, entry.name);
    if (turn !== state.choice) return;
    if (size.error) refuse(size.error, () => again(entry));
    else if (size.progress) follow(entry, turn, size.progress);
    else {
      const onGo = async () => follow(entry, turn, await asked(server.fetch, entry.name));
      openPanel([title, `: ${megabytes(size.bytes)} MB to fetch from ${hosts}`], { go: "Fetch", onGo });
      if (page.fetch.contains(document.activeElement)) page.fetchGo.focus({ preventScroll: true });
    }
  }

  function again(entry) {
    page.network.value = entry.name;
    choose(entry.name);
  }

  const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

  // Asks how far the fetch is until it ends; nobody asking, the server stops it after a while.
  async function follow(entry, turn, progress) {
    while (turn === state.choice) {
      if (progress.error || progress.state === "failed") {
        refuse(progress.error ?? progress.sentence, () => again(entry));
        return;
      }
      if (progress.state === "done") {
        closePanel();
        await load(entry, turn);
        return;
      }
      const { state: now, done, total } = progress;
      openPanel([bold(entry.title), `: fetching from ${entry.hosts.join(" or ")}`], { done, total });
      // stopped: a page in the background is slow to ask
      if (now === "stopped") progress = await asked(server.fetch, entry.name);
      else {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        if (turn === state.choice) progress = await asked(server.progress, entry.name);
      }
    }
  }

  // `go` names the button that does something, `done` and `total` (bytes) draw the bar.
  function openPanel(text, { go = null, onGo = null, cancel = "Cancel", isError = false, done, total }) {
    // from the menu or the button that goes, but not from elsewhere on the page
    const takesFocus = page.fetch.hidden ? document.activeElement === page.network : go === null && document.activeElement === page.fetchGo;
    page.fetch.hidden = false;
    page.fetch.classList.toggle("is-error", isError);
    const parts = [text].flat();
    // set only when it changes: screen readers read it out
    if (page.fetchText.textContent !== parts.map((part) => part.textContent ?? part).join("")) page.fetchText.replaceChildren(...parts);
    page.fetchProgress.hidden = total === undefined;
    if (total) page.fetchBar.value = done / total;
    else page.fetchBar.removeAttribute("value"); // it has begun, and nothing is known yet
    page.fetchShare.textContent = total ? `${megabytes(done)} of ${megabytes(total)} MB, ${Math.floor((100 * done) / total)} %` : "";
    page.fetchGo.hidden = go === null;
    page.fetchGo.textContent = go ?? "";
    page.fetchGo.onclick = () => {
      page.fetchGo.onclick = null; // once is enough
      onGo();
    };
    page.fetchCancel.textContent = cancel;
    if (!takesFocus) return;
    page.fetchCancel.focus({ preventScroll: true });
    page.fetch.scrollIntoView({ block: "nearest" });
  }

  function closePanel() {
    if (page.fetch.hidden) return;
    const hadFocus = page.fetch.contains(document.activeElement);
    page.fetch.hidden = true;
    if (hadFocus) page.network.focus({ preventScroll: true });
  }

  // A fetch goes on for others, or stops when nobody asks about it.
  function cancel() {
    const turn = ++state.choice;
    closePanel();
    if (state.network !== null) page.network.value = state.network;
    else {
      const other = state.networks.find((network) => network.here);
      if (other) load(other, turn);
      else fail("No network is here: choose one in the menu to fetch it.");
    }
  }

  function showNetwork(network) {
    state.stitches = [...network.stitches].sort((a, b) => a.gmacs - b.gmacs);
    state.view = network.view;
    state.chosen = state.clicked = null;
    const sources = new Set(state.stitches.map((stitch) => stitch.source ?? "unmeasured"));
    if (network.traces.some((trace) => trace.meta.kind === "original")) sources.add("original");
    state.rug = network.traces.find((trace) => trace.meta.kind === "rug")?.y[0];
    for (const look of page.root.querySelectorAll("[data-source]")) look.hidden = !sources.has(look.dataset.source);
    const { beats, ownership, unmeasured } = network;
    if (beats.nothing) page.beats.textContent = beats.nothing;
    else page.beats.replaceChildren("Beats ", bold(`${beats.beaten} of ${beats.total}`), ` zoo models from ${beats.low.toFixed(2)} to ${beats.high.toFixed(2)} GMACs. ${beats.definition}`);
    page.owns.textContent = `${ownership.network} ${ownership.published}`;
    page.joint.textContent = network.joint;
    page.jointFact.hidden = !network.joint;
    page.line.textContent = network.line;
    makeRoomForWords();
    page.unmeasured.hidden = !unmeasured;
    if (unmeasured) {
      const command = document.createElement("code");
      command.textContent = unmeasured.command;
      page.unmeasured.replaceChildren(`${unmeasured.text} Measure them: `, command);
    }
    page.slider.disabled = page.gmacs.disabled = false;
    page.gmacs.min = (Math.ceil(span()[0] * 1000) / 1000).toFixed(3);
    page.gmacs.setCustomValidity("");
    for (const trace of state.zoo) if (trace.meta.key) trace.visible = trace.meta.key !== network.hides;
  }

  // Shows a network in place of the one before. A budget that it can spend stays; else its own opening view.
  async function put(network) {
    state.turn += 1; // what is being asked was asked of the network before
    state.asking?.abort();
    state.answered = null;
    delete page.root.dataset.answered;
    state.networks = network.networks;
    const before = state.gmacs;
    state.network = network.name;
    fillMenu(network.name);
    showNetwork(network);
    await draw([...state.zoo, ...network.traces]);
    if (state.network !== network.name) return; // another came while this one was drawn
    show(page.root.querySelector("[data-view][aria-pressed=true]").dataset.view);
    const [low, high] = span();
    const stitched = state.stitches.filter((stitch) => stitch.on_front && !stitch.is_anchor);
    const opening = stitched[Math.floor(stitched.length / 2)]; // amid what stitching adds
    const isKept = before !== null && before >= low && before <= high;
    setBudget(isKept ? before : (opening?.gmacs ?? fromPosition(Number(page.slider.max) / 2)));
    page.root.dataset.network = network.name;
    page.root.dataset.state = "ready"; // what the tests wait for
    ask(); // of the photo that is there
  }

  async function start(element, functions) {
    server = functions;
    const root = element.querySelector(".sn");
    const named = (id) => root.querySelector(`#sn-${id}`);
    page = { root };
    const ids = ["slider", "gmacs", "chosen", "unmeasured", "beats", "owns", "joint", "joint-fact", "line", "wait", "wait-text", "ring", "ring-label", "names", "families", "network", "fetch", "fetch-text", "fetch-progress", "fetch-bar", "fetch-share", "fetch-go", "fetch-cancel", "drop", "file", "preview", "video", "hint", "webcam", "error", "answer", "ran", "bars"];
    for (const id of ids) page[id.replace(/-(.)/, (_, letter) => letter.toUpperCase())] = named(id);
    plot = named("plot");
    emptyAnswer();
    const { traces, networks, start: first } = await server.backdrop({});
    state.zoo = traces;
    state.networks = networks;
    fillMenu(first);
    nameCurves(traces);
    await draw(traces);
    plot.on("plotly_click", onPointClick);
    plot.on("plotly_afterplot", placeAll);
    plot.on("plotly_relayouting", placeAll);
    listen();
    root.dataset.state = "zoo";
    load(entryOf(first), ++state.choice);
  }

  return { start, state };
})();
