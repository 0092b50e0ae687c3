// @ts-check
// What both charts look like: on the page's own ground, in its letters and colours.

/** @import { Page } from "../core.js" */

const CLEAR = "rgba(0,0,0,0)";

export const CONFIG = { displaylogo: false, showSendToCloud: false, responsive: true, scrollZoom: false, doubleClick: false, displayModeBar: false };

/** A layout for plotly.js, and what its axes have in common. @param {Page} page @param {string} border the tone around what is said of a point */
export function look({ em: size, family, tone }, border) {
  const color = tone("soft");
  const axis = { gridcolor: tone("line"), linecolor: tone("line"), tickfont: { color, size }, zeroline: false };
  const hoverlabel = { align: "left", bgcolor: tone("card"), bordercolor: tone(border), font: { family, color: tone("ink"), size } };
  return { axis, layout: { paper_bgcolor: CLEAR, plot_bgcolor: CLEAR, font: { family, color, size }, hoverlabel, hovermode: "closest" } };
}

/** Round numbers: these digits at every power of ten that a chart may show. @param {number[]} digits */
export const roundNumbers = (digits) => [-4, -3, -2, -1, 0, 1, 2, 3].flatMap((power) => digits.map((digit) => Number((digit * 10 ** power).toPrecision(2))));
