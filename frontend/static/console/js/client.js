// @ts-check
/**
 * The Client: one WebSocket from this page to any route of the application, with
 * the browser's own cookies, as the application's pages would open it.
 */
import { duration } from "./clock.js";
import { startDial } from "./dial.js";
import { startEditor } from "./editor.js";
import { Transcript } from "./transcript.js";

const MARK_S = 10;
const REFUSED = "The server did not accept the connection. A browser is told no more than that (code 1006): "
  + "usually no route matches the path, the Origin is not allowed, or the consumer refused it before accept().";

/** @param {AbortSignal} signal */
export function startClient(signal) {
  const form = document.querySelector("[data-dial]");
  if (form instanceof HTMLFormElement) new Client(form, signal);
}

class Client {
  /** @type {WebSocket | null} */
  socket = null;
  openedAt = 0;
  askedAt = 0;
  path = "";

  /**
   * @param {HTMLFormElement} form
   * @param {AbortSignal} signal
   */
  constructor(form, signal) {
    this.form = form;
    this.transcript = new Transcript(signal);
    this.dial = startDial(form, signal);
    this.editor = startEditor((payload) => this.send(payload), signal);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.connect();
    }, { signal });
    this.startDisconnecting(signal);
    const timer = setInterval(() => this.showUptime(), 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  connect() {
    const url = this.dial.url();
    this.path = url.pathname;
    this.refuse("");
    this.askedAt = performance.now();
    this.mark(url.pathname);
    try {
      this.socket = new WebSocket(url, this.dial.subprotocols());
    } catch (error) {
      return this.refuse(error instanceof Error ? error.message : String(error));
    }
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => this.opened());
    this.socket.addEventListener("message", ({ data }) => this.transcript.received(data));
    this.socket.addEventListener("close", (event) => this.closed(event));
    this.show("connecting", "connecting");
  }

  /** Tells the recorder that this handshake is the console's; gone before the next one. @param {string} path */
  mark(path) {
    document.cookie = `channelscope_client=${this.form.dataset.mark}; path=${path}; max-age=${MARK_S}; samesite=strict`;
  }

  opened() {
    this.openedAt = performance.now();
    const subprotocol = this.socket?.protocol;
    this.transcript.life("open", subprotocol ? `subprotocol ${subprotocol}` : this.path, this.openedAt - this.askedAt);
    this.show("open", "open");
    this.see();
  }

  /** @param {CloseEvent} event */
  closed(event) {
    const wasOpen = this.openedAt > 0;
    const ending = `${event.code}${event.reason ? ` ${event.reason}` : ""}`;
    this.transcript.life(wasOpen ? "closed" : "refused", wasOpen ? ending : `${this.path} ${ending}`);
    this.show("closed", wasOpen ? `closed ${event.code}` : "refused");
    if (!wasOpen) this.refuse(REFUSED);
    this.openedAt = 0;
    this.socket = null;
    this.see();
  }

  /** @param {string | Uint8Array<ArrayBuffer>} payload */
  send(payload) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(payload);
    this.transcript.sent(payload);
  }

  /** @param {AbortSignal} signal */
  startDisconnecting(signal) {
    const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("disconnect"));
    const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
    const code = /** @type {HTMLInputElement} */ (form.elements.namedItem("code"));
    const reason = /** @type {HTMLInputElement} */ (form.elements.namedItem("reason"));
    this.one("[data-disconnect]").addEventListener("click", () => dialog.showModal(), { signal });
    dialog.querySelector("[data-cancel]")?.addEventListener("click", () => dialog.close(), { signal });
    code.addEventListener("input", () => code.setCustomValidity(
      Number(code.value) === 1000 || Number(code.value) >= 3000 ? "" : "A browser may send 1000, or 3000 to 4999."), { signal });
    form.addEventListener("submit", () => {
      this.transcript.life("closing", `${code.value} ${reason.value}`);
      this.socket?.close(Number(code.value), reason.value);
    }, { signal });
  }

  /**
   * @param {string} state
   * @param {string} words
   */
  show(state, words) {
    const element = this.one("[data-client-state]");
    element.dataset.state = state;
    element.textContent = words;
    this.one("[data-connect]").hidden = this.socket !== null && state !== "closed";
    this.one("[data-disconnect]").hidden = state !== "open";
    this.editor.setOpen(state === "open");
  }

  /** @param {string} words What to explain; "" when all is well. */
  refuse(words) {
    const notice = /** @type {HTMLElement} */ (document.querySelector("[data-refusal]"));
    notice.hidden = !words;
    const text = notice.querySelector("[data-refusal-text]");
    if (text) text.textContent = words;
  }

  /** Points the links at this client's connections. */
  see() {
    const term = /\s/.test(this.path) ? `path:"${this.path}"` : `path:${this.path}`;
    for (const link of document.querySelectorAll("a[data-see]")) {
      if (link instanceof HTMLAnchorElement) link.search = new URLSearchParams({ q: term }).toString();
    }
  }

  showUptime() {
    const seconds = this.openedAt ? (performance.now() - this.openedAt) / 1000 : 0;
    this.one("[data-uptime]").textContent = duration(seconds);
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement}
   */
  one(selector) {
    return /** @type {HTMLElement} */ (this.form.querySelector(selector));
  }
}
