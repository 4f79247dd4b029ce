// @ts-check
/**
 * Actions without leaving the page: the question comes as a `<dialog>`, its form is sent in
 * the background, and what became of it is a toast. Without this module the same links and
 * forms lead to pages that ask and say the same.
 */
import { isPlain } from "./visit.js";
import { toast } from "./toast.js";

const HEADERS = { "HX-Request": "true", Accept: "text/html" };
const AWAY = "The server does not answer. Nothing may have happened.";

/** @param {AbortSignal} signal */
export function startActing(signal) {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !isPlain(event)) return;
    const link = event.target.closest("a[data-dialog]");
    const cancel = event.target.closest("dialog [data-cancel]");
    if (link instanceof HTMLAnchorElement) {
      event.preventDefault();
      ask(new URL(link.href));
    } else if (cancel && shown()?.contains(cancel)) {
      event.preventDefault();
      shown()?.close();
    }
  }, { signal });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    if (form.matches("[data-dialog-form]")) {
      event.preventDefault();
      askFor(form, event.submitter);
    } else if (form.matches("[data-act]")) {
      event.preventDefault();
      send(form);
    }
  }, { signal });
  document.addEventListener("keydown", (event) => {
    const form = event.target instanceof Element ? event.target.closest("form[data-act]") : null;
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (form instanceof HTMLFormElement) form.requestSubmit();
  }, { signal });
}

const shown = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("dialog"));

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
function askFor(form, submitter) {
  const url = new URL(submitter?.getAttribute("formaction") ?? form.action, location.href);
  const data = new FormData(form, submitter);
  const isAll = data.has("all");
  for (const [name, value] of data) {
    if (!(isAll && name === "target")) url.searchParams.append(name, String(value));
  }
  form.querySelector("details[open]")?.removeAttribute("open");
  ask(url);
}

/** @param {URL} url Of the question. */
async function ask(url) {
  const opener = document.activeElement;
  try {
    const response = await fetch(url, { headers: HEADERS });
    const text = await response.text();
    if (response.redirected) location.reload();
    else if (response.ok) open(text, opener);
    else toast(text, { isHtml: true });
  } catch {
    toast(AWAY);
  }
}

/**
 * @param {string} text Of the dialog's element.
 * @param {Element | null} opener Where the focus goes afterwards.
 */
function open(text, opener) {
  shown()?.close();
  const dialog = parsed(text);
  if (!(dialog instanceof HTMLDialogElement)) return;
  dialog.removeAttribute("open");
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
  }, { once: true });
  dialog.showModal();
}

/** @param {HTMLFormElement} form */
async function send(form) {
  const dialog = form.closest("dialog");
  const button = /** @type {HTMLButtonElement | null} */ (form.querySelector("[type=submit]"));
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: HEADERS });
    const text = await response.text();
    if (response.redirected) return location.reload();
    if (response.status === 422) return refuse(form, text);
    if (response.ok) dialog?.close();
    toast(text, { isHtml: true });
    if (response.ok) document.dispatchEvent(new CustomEvent("channelscope:acted"));
  } catch {
    toast(AWAY);
  } finally {
    button.disabled = false;
  }
}

/**
 * Shows what is wrong where it was typed.
 *
 * @param {HTMLFormElement} form
 * @param {string} text Of the dialog, with the fault.
 */
function refuse(form, text) {
  const fresh = parsed(text);
  const dialog = form.closest("dialog");
  const fault = fresh?.querySelector(".error-text");
  if (dialog && fresh) dialog.replaceChildren(...fresh.children);
  else if (fault) toast(fault.textContent?.trim() ?? "");
  const field = dialog?.querySelector("[aria-invalid=true], input:not([type=hidden]), textarea");
  if (field instanceof HTMLElement) field.focus();
}

/** @param {string} text Rendered by our own server, with everything in it escaped. */
function parsed(text) {
  return new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
}
