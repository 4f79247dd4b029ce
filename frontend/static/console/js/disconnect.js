// @ts-check
/** The close of a connection of the Client as somebody asks for it: with which code, and why. */

/**
 * Opens the page's one dialog for the code and the reason of a close.
 *
 * @param {(code: number, reason: string) => void} close
 */
export function askForClose(close) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("disconnect"));
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const code = /** @type {HTMLInputElement} */ (form.elements.namedItem("code"));
  const reason = /** @type {HTMLInputElement} */ (form.elements.namedItem("reason"));
  const asked = new AbortController();
  const { signal } = asked;
  dialog.addEventListener("close", () => asked.abort(), { signal });
  dialog.querySelector("[data-cancel]")?.addEventListener("click", () => dialog.close(), { signal });
  code.addEventListener("input", () => code.setCustomValidity(
    Number(code.value) === 1000 || Number(code.value) >= 3000 ? "" : "A browser may send 1000, or 3000 to 4999."), { signal });
  form.addEventListener("submit", () => close(Number(code.value), reason.value), { signal });
  dialog.showModal();
}
