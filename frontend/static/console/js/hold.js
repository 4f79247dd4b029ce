// @ts-check
/**
 * Holds the list still: while it is paused, scrolled away from its newest row, or
 * a row is open in the inspector. What arrives meanwhile is counted, not kept:
 * to resume is to fetch the page again, so nothing here can grow or go stale.
 */
import { visit } from "./visit.js";

const ANNOUNCE_MS = 10_000;

let paused = false;
let held = 0;
let announcedAt = 0;
/** Whether the list is away from its top, as it was when it last moved: to ask it costs a layout. */
let isAway = false;

/** Whether a person has stopped the page. */
export const isPaused = () => paused;

/** Whether new rows must wait, so that no row moves under the pointer. */
export function isHolding() {
  return paused || isAway || Boolean(document.querySelector("[data-select] > .drawer:not([hidden])"));
}

/**
 * Count rows that were not shown.
 *
 * @param {number} count
 */
export function addHeld(count) {
  if (!count) return;
  held += count;
  show();
  if (Date.now() - announcedAt < ANNOUNCE_MS) return;
  announcedAt = Date.now();
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = `${held} new`;
}

/** Pause; or, if paused or holding, fetch what was missed and go on. */
export async function togglePause() {
  const shows = paused || held > 0;
  paused = !shows;
  show();
  if (shows) await release();
  else document.dispatchEvent(new CustomEvent("channelscope:paused"));
}

async function release() {
  held = 0;
  show();
  await visit(location.href);
  const list = document.querySelector("[data-hold]");
  const newestIsLast = list?.querySelector("[data-order=oldest-first]");
  list?.scrollTo({ top: newestIsLast ? list.scrollHeight : 0 });
  look();
}

/** Sees where the list stands. */
function look() {
  isAway = (document.querySelector("[data-hold]")?.scrollTop ?? 0) > 4;
}

function show() {
  for (const button of document.querySelectorAll("[data-pause]")) {
    button.setAttribute("aria-pressed", String(paused));
    button.toggleAttribute("data-holding", !paused && held > 0);
  }
  for (const count of document.querySelectorAll("[data-held]")) {
    count.textContent = held ? `${held} new` : "";
  }
}

/** @param {AbortSignal} signal */
export function startHold(signal) {
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-pause]")) togglePause();
  }, { signal });
  document.addEventListener("channelscope:visited", () => {
    show();
    look();
    releaseIfFree();
  }, { signal });
  document.addEventListener("scroll", (event) => {
    if (!(event.target instanceof Element && event.target.matches("[data-hold]"))) return;
    look();
    releaseIfFree();
  }, { signal, capture: true, passive: true });
  look();
}

/** Back at the top, or the inspector closed: what was held may come. */
function releaseIfFree() {
  if (held > 0 && !paused && !isHolding()) release();
}
