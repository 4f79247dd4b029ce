// @ts-check
/**
 * Rows that are selected to act on several at once. The list changes while somebody selects,
 * so what is selected is kept here by its value, and shown again after each change.
 */

import { isOwnKey } from "./single-keys.js";

/** @type {Set<string>} */
const picked = new Set();

/** @param {AbortSignal} signal */
export function startPicking(signal) {
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement)) return;
    if (box.matches("[data-pick]")) pick(box, box.checked);
    else if (box.matches("[data-pick-all]")) for (const one of boxes()) pick(one, box.checked);
    else return;
    show();
  }, { signal });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-unpick]")) clear();
  }, { signal });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "x" || isOwnKey(event) || !(event.target instanceof Element)) return;
    const box = event.target.closest("[data-id]")?.querySelector("[data-pick]");
    if (box instanceof HTMLInputElement) {
      pick(box, !picked.has(box.value));
      show();
    }
  }, { signal });
  document.addEventListener("htmx:after:swap", show, { signal });
  document.addEventListener("channelscope:visited", show, { signal });
  document.addEventListener("channelscope:acted", clear, { signal });
  show();
}

const boxes = () => /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[data-pick]"));

/**
 * @param {HTMLInputElement} box
 * @param {boolean} isPicked
 */
function pick(box, isPicked) {
  if (isPicked) picked.add(box.value);
  else picked.delete(box.value);
}

function clear() {
  picked.clear();
  show();
}

function show() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const there = new Set();
  for (const box of boxes()) {
    box.checked = picked.has(box.value);
    there.add(box.value);
  }
  // A row that has closed, or has left the page, is not acted on unseen.
  for (const one of picked) if (!there.has(one)) picked.delete(one);
  bar.toggleAttribute("data-some", picked.size > 0);
  const acts = bar.querySelector("[data-for-picked]");
  if (acts instanceof HTMLFieldSetElement) acts.disabled = picked.size === 0;
  const count = bar.querySelector("[data-picked]");
  const text = picked.size ? `${picked.size} selected` : "None selected";
  if (count && count.textContent !== text) count.textContent = text;
  const all = document.querySelector("[data-pick-all]");
  if (all instanceof HTMLInputElement) {
    all.checked = picked.size > 0 && picked.size === there.size;
    all.indeterminate = picked.size > 0 && picked.size < there.size;
  }
}
