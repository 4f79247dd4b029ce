// @ts-check
/**
 * Writes into the rows of Connections what changes with each message: counts and sparklines.
 *
 * The server sends them as text, and the whole row only when something else of it has changed.
 * A row that is not on the screen is passed over: it comes as a whole when it comes.
 */
import { redraw } from "./clock.js";

/** @typedef {[string, string, string, string, string]} Counts Messages and bytes in, messages and bytes out, and the path of the sparkline. */

/** @param {AbortSignal} signal */
export function startCounts(signal) {
  document.addEventListener("channelscope:counts", (event) => {
    if (!(event instanceof CustomEvent)) return;
    for (const [id, counts] of Object.entries(event.detail)) show(document.getElementById(`c-${id}`), counts);
  }, { signal });
}

/**
 * @param {HTMLElement | null} row
 * @param {Counts} counts
 */
function show(row, [inCount, inBytes, outCount, outBytes, path]) {
  if (!row) return;
  write(row.querySelector(".c-in"), inCount);
  write(row.querySelector(".c-in > .by"), inBytes);
  write(row.querySelector(".c-out"), outCount);
  write(row.querySelector(".c-out > .by"), outBytes);
  const signal = row.querySelector("path[data-drift]");
  if (signal) redraw(signal, path);
}

/**
 * @param {Element | null} element
 * @param {string} text
 */
function write(element, text) {
  // The same text node: what a person has selected in it stays.
  const node = /** @type {Text | null | undefined} */ (element?.firstChild);
  if (node && node.data !== text) node.data = text;
}
