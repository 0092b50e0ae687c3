// @ts-check
// How costs are printed, and what a budget may be: as `snnet.frontier` does it. Pure functions.

const MOST_TIMES = 100; // the costliest stitch: a budget beyond was meant in another unit
const MOST_DIGITS = 15; // that a number has

/** Costs of one network, each of which can be printed so that as a budget it pays for no higher one. */
export class Ladder {
  /** @param {number[]} costs */
  constructor(costs) {
    this.steps = [...new Set(costs)].sort((a, b) => a - b);
  }

  get lowest() {
    return this.steps[0];
  }

  get highest() {
    return this.steps[this.steps.length - 1];
  }

  /** A cost rounded up to so many decimals, of small costs digits; more where another fits between. @param {number} cost @param {number} [digits] */
  figure(cost, digits = 3) {
    const following = this.#following(cost);
    const first = cost >= 0.1 || cost <= 0 ? digits : digits - 1 - Math.floor(Math.log10(cost));
    for (let count = first; count < MOST_DIGITS; count++) {
      let text = cost.toFixed(count);
      if (Number(text) < cost) text = (cost + 0.75 * 10 ** -count).toFixed(count);
      if (Number(text) < following) return text;
    }
    return String(cost);
  }

  /** The lowest and the highest cost as they are printed. */
  range(digits = 2) {
    return [this.figure(this.lowest, digits), this.figure(this.highest, digits)];
  }

  /** The next higher cost. @param {number} cost */
  #following(cost) {
    let low = 0,
      high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle] <= cost) low = middle + 1;
      else high = middle;
    }
    return this.steps[low] ?? Number.POSITIVE_INFINITY;
  }
}

/** @typedef {{gmacs: number, params_m: number}} Row */
/** @type {WeakMap<Row[], {gmacs: Ladder, params_m: Ladder}>} */
const ladders = new WeakMap();

/** The ladders of a network's stitches, worked out once. @param {Row[]} stitches */
export function laddersOf(stitches) {
  const known = ladders.get(stitches) ?? {
    gmacs: new Ladder(stitches.map(({ gmacs }) => gmacs)),
    params_m: new Ladder(stitches.map(({ params_m: params }) => params)),
  };
  ladders.set(stitches, known);
  return known;
}

const isEither = (/** @type {string} */ text) => /^[+-]?[1-9]\d{0,2},\d{3}$/.test(text); // a decimal comma, or thousands?

/** A typed number, with a point or a comma; NaN for what is none, or may be read in two ways. @param {string} text */
export function readNumber(text) {
  const bare = text.trim();
  if (isEither(bare) || !/^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$/.test(bare)) return Number.NaN;
  return Number(bare.replace(",", "."));
}

/** Why a typed budget of GMACs buys nothing, in a sentence; "" where it buys a stitch. @param {string} typed @param {Ladder} ladder */
export function refusal(typed, ladder) {
  const text = typed.trim();
  if (isEither(text)) return `${text} may be ${text.replace(",", ".")} or ${text.replace(",", "")}: write one of them.`;
  const gmacs = readNumber(text);
  if (!(gmacs >= ladder.lowest)) return `The smallest stitch takes ${ladder.figure(ladder.lowest)} GMACs: give at least that.`;
  if (gmacs <= MOST_TIMES * ladder.highest) return "";
  const largest = ladder.figure(ladder.highest);
  const fits = [
    { unit: "MMACs", times: 1e3 },
    { unit: "MACs", times: 1e9 },
  ].filter(({ times }) => gmacs / times >= ladder.lowest && gmacs / times <= MOST_TIMES * ladder.highest);
  const readings = fits.map(({ unit, times }) => `${text} ${unit} are ${Number((gmacs / times).toPrecision(6))} GMACs`).join("; ");
  return `That is more than ${MOST_TIMES} times the costliest stitch (${largest} GMACs): were MACs or MMACs meant? ${readings || `${largest} GMACs pay for every stitch`}.`;
}
