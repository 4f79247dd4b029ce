// @ts-check
/**
 * The strip above the tail as a brush: what is swept over it, with the pointer or with
 * arrow keys, becomes a range of time in the filter, which the address names.
 */
import { addressWith, visit } from "./visit.js";

const WIDTH = 300;
const LEAST_PX = 4;
const STEP_S = 2;
const USUAL_S = 10;
const AT_TERMS = /(^|\s)-?at:\S+/g;

/** @typedef {{begin: number, end: number}} Range Seconds since the Unix epoch. */
/** @typedef {{from: number, to: number, whole: Range, box: DOMRect}} Sweep Where it began and is, in pixels. */

/** @type {Sweep | null} */
let sweep = null;
/** What the keyboard has chosen, and not yet asked for. @type {Range | null} */
let chosen = null;

/** @param {AbortSignal} signal */
export function startBrush(signal) {
  document.addEventListener("pointerdown", begin, { signal });
  document.addEventListener("pointermove", (event) => {
    if (!sweep) return;
    sweep.to = event.clientX;
    draw(swept(sweep));
  }, { signal });
  document.addEventListener("pointerup", end, { signal });
  document.addEventListener("pointercancel", () => {
    sweep = null;
    draw(null);
  }, { signal });
  document.addEventListener("keydown", press, { signal });
  document.addEventListener("focusout", (event) => {
    if (event.target === strip()) draw((chosen = null));
  }, { signal });
  document.addEventListener("htmx:after:swap", () => {
    if (chosen) draw(chosen);
  }, { signal });
}

const strip = () => /** @type {HTMLElement | null} */ (document.querySelector("[data-brush]"));

/** @param {PointerEvent} event */
function begin(event) {
  const on = event.target instanceof Element && event.target.closest("[data-brush]");
  if (!(on instanceof HTMLElement) || event.button !== 0) return;
  event.preventDefault();
  sweep = { from: event.clientX, to: event.clientX, whole: wholeOf(on), box: on.getBoundingClientRect() };
}

function end() {
  if (!sweep) return;
  const range = Math.abs(sweep.to - sweep.from) < LEAST_PX ? null : swept(sweep);
  sweep = null;
  if (range) show(range);
}

/** @param {KeyboardEvent} event */
function press(event) {
  const on = strip();
  if (!on || event.target !== on || event.metaKey || event.ctrlKey || event.altKey) return;
  const step = { ArrowLeft: -STEP_S, ArrowRight: STEP_S }[event.key];
  const whole = wholeOf(on);
  if (step) {
    const before = chosen ?? { begin: whole.end - USUAL_S, end: whole.end };
    chosen = within(whole, { begin: before.begin + step, end: before.end + (event.shiftKey ? 0 : step) });
    draw(chosen);
    say(`From ${Math.round(whole.end - chosen.begin)} s to ${Math.round(whole.end - chosen.end)} s before the end of the strip`);
  } else if (event.key === "Enter" && chosen) {
    show(chosen);
    chosen = null;
  } else if (event.key === "Escape" && chosen) {
    draw((chosen = null));
  } else return;
  event.preventDefault();
}

/** Ask for what happened in a range of time. @param {Range} range */
function show({ begin, end }) {
  const rest = (new URLSearchParams(location.search).get("q") ?? "").replace(AT_TERMS, "").trim();
  const q = `${rest} at:>=${begin.toFixed(1)} at:<${end.toFixed(1)}`.trim();
  visit(addressWith({ q, before: null, message: null, body: null }));
}

/** @param {HTMLElement} on @returns {Range} */
const wholeOf = (on) => ({ begin: Number(on.dataset.begin), end: Number(on.dataset.end) });

/** @param {Sweep} sweep @returns {Range} */
function swept({ from, to, whole, box }) {
  /** @param {number} x */
  const at = (x) => whole.begin + (Math.min(Math.max((x - box.left) / box.width, 0), 1)) * (whole.end - whole.begin);
  return { begin: at(Math.min(from, to)), end: at(Math.max(from, to)) };
}

/** @param {Range} whole @param {Range} range @returns {Range} Not empty, and not outside. */
function within(whole, range) {
  const begin = Math.min(Math.max(range.begin, whole.begin), whole.end - STEP_S);
  return { begin, end: Math.min(Math.max(range.end, begin + STEP_S), whole.end) };
}

/** @param {Range | null} range */
function draw(range) {
  const on = strip();
  const band = on?.querySelector("[data-sweep]");
  if (!on || !band) return;
  band.toggleAttribute("hidden", !range);
  if (!range) return;
  const whole = wholeOf(on);
  const scale = WIDTH / (whole.end - whole.begin);
  band.setAttribute("x", String((range.begin - whole.begin) * scale));
  band.setAttribute("width", String((range.end - range.begin) * scale));
}

/** @param {string} words */
function say(words) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = words;
}
