// @ts-check
/**
 * One list a page: a roving tab stop, j and k, Enter and Escape, and the row that
 * the inspector shows, which the address names.
 */
import { areSingleKeysOff } from "./single-keys.js";
import { addressWith, isPlain, visit } from "./visit.js";

/** @param {AbortSignal} signal */
export function startList(signal) {
  document.addEventListener("click", (event) => {
    const row = event.target instanceof Element ? event.target.closest("[data-list] [data-id]") : null;
    const link = event.target instanceof Element ? event.target.closest("a, button") : null;
    if (!(row instanceof HTMLElement) || !isPlain(event)) return;
    if (link && !link.hasAttribute("data-row-link")) return;
    event.preventDefault();
    if (String(getSelection()) === "") open(row);
  }, { signal });
  document.addEventListener("keydown", onKey, { signal });
  document.addEventListener("focusin", (event) => {
    const row = event.target instanceof HTMLElement && event.target.closest("[data-list] [data-id]");
    if (row) makeTabStop(/** @type {HTMLElement} */ (row));
  }, { signal });
  document.addEventListener("click", (event) => {
    hasStepped ||= event.target instanceof Element && event.target.closest("a[data-step]") !== null;
  }, { signal });
  document.addEventListener("channelscope:visited", () => {
    mark();
    if (hasStepped) rows().find((row) => row.getAttribute("aria-selected") === "true")?.scrollIntoView({ block: "nearest" });
    hasStepped = false;
  }, { signal });
  document.addEventListener("htmx:after:swap", ensureTabStop, { signal });
  document.addEventListener("channelscope:rows", ensureTabStop, { signal });
  mark();
}

/** Whether the page on its way was asked for by a link from one row to the next. */
let hasStepped = false;

const list = () => document.querySelector("[data-list]");
const rows = () => /** @type {HTMLElement[]} */ ([...(list()?.querySelectorAll("[data-id]") ?? [])]);
const container = () => /** @type {HTMLElement | null} */ (document.querySelector("[data-select]"));
const parameter = () => container()?.dataset.select ?? "selected";

/** @param {HTMLElement} row */
async function open(row) {
  if (row instanceof HTMLAnchorElement) return row.click();
  const drawer = container()?.querySelector(":scope > .drawer");
  if (!drawer) return follow(row);
  const page = drawer.querySelector("a[data-open]");
  if (row.getAttribute("aria-selected") === "true" && page instanceof HTMLAnchorElement) return page.click();
  row.focus({ preventScroll: true });
  select(row.dataset.id ?? null);
  await visit(addressWith({ [parameter()]: row.dataset.id ?? null }), `#${drawer.id}`);
}

/** Goes to the row's own page, where a list has no inspector. @param {HTMLElement} row */
function follow(row) {
  const link = row.querySelector("a[data-row-link]");
  if (link instanceof HTMLAnchorElement) location.assign(link.href);
}

function close() {
  const chosen = rows().find((row) => row.getAttribute("aria-selected") === "true");
  const link = container()?.querySelector(":scope > .drawer:not([hidden]) a[data-close]");
  if (!(link instanceof HTMLAnchorElement)) return;
  link.click();
  chosen?.focus({ preventScroll: true });
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.metaKey || event.ctrlKey || event.altKey || !(event.target instanceof Element)) return;
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) return close();
  if (event.target.closest("input, textarea, select, button, summary, dialog")) return;
  const row = event.target.closest("[data-list] [data-id]");
  const isLetter = event.key.length === 1;
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (step && (isLetter ? !areSingleKeysOff() : row)) {
    event.preventDefault();
    move(row, step);
  } else if (event.key === "Home" && list()) {
    list()?.scrollTo({ top: 0 });
  } else if (event.key === "Enter" && row instanceof HTMLElement) {
    event.preventDefault();
    open(row);
  }
}

/**
 * @param {Element | null} row
 * @param {number} step
 */
function move(row, step) {
  const all = rows();
  const at = row ? all.indexOf(/** @type {HTMLElement} */ (row)) : -1;
  all[Math.max(0, Math.min(all.length - 1, at + step))]?.focus();
}

/** @param {HTMLElement} row */
function makeTabStop(row) {
  for (const other of rows()) other.tabIndex = other === row ? 0 : -1;
}

function ensureTabStop() {
  const all = rows();
  if (all.length && !all.some((row) => row.tabIndex === 0)) all[0].tabIndex = 0;
}

/** @param {string | null} id */
function select(id) {
  // A row that is a link says by itself which one is open.
  for (const row of rows()) if (!(row instanceof HTMLAnchorElement)) row.setAttribute("aria-selected", String(row.dataset.id === id));
}

function mark() {
  if (!list()) return;
  select(new URLSearchParams(location.search).get(parameter()));
  ensureTabStop();
}
