// @ts-check
/**
 * The page's one socket: says which state of which page it shows and from where
 * on it knows, and lets htmx swap what the server sends.
 *
 * Each batch is acknowledged once it is on the screen; the server sends no more
 * than that, so a slow page gets fewer batches, never a queue of them.
 */
import { addHeld, isPaused } from "./hold.js";
import { visit } from "./visit.js";

const FORBIDDEN = 4403;

/** @typedef {{position?: string, fresh?: number, reload?: boolean, entries?: object[], missed?: number, left_out?: number, stale?: string[], charts?: object, counts?: object, needs?: string}} Batch `needs`: an element without which the page is of another form. */

/** @type {WebSocket | null} */
let socket = null;
/** @type {string} */
let position = "";

/** @param {AbortSignal} signal */
export function startLive(signal) {
  const element = document.getElementById("live-socket");
  if (!element) return;
  const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ handle) =>
    element.addEventListener(`htmx:ws:${name}`, handle, { signal });

  on("after:connection", (event) => {
    socket = event.detail.connection.socket;
    markLost(false);
    watch();
  });
  on("close", (event) => {
    socket = null;
    if (event.detail.code === FORBIDDEN) location.reload();
    else if (!document.hidden) markLost(true);
  });
  on("before:message:incoming", (event) => receive(event));
  on("after:message:incoming", acknowledge);
  on("error", acknowledge);
  document.addEventListener("channelscope:visited", (event) => {
    const isWhole = event instanceof CustomEvent && event.detail.region === "#main";
    watch({ fromPage: isWhole });
  }, { signal });

  // Connected from here, not from the markup: a batch must not overtake its listeners.
  position = main().dataset.position ?? "";
  element.setAttribute("hx-swap", "none");
  element.setAttribute("hx-ws:connect", `${document.body.dataset.root}live/`);
  htmx.process(element);
}

/** @param {any} event */
function receive(event) {
  /** @type {Batch} */
  const batch = JSON.parse(event.detail.message.data);
  position = batch.position ?? position;
  if (batch.stale) markStale(batch.stale);
  if (isPaused()) {
    event.preventDefault();
    addHeld(batch.fresh ?? 0);
    acknowledge();
  } else if (batch.reload || (batch.needs && !document.querySelector(batch.needs))) {
    visit(location.href);
  } else {
    show(batch);
  }
}

/** @param {Batch} batch What of it the page's own scripts take. */
function show(batch) {
  if (batch.charts) document.dispatchEvent(new CustomEvent("channelscope:charts", { detail: batch.charts }));
  if (batch.counts) document.dispatchEvent(new CustomEvent("channelscope:counts", { detail: batch.counts }));
  if (batch.entries) {
    document.dispatchEvent(new CustomEvent("channelscope:entries", { detail: batch }));
  }
}

/** @param {{fromPage?: boolean}} [options] Whether the page is newer than the last batch. */
function watch({ fromPage = false } = {}) {
  const { page, subject, position: rendered } = main().dataset;
  if (fromPage && rendered) position = rendered;
  say({ page, subject, query: location.search, position });
}

function acknowledge() {
  say({ seen: position });
}

/** @param {object} message */
function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** @param {string[]} epochs Of the processes that have been silent for long. */
function markStale(epochs) {
  for (const row of document.querySelectorAll("[data-process]")) {
    row.toggleAttribute("data-stale", epochs.includes(/** @type {HTMLElement} */ (row).dataset.process ?? ""));
  }
}

/** @param {boolean} isLost */
function markLost(isLost) {
  document.getElementById("live")?.toggleAttribute("data-lost", isLost);
}

/** @returns {HTMLElement} */
function main() {
  return /** @type {HTMLElement} */ (document.getElementById("main"));
}
