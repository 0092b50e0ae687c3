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

// Of the zoo's models between the cheapest and the costliest known stitch, how many some stitch matches or beats.
export function beats(costs, values, zooCosts, zooValues) {
  const ladder = front(costs, values);
  if (!ladder.length) return { beaten: 0, total: 0, low: 0, high: 0 };
  const low = costs[ladder[0]];
  const high = costs.reduce((most, cost, place) => (isKnown(values[place]) ? Math.max(most, cost) : most), low);
  let beaten = 0,
    total = 0;
  zooCosts.forEach((cost, place) => {
    if (!isKnown(zooValues[place]) || cost < low || cost > high) return;
    total += 1;
    const best = ladder.findLast((step) => costs[step] <= cost);
    if (values[best] >= zooValues[place]) beaten += 1;
  });
  return { beaten, total, low, high };
}
