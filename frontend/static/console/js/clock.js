// @ts-check
/** What changes because time passes: ages count up, sparklines move to the left. */

const TICK_MS = 1000;
const BUCKET_MS = 60_000 / 18;
const BUCKET_WIDTH = 4;

/** When each signal was drawn, for as long as it is the same signal. @type {WeakMap<Element, {d: string, at: number}>} */
const drawn = new WeakMap();

/** @param {AbortSignal} signal */
export function startClock(signal) {
  const timer = setInterval(() => document.hidden || tick(), TICK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  tick();
}

function tick() {
  for (const time of document.querySelectorAll("time[data-since]:not([data-until])")) {
    const text = duration(Date.now() / 1000 - Number(time.getAttribute("data-since")));
    // The same text node: a new one is a new box to lay out.
    const node = /** @type {Text | null} */ (time.firstChild);
    if (node && node.data !== text) node.data = text;
  }
  for (const path of document.querySelectorAll("path[data-drift]")) drift(path);
}

/** @param {Element} path */
function drift(path) {
  const d = path.getAttribute("d") ?? "";
  if (!d) return;
  const known = drawn.get(path);
  if (known?.d !== d) drawn.set(path, { d, at: Date.now() });
  const buckets = Math.floor((Date.now() - (drawn.get(path)?.at ?? 0)) / BUCKET_MS);
  if (buckets > 0) path.setAttribute("transform", `translate(${-BUCKET_WIDTH * buckets})`);
}

/**
 * Draws a signal as it is now.
 *
 * @param {Element} path
 * @param {string} d
 */
export function redraw(path, d) {
  path.setAttribute("d", d);
  path.removeAttribute("transform");
  drawn.set(path, { d, at: Date.now() });
}

/**
 * @param {number} seconds
 * @returns {string} "mm:ss", from an hour on "h:mm:ss".
 */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${pad(minutes)}:${pad(whole % 60)}`;
}
