// @ts-check
/**
 * The traffic tail: newest first, at most `data-follow` rows.
 *
 * While it runs, the document has only as many as fit on the screen, and of a flood they are
 * given other entries rather than replaced. Who scrolls, opens, pauses or goes there by keyboard
 * has all of them, for the browser's search and a screen reader too: the others wait as data.
 */
import { addHeld, isHolding } from "./hold.js";
import { fill } from "./fields.js";
import { entryOf, forgetRows, reuse, rowOf } from "./tail-row.js";

/** @typedef {import("./tail-row.js").EntryRow} EntryRow */

const FADING_ROWS = 20;
const SPARE_ROWS = 4;

let leftOut = 0;
/** What follows the last row in the document, newest first. @type {EntryRow[]} */
let below = [];
/** Rows that fit on the screen; all, until it is measured. */
let room = Infinity;
let rowHeight = 0;

const list = () => document.getElementById("tail");

/** @param {AbortSignal} signal */
export function startTail(signal) {
  const sizes = new ResizeObserver(measure);
  const observe = () => {
    const pane = list()?.parentElement;
    if (pane) sizes.observe(pane);
  };
  document.addEventListener("channelscope:entries", (event) => {
    if (event instanceof CustomEvent) take(event.detail);
  }, { signal });
  document.addEventListener("channelscope:visited", (event) => {
    // A page that was fetched anew has left nothing out yet, and has its own rows.
    if (event instanceof CustomEvent && event.detail.region === "#main") startAnew();
    else showAll();
    observe();
  }, { signal });
  document.addEventListener("channelscope:paused", showAll, { signal });
  document.addEventListener("scroll", () => below.length && isHolding() && showAll(), { signal, capture: true, passive: true });
  document.addEventListener("focusin", () => hasFocus() && showAll(), { signal });
  signal.addEventListener("abort", () => sizes.disconnect());
  observe();
}

function startAnew() {
  leftOut = 0;
  below = [];
  forgetRows();
}

/** @param {ResizeObserverEntry[]} sizes Of the pane: here nothing has been written that reading would lay out. */
function measure([{ contentRect }]) {
  const row = list()?.querySelector(".tail-row");
  if (!(row instanceof HTMLElement) || !row.offsetHeight) return;
  rowHeight = row.offsetHeight;
  room = Math.ceil(contentRect.height / rowHeight) + SPARE_ROWS;
}

/** @param {{entries: EntryRow[], gaps?: {process: string, missed: number}[], left_out?: number, one_of?: number}} batch Entries oldest first. */
function take(batch) {
  const tail = list();
  if (!tail) return;
  const isHeld = !tail.dataset.follow || isHolding();
  noteLeftOut(batch.left_out ?? 0, batch.one_of ?? 1);
  if (isHeld) return addHeld(batch.entries.length);
  if (room === Infinity) sizeUp(tail);
  const fresh = [...batch.entries].reverse();
  const gaps = (batch.gaps ?? []).map(gapOf);
  const isFlood = fresh.length > FADING_ROWS && !hasFocus();
  isFlood ? rewrite(tail, gaps, fresh) : insert(tail, gaps, fresh);
  trim(tail);
  document.dispatchEvent(new CustomEvent("channelscope:rows"));
  tail.parentElement?.querySelector("[data-empty]")?.toggleAttribute("hidden", tail.childElementCount > 0);
}

/** A list that was empty when it was measured. @param {HTMLElement} tail */
function sizeUp(tail) {
  const pane = tail.parentElement;
  if (pane && tail.firstElementChild) measure(/** @type {any} */ ([{ contentRect: { height: pane.clientHeight } }]));
}

/**
 * @param {HTMLElement} tail
 * @param {EntryRow[]} gaps
 * @param {EntryRow[]} fresh Newest first.
 */
function insert(tail, gaps, fresh) {
  tail.prepend(...gaps.map(rowOf));
  const rows = fresh.map(rowOf);
  // Each fade is painted anew in every frame: of a flood nobody would see them.
  if (rows.length <= FADING_ROWS) for (const row of rows) row.toggleAttribute("data-new", true);
  place(tail, rows);
}

/**
 * Puts rows where their times belong: what another process says comes later than what this one
 * says of the same moment. A gap has no time: what came after it stays above it.
 *
 * @param {HTMLElement} tail
 * @param {HTMLElement[]} rows Newest first.
 */
function place(tail, rows) {
  let next = tail.firstElementChild;
  for (const row of rows) {
    while (next && Number(next.getAttribute("data-at")) > Number(row.dataset.at)) next = next.nextElementSibling;
    tail.insertBefore(row, next);
  }
}

/**
 * Lets the rows that are there show what belongs there now; of a flood that is all of them.
 *
 * @param {HTMLElement} tail
 * @param {EntryRow[]} gaps
 * @param {EntryRow[]} fresh Newest first.
 */
function rewrite(tail, gaps, fresh) {
  const rows = /** @type {HTMLElement[]} */ ([...tail.children]);
  const all = merged([...gaps, ...rows.map(entryOf), ...below], fresh);
  const count = Math.min(all.length, Math.max(rows.length, room === Infinity ? all.length : room));
  for (let n = 0; n < count; n += 1) {
    if (n < rows.length) reuse(rows[n], all[n]);
    else tail.append(rowOf(all[n]));
  }
  below = all.slice(count);
}

/**
 * @param {EntryRow[]} kept Newest first, as they stand.
 * @param {EntryRow[]} fresh Newest first.
 */
function merged(kept, fresh) {
  const all = [];
  let next = 0;
  for (const entry of fresh) {
    while (next < kept.length && kept[next].at > entry.at) all.push(kept[next++]);
    all.push(entry);
  }
  return all.concat(kept.slice(next));
}

/** @param {HTMLElement} tail */
function trim(tail) {
  const limit = Number(tail.dataset.follow);
  const most = hasFocus() ? limit : Math.min(limit, room);
  const over = /** @type {HTMLElement[]} */ ([...tail.children].slice(most));
  below = [...over.map(entryOf), ...below].slice(0, limit - Math.min(tail.childElementCount, most));
  for (const row of over) row.remove();
  tail.toggleAttribute("data-windowed", below.length > 0);
  // The scrollbar is that of all rows: to move it is to have them.
  tail.style.minHeight = below.length ? `${(most + below.length) * rowHeight}px` : "";
}

/** Puts all rows into the document, for who reads. */
function showAll() {
  const tail = list();
  if (!tail || !below.length) return;
  tail.append(...below.map(rowOf));
  below = [];
  tail.removeAttribute("data-windowed");
  tail.style.minHeight = "";
}

/** Whether somebody goes through the rows by keyboard. */
function hasFocus() {
  return Boolean(list()?.contains(document.activeElement));
}

/** @param {{process: string, missed: number}} gap */
function gapOf({ process, missed }) {
  const gap = `${missed} of ${process} not seen: they left the buffer before this page asked for them`;
  return /** @type {EntryRow} */ ({ gap });
}

/**
 * @param {number} count
 * @param {number} oneOf Of how many messages one was shown in this batch.
 */
function noteLeftOut(count, oneOf) {
  if (!count) return;
  leftOut += count;
  const notice = document.getElementById("sampling");
  if (!notice) return;
  notice.hidden = false;
  const sampled = oneOf > 1 ? `, sampled: 1 of ${oneOf}` : "";
  fill(notice, { left_out: leftOut.toLocaleString("en").replaceAll(",", "\u00a0"), sampled });
}
