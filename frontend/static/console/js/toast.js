// @ts-check
/** Buttons that copy, and the line that says they did. */

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

/** @param {string} text */
export function toast(text) {
  const line = document.createElement("p");
  line.className = "toast";
  line.textContent = text;
  document.getElementById("toasts")?.append(line);
  const leave = () => (line.matches(":hover") ? setTimeout(leave, TOAST_MS) : line.remove());
  setTimeout(leave, TOAST_MS);
}
