// @ts-check
/**
 * The swap style `rows`: updates the rows that a list has, keyed by id, and puts
 * new ones where they belong.
 *
 * A known row is morphed, so that focus, selection and text selection stay. It
 * never moves: the order of a list that somebody reads changes only when they ask.
 */
import { addHeld, isHolding } from "./hold.js";

/** @type {any} */
let api;

/** Ids that were counted as held, so that an update of one does not count twice. */
const counted = new Set();

export function registerRows() {
  htmx.registerExtension("rows", {
    init: (/** @type {any} */ internal) => { api = internal; },
    handle_swap: (/** @type {string} */ style, /** @type {HTMLElement} */ target, /** @type {DocumentFragment} */ fragment) =>
      style === "rows" && merge(target, fragment),
  });
  document.addEventListener("channelscope:visited", () => counted.clear());
}

/**
 * @param {HTMLElement} list
 * @param {DocumentFragment} fragment
 */
function merge(list, fragment) {
  const isPinned = list.dataset.order === "oldest-first" ? isAtEnd(list) : false;
  const takesNew = Number(list.dataset.takesNew ?? 0);
  const added = [];
  for (const row of [...fragment.children]) {
    const known = row.id ? document.getElementById(row.id) : null;
    if (known) morph(known, row);
    else if (!takesNew || (list.dataset.order !== "oldest-first" && isHolding())) count(row);
    else added.push(place(list, row));
  }
  trim(list, takesNew);
  if (added.length) hideEmptyState(list);
  if (isPinned) list.parentElement?.scrollTo({ top: list.parentElement.scrollHeight });
  return added.length ? added : true;
}

/**
 * @param {Element} known
 * @param {Element} row
 */
function morph(known, row) {
  const fragment = new DocumentFragment();
  fragment.append(row);
  api.morph(known, fragment, false);
}

/** @param {Element} row */
function count(row) {
  if (!row.id || counted.has(row.id)) return;
  counted.add(row.id);
  addHeld(1);
}

/**
 * @param {HTMLElement} list
 * @param {Element} row
 */
function place(list, row) {
  const at = Number(row.getAttribute("data-at"));
  const rows = [...list.children];
  if (list.dataset.order === "oldest-first") {
    const before = rows.findLast((one) => Number(one.getAttribute("data-at") ?? 0) <= at);
    before ? before.after(row) : list.prepend(row);
  } else {
    const after = rows.find((one) => Number(one.getAttribute("data-at")) < at);
    after ? after.before(row) : list.append(row);
  }
  row.classList.add("row-new");
  return row;
}

/**
 * @param {HTMLElement} list
 * @param {number} limit
 */
function trim(list, limit) {
  const isOldestFirst = list.dataset.order === "oldest-first";
  while (limit && list.childElementCount > limit) {
    (isOldestFirst ? list.firstElementChild : list.lastElementChild)?.remove();
  }
}

/** @param {HTMLElement} list */
function isAtEnd(list) {
  const pane = list.parentElement;
  return pane ? pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40 : false;
}

/** @param {HTMLElement} list */
function hideEmptyState(list) {
  list.closest("[data-list]")?.querySelector("[data-empty]")?.setAttribute("hidden", "");
}
