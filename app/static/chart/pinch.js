// @ts-check
// Two fingers on the chart: what lies under them stays under them. Two clicks: as they were made, not as late as they are heard.

const LEAST_PX = 30; // between two fingers, below which a place is no scale

const DOUBLE_MS = 500; // between the clicks of a double one
const STILL_PX = 6; // that a hand may move between them

/** Calls for two clicks of a mouse; two taps are two choices. @param {HTMLElement} plot @param {() => void} call */
export function onDoubleClick(plot, call) {
  let before = { at: Number.NEGATIVE_INFINITY, x: 0, y: 0 };
  let isSecond = false;
  plot.addEventListener(
    "pointerdown",
    ({ pointerType, timeStamp: at, clientX: x, clientY: y }) => {
      isSecond = pointerType === "mouse" && at - before.at < DOUBLE_MS && Math.hypot(x - before.x, y - before.y) < STILL_PX;
      before = { at: isSecond ? Number.NEGATIVE_INFINITY : at, x, y };
    },
    true,
  );
  addEventListener("mouseup", () => {
    if (isSecond) setTimeout(call); // behind what plotly.js does then
    isSecond = false;
  });
}

/** Lets two fingers move and zoom a graph. @param {any} plot @param {() => void} onChange */
export function pinches(plot, onChange) {
  /** @type {{axis: any, along: (touch: Touch) => number, from: number[], apart: boolean}[]} */
  let axes = [];
  let due = 0;

  /** @param {TouchEvent} event */
  const isTwo = (event) => event.touches.length === 2;

  plot.addEventListener(
    "touchstart",
    (/** @type {TouchEvent} */ event) => {
      axes = [];
      if (!isTwo(event)) return;
      event.preventDefault();
      const { left, top } = plot.getBoundingClientRect();
      const { xaxis, yaxis } = plot._fullLayout;
      const touches = [...event.touches];
      const ends = [
        { axis: xaxis, along: (/** @type {Touch} */ touch) => touch.clientX - left - xaxis._offset },
        { axis: yaxis, along: (/** @type {Touch} */ touch) => touch.clientY - top - yaxis._offset },
      ];
      axes = ends.map(({ axis, along }) => {
        const places = touches.map(along);
        return { axis, along, from: places.map((place) => axis.p2l(place)), apart: Math.abs(places[0] - places[1]) > LEAST_PX };
      });
    },
    { passive: false, capture: true },
  );

  plot.addEventListener(
    "touchmove",
    (/** @type {TouchEvent} */ event) => {
      if (!isTwo(event) || !axes.length) return;
      event.preventDefault();
      const touches = [...event.touches];
      const ranges = axes.map((one) => rangeOf(one, touches));
      cancelAnimationFrame(due);
      due = requestAnimationFrame(() => {
        window.Plotly.relayout(plot, { "xaxis.range": ranges[0], "xaxis.tickvals": null, "yaxis.range": ranges[1] });
        onChange();
      });
    },
    { passive: false, capture: true },
  );

  plot.addEventListener("touchend", () => (axes = []), { passive: true });
}

/**
 * The range in which the values that were under the fingers are under them again.
 * @param {{axis: any, along: (touch: Touch) => number, from: number[], apart: boolean}} one @param {Touch[]} touches
 */
function rangeOf({ axis, along, from, apart }, touches) {
  const now = touches.map(along);
  const [low, high] = axis.range;
  const isOver = apart && Math.abs(now[0] - now[1]) > LEAST_PX;
  // in the axis' own units a pixel is so much
  const per = isOver ? (from[1] - from[0]) / (now[1] - now[0]) : ((high - low) / axis._length) * (axis._id === "y" ? -1 : 1);
  const middle = (now[0] + now[1]) / 2,
    value = (from[0] + from[1]) / 2;
  const start = value - per * middle,
    end = value + per * (axis._length - middle);
  return axis._id === "y" ? [end, start] : [start, end];
}
