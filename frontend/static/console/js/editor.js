// @ts-check
/** What to send: JSON that is checked as it is typed, text, or bytes written in hex. */
import { bytesOf, hexOf, sizeInWords, sizeOf } from "./bytes.js";
import { toast } from "./toast.js";

/** @typedef {string | Uint8Array<ArrayBuffer>} Payload */

const MOST_BYTES = 1_000_000;

/**
 * @param {HTMLElement} panel
 * @param {(payload: Payload) => void} send
 * @param {AbortSignal} signal
 */
export function startEditor(panel, send, signal) {
  const form = /** @type {HTMLFormElement} */ (panel.querySelector("[data-editor]"));
  const editor = new Editor(form);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const { payload } = editor.read();
    if (editor.isOpen && payload !== null) send(payload);
  };
  form.addEventListener("submit", submit, { signal });
  form.addEventListener("input", () => editor.check(), { signal });
  form.addEventListener("change", (event) => editor.changed(event), { signal });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  }, { signal });
  editor.format.addEventListener("click", () => editor.reformat(), { signal });
  return editor;
}

class Editor {
  isOpen = false;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    const one = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (form.querySelector(selector));
    this.form = form;
    this.body = /** @type {HTMLTextAreaElement} */ (one("[data-body]"));
    this.format = one("[data-format]");
    this.file = one("[data-file]");
    this.sendButton = /** @type {HTMLButtonElement} */ (one("[data-send]"));
    this.validity = one("[data-validity]");
    this.size = one("[data-size]");
    if (/Mac|iP/.test(navigator.platform)) one("[data-send-key]").textContent = "⌘ ↵";
    this.check();
  }

  get kind() {
    return String(new FormData(this.form).get("kind"));
  }

  /**
   * Put a message into the editor, to be sent or changed.
   *
   * @param {string} kind
   * @param {string} body
   */
  use(kind, body) {
    const choice = this.form.querySelector(`input[name=kind][value=${CSS.escape(kind)}]`);
    if (choice instanceof HTMLInputElement) choice.checked = true;
    this.body.value = body;
    this.check();
    this.body.focus();
  }

  /** @param {boolean} isOpen Whether there is a socket to send through. */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.check();
  }

  /** @returns {{payload: Payload | null, fault: string}} */
  read() {
    const text = this.body.value;
    try {
      if (this.kind === "binary") return { payload: bytesOf(text), fault: "" };
      if (this.kind === "json") JSON.parse(text);
      return { payload: text, fault: "" };
    } catch (error) {
      return { payload: null, fault: error instanceof Error ? error.message : String(error) };
    }
  }

  check() {
    const { payload, fault } = this.read();
    const names = { json: "valid JSON", text: "text", binary: "bytes in hex" };
    this.validity.textContent = fault || names[/** @type {keyof names} */ (this.kind)];
    this.validity.dataset.tone = fault ? "danger" : "ok";
    this.body.setAttribute("aria-invalid", String(Boolean(fault)));
    this.size.textContent = payload === null ? "" : sizeOf(payload);
    this.format.hidden = this.kind !== "json";
    this.file.hidden = this.kind !== "binary";
    this.sendButton.disabled = !this.isOpen || payload === null;
  }

  reformat() {
    const { fault } = this.read();
    if (!fault) this.body.value = JSON.stringify(JSON.parse(this.body.value), null, 2);
    this.check();
  }

  /** @param {Event} event */
  async changed(event) {
    const input = event.target;
    const file = input instanceof HTMLInputElement ? input.files?.[0] : null;
    if (file && file.size > MOST_BYTES) {
      toast(`${file.name} is too long for this field: at most 1 MB, and it has ${sizeInWords(file.size)}.`);
    } else if (file) {
      this.body.value = hexOf(new Uint8Array(await file.arrayBuffer()));
    }
    if (file && input instanceof HTMLInputElement) input.value = "";
    this.check();
  }
}
