// @ts-check
/**
 * One row of the traffic tail, made from the page's own template or given another entry. Payloads
 * are hostile: text only. A row that shows another entry keeps its nodes: what costs is not the
 * text, but the styles and boxes of new elements.
 */
import { fill, glyph } from "./fields.js";

/**
 * @typedef {object} EntryRow
 * @property {string} id "epoch:offset".
 * @property {number} at Seconds since the Unix epoch.
 * @property {string} dir Direction, which names a glyph.
 * @property {boolean} [slow]
 * @property {string} process
 * @property {string} [gap] What nobody saw, if it is no entry.
 */

/** What each row shows. @type {WeakMap<Element, EntryRow>} */
let shown = new WeakMap();
/** @type {WeakMap<Element, Map<string, HTMLElement>>} */
const placesOf = new WeakMap();

/** The server has written the rows anew: what they show stands in them. */
export function forgetRows() {
  shown = new WeakMap();
}

/**
 * @param {EntryRow} entry
 * @returns {HTMLElement}
 */
export function rowOf(entry) {
  const row = clone(entry.gap ? "tail-gap" : "tail-row");
  show(row, entry);
  return row;
}

/**
 * Let `row` show `entry`; returns the row, which is another one if theirs are of different kinds.
 *
 * @param {HTMLElement} row
 * @param {EntryRow} entry
 */
export function reuse(row, entry) {
  const before = entryOf(row);
  if (before === entry) return row;
  if (entry.gap || before.gap) {
    const other = rowOf(entry);
    row.replaceWith(other);
    return other;
  }
  row.removeAttribute("data-new");
  show(row, entry);
  return row;
}

/**
 * What a row shows; of one that the server has written, what stands in it.
 *
 * @param {HTMLElement} row
 * @returns {EntryRow}
 */
export function entryOf(row) {
  const known = shown.get(row);
  if (known) return known;
  /** @type {Record<string, any>} */
  const entry = { id: row.dataset.id, at: Number(row.dataset.at) };
  for (const [name, place] of places(row)) entry[name] = place.textContent;
  entry.dir = row.querySelector("[data-f=dir] [data-dir]")?.getAttribute("data-dir") ?? "life";
  entry.slow = places(row).get("took")?.classList.contains("slow");
  entry.process = row.querySelector("[data-f-title=process]")?.getAttribute("title")?.replace(/^on /, "") ?? "";
  shown.set(row, /** @type {EntryRow} */ (entry));
  return /** @type {EntryRow} */ (entry);
}

/**
 * @param {HTMLElement} row
 * @param {Record<string, any>} entry
 */
function show(row, entry) {
  const before = shown.get(row);
  shown.set(row, /** @type {EntryRow} */ (entry));
  if (entry.gap) return fill(row, entry);
  row.dataset.id = entry.id;
  row.dataset.at = String(entry.at);
  row.dataset.process = entry.id.split(":")[0];
  if (entry.dir === "error") row.dataset.tone = "danger";
  else delete row.dataset.tone;
  for (const [name, place] of places(row)) {
    if (name !== "dir") write(place, String(entry[name] ?? ""));
    else if (before?.dir !== entry.dir) place.replaceChildren(glyph(entry.dir));
  }
  places(row).get("took")?.classList.toggle("slow", Boolean(entry.slow));
  if (before?.process !== entry.process) {
    row.querySelector("[data-f-title=process]")?.setAttribute("title", `on ${entry.process}`);
  }
  row.querySelector("a[data-row-link]")?.setAttribute("href", addressOf(entry.id));
}

/**
 * @param {HTMLElement} place
 * @param {string} text
 */
function write(place, text) {
  const node = place.firstChild;
  if (node instanceof Text && !node.nextSibling) {
    if (node.data !== text) node.data = text;
  } else {
    place.textContent = text;
  }
}

/** @param {HTMLElement} row */
function places(row) {
  let found = placesOf.get(row);
  if (!found) {
    const all = /** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll("[data-f]"));
    found = new Map([...all].map((place) => [place.dataset.f ?? "", place]));
    placesOf.set(row, found);
  }
  return found;
}

let addressed = { search: "", start: "" };

/** @param {string} id */
function addressOf(id) {
  if (addressed.search !== location.search || !addressed.start) {
    const parameters = new URLSearchParams(location.search);
    parameters.delete("message");
    addressed = { search: location.search, start: `?${parameters}${parameters.size ? "&" : ""}message=` };
  }
  return addressed.start + encodeURIComponent(id);
}

/**
 * @param {string} id Of a template with one element.
 * @returns {HTMLElement}
 */
function clone(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}
