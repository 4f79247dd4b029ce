// @ts-check
/**
 * Shortcuts of the whole console, and those that a page has of its own: what is marked
 * with `data-key` is clicked by that key, while it can be seen.
 */
import { togglePause } from "./hold.js";
import { areSingleKeysOff, isOwnKey, turnSingleKeysOff } from "./single-keys.js";

const SEQUENCE_MS = 900;

/** When the page was asked to go somewhere. By the clock of the keys, not of their handling: a busy page is late. */
let wentAt = -Infinity;

/** @param {AbortSignal} signal */
export function startKeyboard(signal) {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("shortcuts"));
  showSetting();
  document.addEventListener("channelscope:visited", showSetting, { signal });
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement) || !event.target.matches("[data-single-keys]")) return;
    turnSingleKeysOff(!event.target.checked);
    showSetting();
  }, { signal });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-shortcuts]")) dialog?.showModal();
  }, { signal });
  document.addEventListener("keydown", (event) => {
    if (!isOwnKey(event) && event.target instanceof Element) press(event, event.target, dialog);
  }, { signal });
}

/** Wherever it can be changed, it says what is so. */
function showSetting() {
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[data-single-keys]"))) {
    box.checked = !areSingleKeysOff();
  }
}

/**
 * @param {KeyboardEvent} event
 * @param {Element} target
 * @param {HTMLDialogElement | null} dialog
 */
function press(event, target, dialog) {
  const isSequence = event.timeStamp - wentAt < SEQUENCE_MS;
  wentAt = event.key === "g" && !isSequence ? event.timeStamp : -Infinity;
  if (isSequence) {
    const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
    if (link instanceof HTMLAnchorElement) link.click();
  } else if (event.key === "/") {
    event.preventDefault();
    const field = document.querySelector("[data-query], [data-query-field]");
    if (field instanceof HTMLInputElement) field.select();
  } else if (event.key === "?") {
    dialog?.showModal();
  } else if (event.key === " " && document.querySelector("[data-pause]") && !isControl(target)) {
    event.preventDefault();
    togglePause();
  } else {
    clickKeyed(event);
  }
}

/** @param {KeyboardEvent} event */
function clickKeyed(event) {
  for (const element of document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`)) {
    if (!(element instanceof HTMLElement) || !element.checkVisibility()) continue;
    event.preventDefault();
    return element.click();
  }
}

/** Space belongs to the control or the row that has the focus. @param {Element} target */
function isControl(target) {
  return Boolean(target.closest("a, button, summary, [data-id]"));
}
