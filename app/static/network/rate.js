// @ts-check
// How fast bytes come, and how long the rest takes: in words. Knows nothing of the page.

import { megabytes } from "../core.js";

const WINDOW_MS = 10_000; // of which the rate is the mean

/** How long, in words that need no decimals. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 90) return `${10 * Math.ceil(seconds / 10)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}

/** Of one fetch, from what is said of it now and then. */
export class Rate {
  /** @type {{at: number, done: number}[]} */
  #seen = [];

  /** @param {number} done bytes @param {number} total bytes, 0 until known @param {number} [now] ms */
  words(done, total, now = performance.now()) {
    this.#seen = [...this.#seen.filter(({ at }) => now - at < WINDOW_MS), { at: now, done }];
    if (!total) return "";
    const words = `${megabytes(done)} of ${megabytes(total)} MB, ${Math.floor((100 * done) / total)} %`;
    const { at, done: before } = this.#seen[0];
    const rate = (1000 * (done - before)) / (now - at); // bytes a second
    if (!(now - at >= 1000 && rate > 0)) return words;
    return `${words} · ${megabytes(rate)} MB/s, ${duration((total - done) / rate)} left`;
  }
}
