// @ts-check
// What is shown, to take away: the filtered zoo with the stitches as CSV, the chart as PNG or SVG.

import { curvesInView, RUG, xOf, yOf } from "../chart/traces.js";
import { asCsv, count, download } from "../core.js";

/** @import { Page } from "../core.js" */

const WIDTH = 1200,
  HEIGHT = 675; // px of an image, at least
const SCALE = 2; // of a PNG's pixels

// ---------------------------------------------------------------- CSV

const escapeText = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** @param {Page} page @param {{filtersInWords: () => string}} zoo */
export function createExports(page, { filtersInWords }) {
  const { elements, plot, state, tone } = page;

  const fileName = (ending) => `snnet-${(state.network ?? "zoo").replace(/[^\w.-]+/g, "-")}.${ending}`;

  function zooRows() {
    const { columns, families, notes } = state.zoo;
    const { name, family, image_size: size, gmacs, params_m: params } = columns;
    return state.shown.map((row) => [
      name[row],
      "zoo",
      families[family[row]],
      size[row],
      gmacs[row],
      params[row],
      columns[state.set][row],
      "",
      "",
      notes[row] ? `published by timm; ${notes[row]}` : "published by timm",
    ]);
  }

  function stitchRows() {
    return state.stitches.map((stitch) => {
      const value = yOf(state, stitch);
      const [low, high] = (state.set === "top1" && stitch.interval) || ["", ""];
      const source = state.set === "top1" ? stitch.origin : value === null ? null : "published by timm";
      return [
        stitch.name,
        stitch.is_anchor ? "anchor" : "stitch",
        state.network,
        stitch.image_size,
        stitch.gmacs,
        stitch.params_m,
        value ?? "",
        low,
        high,
        source ?? "not measured",
      ];
    });
  }

  // The published curves have figures on ImageNet-1k alone.
  function curveRows() {
    return curvesInView(state).flatMap(({ key, title, gmacs, params_m: params, top1 }) =>
      gmacs.map((cost, place) => [`${title} ${place}`, "published stitch", key, "", cost, params[place], top1[place], "", "", "published by its authors"]),
    );
  }

  function csv() {
    const header = [
      "name",
      "kind",
      "family",
      "image_size",
      "gmacs",
      "params_m",
      state.set === "top1" ? "top1" : `top1_${state.set}`,
      "interval_low",
      "interval_high",
      "source",
    ];
    const rows = [header, ...zooRows(), ...stitchRows(), ...curveRows()];
    return asCsv(rows);
  }

  function exportCsv() {
    download(new Blob([csv()], { type: "text/csv" }), fileName("csv"));
  }

  // ---------------------------------------------------------------- images

  // The chart as it is shown, on a solid ground, with what lies over it on the page: names, ring, key.
  function figure() {
    const width = Math.max(WIDTH, plot.clientWidth),
      height = Math.max(HEIGHT, plot.clientHeight + 70);
    const { family, size } = plot.layout.font;
    const ink = tone("ink"),
      soft = tone("soft"),
      ground = tone("card");
    const key = [...page.all(".sn-key > span:not([hidden])")].map((span) => span.textContent.trim()).join("    ");
    const about = filtersInWords();
    const title = `${elements.network.selectedOptions[0]?.textContent ?? ""} against ${count(state.shown.length)} of ${count(state.zoo.columns.name.length)} results of the timm zoo`;
    const layout = {
      ...structuredClone(plot.layout),
      width,
      height,
      autosize: false,
      paper_bgcolor: ground,
      plot_bgcolor: ground,
      margin: { l: 62, r: 20, t: 70, b: 56 },
      title: {
        text: title + (about ? `<br><span style="font-size:${size + 1}px">${escapeText(about)}</span>` : ""),
        x: 0.01,
        xanchor: "left",
        font: { family, size: size + 6, color: ink },
      },
      annotations: [
        ...nameNotes(ground, ink, size),
        ...ringNote(size),
        { text: key, xref: "paper", yref: "paper", x: 1, y: 1.01, xanchor: "right", yanchor: "bottom", showarrow: false, font: { color: soft, size } },
      ],
    };
    return { data: [...plot.data.map((trace) => ({ ...trace })), ...ringMark()], layout };
  }

  // The names stand where they stand on the page, in shares of the graph.
  function nameNotes(ground, ink, size) {
    const { xaxis, yaxis } = plot._fullLayout;
    const area = elements.names.parentElement.getBoundingClientRect();
    return state.names
      .filter(({ name }) => !name.hidden)
      .map(({ name }) => {
        const box = name.getBoundingClientRect();
        const x = (box.left - area.left + box.width / 2 - xaxis._offset) / xaxis._length;
        const y = 1 - (box.top - area.top + box.height / 2 - yaxis._offset) / yaxis._length;
        return {
          text: `<span style="color:${getComputedStyle(name.children[0]).backgroundColor}">▬</span> <b>${name.textContent}</b>`,
          xref: "paper",
          yref: "paper",
          x,
          y,
          showarrow: false,
          bgcolor: ground,
          opacity: 0.9,
          font: { color: ink, size: size - 1 },
        };
      });
  }

  const ringHeight = () => yOf(state, state.chosen);

  const isRingInView = () => state.chosen && !elements.ring.hidden;

  function ringMark() {
    if (!isRingInView()) return [];
    const y = ringHeight();
    return [
      {
        x: [xOf(state, state.chosen)],
        y: [y ?? RUG],
        yaxis: y === null ? "y2" : "y",
        mode: "markers",
        showlegend: false,
        marker: { size: 24, symbol: "circle-open", color: tone("accent"), line: { width: 3, color: tone("accent") } },
      },
    ];
  }

  function ringNote(size) {
    if (!isRingInView()) return [];
    const y = ringHeight(),
      x = xOf(state, state.chosen);
    return [
      {
        text: elements.ringLabel.textContent,
        x: state.scale === "log" ? Math.log10(x) : x,
        y: y ?? RUG,
        yref: y === null ? "y2" : "y",
        xanchor: "left",
        xshift: 12,
        yshift: y === null ? 28 : -28,
        showarrow: false,
        bgcolor: tone("accent"),
        borderpad: 4,
        font: { color: tone("on-accent"), size },
      },
    ];
  }

  // `format` is "png" or "svg".
  async function exportImage(format) {
    const { data, layout } = figure();
    const address = await window.Plotly.toImage({ data, layout }, { format, width: layout.width, height: layout.height, scale: format === "png" ? SCALE : 1 });
    download(await (await fetch(address)).blob(), fileName(format));
  }

  elements.zooCsv.addEventListener("click", exportCsv);
  elements.zooPng.addEventListener("click", () => exportImage("png"));
  elements.zooSvg.addEventListener("click", () => exportImage("svg"));
}
