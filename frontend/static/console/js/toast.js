// @ts-check
/** Lines that say what came of something: they leave by themselves, unless it went wrong. */

const TOAST_MS = 6000;

/** @param {AbortSignal} signal */
export function startCopying(signal) {
  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.getAttribute("data-copy") ?? "");
      toast("Copied");
    } catch {
      toast("The browser did not let the console copy");
    }
  }, { signal });
}

/** @param {AbortSignal} signal */
export function startToasts(signal) {
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element) event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  }, { signal });
}

/**
 * @param {string} text
 * @param {{isHtml?: boolean}} [options] Whether the server has rendered it, escaped as all of it is.
 */
export function toast(text, { isHtml = false } = {}) {
  const line = isHtml ? rendered(text) : plain(text);
  document.getElementById("toasts")?.append(line);
  if (line.dataset.tone === "danger") return;
  const leave = () => (line.matches(":hover, :focus-within") ? setTimeout(leave, TOAST_MS) : line.remove());
  setTimeout(leave, TOAST_MS);
}

/** @param {string} text */
function plain(text) {
  const line = document.createElement("p");
  line.className = "toast";
  line.textContent = text;
  return line;
}

/** @param {string} text */
function rendered(text) {
  const found = new DOMParser().parseFromString(text, "text/html").querySelector("[data-toast]");
  return found instanceof HTMLElement ? found : plain("The server answered in a way that this page does not know.");
}
