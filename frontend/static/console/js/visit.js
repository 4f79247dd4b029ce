// @ts-check
/**
 * Another state of the same page: its filter, order or selection.
 *
 * The address says which state it is, so the server renders it as it would a
 * plain GET; only the region that changed is morphed in. Without this module the
 * same links work as links.
 */

import { toast } from "./toast.js";

/** @type {AbortController | null} */
let running = null;

/**
 * Show the page at `url` in this document.
 *
 * @param {string | URL} url An address of the page that is open.
 * @param {string} [region] Selector of the one element to swap.
 * @returns {Promise<void>} Settles when it is shown, or when a later visit has overtaken it.
 */
export async function visit(url, region = "#main") {
  running?.abort();
  const { signal } = (running = new AbortController());
  const target = new URL(url, location.href);
  try {
    const response = await fetch(target, { signal, headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return location.assign(target);
    const text = await response.text();
    if (signal.aborted) return;
    await htmx.swap({ sourceElement: document.body, target: region, select: region, swap: "outerMorph", text });
  } catch {
    if (!signal.aborted) toast("The server does not answer. What you see is from before.");
    return;
  }
  history.replaceState(null, "", target);
  document.dispatchEvent(new CustomEvent("channelscope:visited", { detail: { region } }));
}

/**
 * The address of this page with other parameters.
 *
 * @param {Record<string, string | null>} parameters What to set; null removes.
 */
export function addressWith(parameters) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url;
}

/** @param {AbortSignal} signal */
export function startVisits(signal) {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-visit]") : null;
    if (!(link instanceof HTMLAnchorElement) || !isPlain(event)) return;
    event.preventDefault();
    visit(link.href, link.dataset.visit || "#main");
  }, { signal });
}

/**
 * Whether a click asks for this tab, not for a new one.
 *
 * @param {MouseEvent} event
 */
export function isPlain(event) {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}
