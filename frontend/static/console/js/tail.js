// @ts-check
/**
 * The traffic tail: newest first, at most `data-follow` rows in the document,
 * made from the page's own row template. Payloads are hostile: text only.
 */
import { addHeld, isHolding } from "./hold.js";
import { fill } from "./fields.js";

/**
 * @typedef {object} EntryRow
 * @property {string} id "epoch:offset".
 * @property {number} at Seconds since the Unix epoch.
 * @property {string} dir Direction, which names a glyph.
 * @property {boolean} [slow]
 * @property {string} process
 * @property {string} [after] Seconds that nobody saw before this one.
 */

const FADING_ROWS = 20;

let leftOut = 0;

/** @param {AbortSignal} signal */
export function startTail(signal) {
  document.addEventListener("channelscope:entries", (event) => {
    if (event instanceof CustomEvent) take(event.detail);
  }, { signal });
  document.addEventListener("channelscope:visited", (event) => {
    // A page that was fetched anew has left nothing out yet.
    if (event instanceof CustomEvent && event.detail.region === "#main") leftOut = 0;
  }, { signal });
}

/** @param {{entries: EntryRow[], gaps?: {process: string, missed: number}[], left_out?: number, one_of?: number}} batch Entries oldest first. */
function take(batch) {
  const tail = document.getElementById("tail");
  if (!tail) return;
  noteLeftOut(batch.left_out ?? 0, batch.one_of ?? 1);
  if (!tail.dataset.follow || isHolding()) return addHeld(batch.entries.length);
  tail.prepend(...(batch.gaps ?? []).map(gapOf));
  const rows = batch.entries.map(rowOf).reverse();
  // Each fade is painted anew in every frame: of a flood nobody would see them.
  if (rows.length <= FADING_ROWS) for (const row of rows) row.toggleAttribute("data-new", true);
  place(tail, rows);
  while (tail.childElementCount > Number(tail.dataset.follow)) tail.lastElementChild?.remove();
  document.dispatchEvent(new CustomEvent("channelscope:rows"));
  tail.parentElement?.querySelector("[data-empty]")?.toggleAttribute("hidden", tail.childElementCount > 0);
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

/** @param {EntryRow} entry */
function rowOf(entry) {
  const row = clone("tail-row");
  row.dataset.id = entry.id;
  row.dataset.at = String(entry.at);
  row.dataset.process = entry.id.split(":")[0];
  if (entry.dir === "error") row.dataset.tone = "danger";
  fill(row, entry);
  row.querySelector("[data-f=took]")?.classList.toggle("slow", Boolean(entry.slow));
  row.querySelector("[data-f-title=process]")?.setAttribute("title", `on ${entry.process}`);
  const link = row.querySelector("a[data-row-link]");
  if (link instanceof HTMLAnchorElement) {
    const url = new URL(location.href);
    url.searchParams.set("message", entry.id);
    link.href = url.search;
  }
  return row;
}

/** @param {{process: string, missed: number}} gap */
function gapOf({ process, missed }) {
  const row = clone("tail-gap");
  fill(row, { gap: `${missed} of ${process} not seen: they left the buffer before this page asked for them` });
  return row;
}

/**
 * @param {string} id Of a template with one element.
 * @returns {HTMLElement}
 */
function clone(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
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
