// @ts-check
/**
 * The filter field: paints its terms in a layer above the input, completes the term
 * that is typed, and shows the filtered page as somebody types.
 */
import { visit } from "./visit.js";

const TYPING_MS = 200;
const TERM = /([()]|-(?=\()|OR(?=[\s()]|$))|(-?)(?:([A-Za-z]+)(:)("[^"]*"?|[^\s)]*)|("[^"]*"?|[^\s()]+))/g;
const TYPED = /[^\s()-][^\s()]*$/;

/** @param {AbortSignal} signal */
export function startQuery(signal) {
  let timer = 0;
  document.addEventListener("input", (event) => {
    if (isQuery(event.target)) {
      paint(event.target);
      complete(event.target);
    } else if (!isTyped(event.target)) return;
    clearTimeout(timer);
    const { form } = event.target;
    timer = window.setTimeout(() => form && apply(form), TYPING_MS);
  }, { signal });
  document.addEventListener("submit", (event) => {
    if (!(event.target instanceof HTMLFormElement) || !event.target.matches("[data-filter]")) return;
    event.preventDefault();
    clearTimeout(timer);
    apply(event.target);
  }, { signal });
  document.addEventListener("scroll", (event) => {
    if (isQuery(event.target)) follow(event.target);
  }, { signal, capture: true, passive: true });
  document.addEventListener("channelscope:visited", paintAll, { signal });
  paintAll();
  takeUp();
}

/** Shows what was typed before this script came. */
function takeUp() {
  const fields = [...document.querySelectorAll("[data-filter] input[data-query], [data-filter] input[data-typed]")];
  const typed = fields.find((one) => one instanceof HTMLInputElement && one.value !== one.defaultValue);
  if (typed instanceof HTMLInputElement && typed.form) apply(typed.form);
}

/**
 * @param {unknown} target
 * @returns {target is HTMLInputElement}
 */
function isQuery(target) {
  return target instanceof HTMLInputElement && target.matches("[data-query]");
}

/**
 * Any other field whose page is shown as it changes.
 *
 * @param {unknown} target
 * @returns {target is HTMLInputElement | HTMLSelectElement}
 */
function isTyped(target) {
  return target instanceof HTMLElement && target.matches("[data-filter] [data-typed]");
}

/** @param {HTMLFormElement} form */
function apply(form) {
  const url = new URL(location.pathname, location.href);
  for (const [name, value] of new FormData(form)) if (value) url.searchParams.append(name, String(value));
  visit(url);
}

function paintAll() {
  for (const input of document.querySelectorAll("[data-query]")) {
    if (!isQuery(input)) continue;
    paint(input);
    complete(input);
  }
}

/** @param {HTMLInputElement} input */
function paint(input) {
  const layer = input.parentElement?.querySelector("[data-query-paint]");
  if (!layer) return;
  layer.replaceChildren(...tokens(input.value));
  input.parentElement?.toggleAttribute("data-painted", true);
  follow(input);
}

/**
 * Offers what the last term may become. A browser compares what it offers with the whole
 * field, so what stands before that term is put before each word.
 * @param {HTMLInputElement} input
 */
function complete(input) {
  const typed = input.value.match(TYPED)?.[0] ?? "";
  const before = input.value.slice(0, input.value.length - typed.length);
  for (const option of input.list?.options ?? []) option.value = before + (option.dataset.word ?? "");
}

/**
 * @param {string} text
 * @returns {Node[]}
 */
function tokens(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TERM)) {
    nodes.push(document.createTextNode(text.slice(end, match.index)));
    const [whole, operator, minus, key, colon, value, word] = match;
    nodes.push(span("q-op", operator), span("q-op", minus), span("q-key", key), span("q-op", colon), span("q-val", value ?? word));
    end = match.index + whole.length;
  }
  return nodes.filter((node) => node.textContent);
}

/**
 * @param {string} name
 * @param {string | undefined} text
 */
function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text ?? "";
  return element;
}

/** @param {HTMLInputElement} input */
function follow(input) {
  const layer = input.parentElement?.querySelector("[data-query-paint]");
  if (layer) layer.scrollLeft = input.scrollLeft;
}
