// @ts-check
/**
 * Shortcuts of the whole console. Single keys are off inside fields, and can be
 * turned off altogether for people whose tools send keys of their own.
 */
import { togglePause } from "./hold.js";

const SEQUENCE_MS = 900;
const OFF = "channelscope-single-keys-off";

let wentAt = 0;

/** @param {AbortSignal} signal */
export function startKeyboard(signal) {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("shortcuts"));
  const setting = /** @type {HTMLInputElement | null} */ (dialog?.querySelector("[data-single-keys]"));
  if (setting) {
    setting.checked = !localStorage.getItem(OFF);
    setting.addEventListener("change", () =>
      setting.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"), { signal });
  }
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-shortcuts]")) dialog?.showModal();
  }, { signal });
  document.addEventListener("keydown", (event) => {
    if (localStorage.getItem(OFF) || event.metaKey || event.ctrlKey || event.altKey) return;
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    press(event, event.target, dialog);
  }, { signal });
}

/**
 * @param {KeyboardEvent} event
 * @param {Element} target
 * @param {HTMLDialogElement | null} dialog
 */
function press(event, target, dialog) {
  const isSequence = Date.now() - wentAt < SEQUENCE_MS;
  wentAt = event.key === "g" ? Date.now() : 0;
  if (isSequence) {
    const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
    if (link instanceof HTMLAnchorElement) link.click();
  } else if (event.key === "/") {
    event.preventDefault();
    const field = document.querySelector("[data-query], [data-query-field]");
    if (field instanceof HTMLInputElement) field.select();
  } else if (event.key.length === 1 && document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)) {
    event.preventDefault();
    /** @type {HTMLElement} */ (document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)).click();
  } else if (event.key === "?") {
    dialog?.showModal();
  } else if (event.key === " " && document.querySelector("[data-pause]") && !isControl(target)) {
    event.preventDefault();
    togglePause();
  }
}

/** Space belongs to the control or the row that has the focus. @param {Element} target */
function isControl(target) {
  return Boolean(target.closest("a, button, summary, [data-id]"));
}
