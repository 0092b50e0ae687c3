// The browser's part of the page: the chart, the ring that follows the budget, and the photo.
// Everything that a drag needs is here; the server is asked for the data once, and for each answer.

window.explorer = (() => {
  "use strict";

  const SETTLE_MS = 120; // a key held down asks once, when it is let go
  const ZOO_VIEW = { x: [0.15, 60], y: [62, 91] }; // until the network has told its own
  const API = `${window.gradio_config?.root ?? ""}/gradio_api`;

  const state = {
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
    labelWidth: 0, // px, of the ring's label
    moves: 0, // of the ring, for the benchmark
  };
  let page; // element by id, without the prefix
  let plot;

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
    return Number(page.slider.max) * (Math.log(gmacs / low) / Math.log(high / low));
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
    page.chosen.innerHTML =
      clicked && clicked !== stitch
        ? `<b>${stitch.name}</b> is better for no more: ${figures(stitch)}, where ${clicked.name} has ${figures(clicked)}`
        : `<b>${stitch.name}</b> ${stitch.words} · ${stitch.gmacs.toFixed(3)} GMACs · ${accuracy(stitch)}`;
    page.chosen.title = page.chosen.textContent;
  }

  const figures = (stitch) => `${stitch.gmacs.toFixed(2)} GMACs${stitch.top1 === null ? "" : ` · ${stitch.top1.toFixed(1)} %`}`;

  function labelRing(stitch) {
    const isNarrow = plot.clientWidth < 500;
    page.ring.hidden = false; // a hidden label has no width
    page.ringLabel.textContent = isNarrow ? figures(stitch) : `${stitch.name} · ${figures(stitch)}`;
    state.labelWidth = page.ringLabel.offsetWidth; // measured once a text: reading it at every move is slow
  }

  function accuracy(stitch) {
    if (stitch.top1 === null) return "not measured yet";
    const [low, high] = stitch.interval;
    return `${stitch.top1.toFixed(1)} % top-1 [${low.toFixed(1)}, ${high.toFixed(1)}], ${stitch.source}`;
  }

  // The ring lies over the graph, so that moving it redraws nothing.
  function placeRing() {
    const axes = plot?._fullLayout;
    if (!axes || !state.chosen) return;
    const { xaxis, yaxis } = axes;
    const top1 = state.chosen.top1 ?? yaxis.range[0];
    const x = xaxis.d2p(state.chosen.gmacs) + xaxis._offset;
    const y = yaxis.d2p(top1) + yaxis._offset;
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
      if (kind === "front") trace.line = { ...trace.line, color: own };
      if (kind === "stitch") {
        trace.marker = { ...trace.marker, color: own, line: { ...trace.marker.line, color: own } };
        trace.error_y = { ...trace.error_y, color: translucent(own, trace.opacity === 1 ? 0.8 : 0.35) };
      }
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
      const at = lastInView(trace, xaxis, yaxis);
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
    const powers = [-2, -1, 0, 1, 2, 3];
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
      legend: { orientation: "h", x: 1, xanchor: "right", y: 0.01, yanchor: "bottom", bgcolor: translucent(tone("card"), 0.85), font: { size: size - 1 } },
      uirevision: "kept",
    };
  }

  const CONFIG = { displaylogo: false, showSendToCloud: false, responsive: true, scrollZoom: false, displayModeBar: false };

  async function draw(traces) {
    await window.Plotly.react(plot, traces.map(coloured), layout(), CONFIG);
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
    const point = event.points.find((p) => p.data.meta?.kind === "stitch");
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
    const answer = await post("run/classify", JSON.stringify({ data: [image, gmacs] }), signal);
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
      page.error.textContent = error instanceof TypeError ? "The server does not answer: is the app still running?" : error.message;
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
    page.ran.innerHTML = `<b>${answer.stitch}</b><br>${stitch.words}<br>${answer.gmacs.toFixed(3)} GMACs · ran in ${answer.latency_ms.toFixed(1)} ms, measured`;
    page.bars.querySelectorAll("li").forEach((row, place) => {
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
    page.webcam.addEventListener("click", onWebcam);
    for (const button of page.root.querySelectorAll(".example")) button.addEventListener("click", () => setExample(button));
    new MutationObserver(() => draw(plot.data)).observe(document.body, { attributeFilter: ["class"] });
  }

  function showNetwork(network) {
    state.stitches = [...network.stitches].sort((a, b) => a.gmacs - b.gmacs);
    state.view = network.view;
    const sources = new Set(state.stitches.map((stitch) => stitch.source));
    for (const look of page.root.querySelectorAll("[data-source]")) look.hidden = !sources.has(look.dataset.source);
    const { beats, ownership } = network;
    page.beats.innerHTML = `Beats <b>${beats.beaten} of ${beats.total}</b> zoo models from ${beats.low.toFixed(2)} to ${beats.high.toFixed(2)} GMACs. ${beats.definition}`;
    page.owns.textContent = `${ownership.network} ${ownership.published}`;
    page.line.textContent = network.line;
    page.slider.disabled = page.gmacs.disabled = false;
    page.gmacs.min = (Math.ceil(span()[0] * 1000) / 1000).toFixed(3);
    page.wait.hidden = true;
  }

  async function start(element, server) {
    const root = element.querySelector(".sn");
    const named = (id) => root.querySelector(`#sn-${id}`);
    page = { root, ringLabel: named("ring-label") };
    for (const id of ["slider", "gmacs", "chosen", "beats", "owns", "line", "wait", "ring", "names", "families", "drop", "file", "preview", "video", "hint", "webcam", "error", "answer", "ran", "bars"]) page[id] = named(id);
    plot = named("plot");
    emptyAnswer();
    const zoo = await server.backdrop({});
    nameCurves(zoo.traces);
    await draw(zoo.traces);
    plot.on("plotly_click", onPointClick);
    plot.on("plotly_afterplot", placeAll);
    plot.on("plotly_relayouting", placeAll);
    listen();
    root.dataset.state = "zoo";
    const network = await server.network({});
    if (network.error) {
      page.wait.classList.add("is-error");
      page.wait.textContent = network.error;
      root.dataset.state = "failed";
      return;
    }
    showNetwork(network);
    await draw([...zoo.traces, ...network.traces]);
    show("near");
    const opening = state.stitches.filter((stitch) => stitch.on_front && !stitch.is_anchor).at(-1);
    setBudget(opening?.gmacs ?? fromPosition(Number(page.slider.max) / 2));
    root.dataset.state = "ready"; // what the tests wait for
    ask(); // a photo may have come while the network was loading
  }

  return { start, state };
})();
