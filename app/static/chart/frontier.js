// Pareto front and the count against the zoo, as `snnet.frontier` does them. Pure functions on plain arrays:
// lower costs and higher values are better, a value of null is not known.

const isKnown = (value) => value !== null && value !== undefined && !Number.isNaN(value);

// The places of the front by ascending cost; of equal costs the higher value is kept, of equal points the first.
export function front(costs, values) {
  const places = [...costs.keys()].filter((place) => isKnown(values[place]));
  places.sort((a, b) => costs[a] - costs[b] || values[b] - values[a] || a - b);
  const steps = [];
  for (const place of places) {
    if (!steps.length || values[place] > values[steps.at(-1)]) steps.push(place);
  }
  return steps;
}

// Of the zoo's results between the cheapest and the costliest known stitch, how many some stitch beats: at face value, at
// the ends of the intervals (null without them), and by anchors alone.
export function beats(costs, values, zooCosts, zooValues, areAnchors, intervals = null) {
  const ends = (/** @type {number} */ end) => intervals?.map((pair) => pair?.[end] ?? null) ?? null;
  const known = costs.filter((_, place) => isKnown(values[place]));
  const none = intervals ? 0 : null;
  if (!known.length) return { beaten: 0, total: 0, low: 0, high: 0, at_low: none, at_high: none, by_anchors: 0 };
  const low = Math.min(...known),
    high = Math.max(...known);
  const inside = [...zooCosts.keys()].filter((place) => isKnown(zooValues[place]) && zooCosts[place] >= low && zooCosts[place] <= high);
  const beaten = (/** @type {(number | null)[] | null} */ by) => {
    if (!by) return null;
    const ladder = front(
      costs,
      by.map((value, place) => (isKnown(values[place]) ? value : null)),
    );
    return inside.filter((place) => by[ladder.findLast((step) => costs[step] <= zooCosts[place])] >= zooValues[place]).length;
  };
  const anchors = values.map((value, place) => (areAnchors[place] ? value : null));
  return { beaten: beaten(values), total: inside.length, low, high, at_low: beaten(ends(0)), at_high: beaten(ends(1)), by_anchors: beaten(anchors) };
}

// The place of the highest value among those that cost the same but for this share; -1 where none does.
export function bestNear(costs, values, cost, share) {
  let best = -1;
  for (const [place, one] of costs.entries()) {
    if (!isKnown(values[place]) || Math.abs(one - cost) > share * cost) continue;
    if (best < 0 || values[place] > values[best]) best = place;
  }
  return best;
}
