// @ts-check
/**
 * One connection of the Client: a WebSocket from this page to any route of the
 * application, with the browser's own cookies, as the application's pages would open it.
 */
import { duration } from "./clock.js";
import { startDial } from "./dial.js";
import { startEditor } from "./editor.js";
import { hexOf } from "./bytes.js";
import { Latency } from "./latency.js";
import { post } from "./post.js";
import { Repeat } from "./repeat.js";
import { startSaved } from "./saved.js";
import { Transcript } from "./transcript.js";

const MARK_S = 10;
const AS = "channelscope_as";
const PANE = "channelscope_pane";
const PANE_BYTES = 8;
const REFUSED = "The server did not accept the connection. A browser is told no more than that (code 1006): "
  + "usually no route matches the path, the Origin is not allowed, or the consumer refused it before accept().";

export class Pane {
  /** @type {WebSocket | null} */
  socket = null;
  openedAt = 0;
  askedAt = 0;
  path = "";
  /** What the console knows its connection by. */
  word = "";
  state = "idle";
  words = "not connected";

  /**
   * @param {HTMLElement} panel
   * @param {string} address Where it is set to connect to; "" for the first route.
   * @param {() => void} changed Called when its state or its address is another.
   * @param {AbortSignal} signal
   */
  constructor(panel, address, changed, signal) {
    this.panel = panel;
    this.changed = changed;
    this.form = /** @type {HTMLFormElement} */ (panel.querySelector("[data-dial]"));
    this.latency = new Latency((words, title) => this.measure(words, title));
    this.transcript = new Transcript(panel, this.latency, signal);
    this.dial = startDial(this.form, address, changed, signal);
    this.editor = startEditor(panel, (payload) => this.send(payload), signal);
    startSaved(panel, this.editor, () => this.dial.consumer, signal);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.connect();
    }, { signal });
    this.repeat = new Repeat(panel, () => this.editor.read().payload, (payload) => this.send(payload), signal);
    this.one("[data-disconnect]").addEventListener("click", () => askForClose((code, reason) => this.disconnect(code, reason)), { signal });
    const timer = setInterval(() => this.showUptime(), 1000);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  get address() {
    return this.dial.address.value;
  }

  get name() {
    return this.address.split("?")[0];
  }

  async connect() {
    const url = this.dial.url();
    this.path = url.pathname;
    this.refuse("");
    this.latency.reset();
    try {
      await this.becomeOther(url.pathname);
    } catch (error) {
      return this.refuse(error instanceof Error ? error.message : String(error));
    }
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
    // A browser says nothing of a socket that the server could know it by: this word does.
    this.word = hexOf(crypto.getRandomValues(new Uint8Array(PANE_BYTES))).replaceAll(" ", "");
    document.cookie = `channelscope_client=${this.form.dataset.mark}; path=${path}; max-age=${MARK_S}; samesite=strict`;
    document.cookie = `${PANE}=${this.word}; path=${path}; max-age=${MARK_S}; samesite=strict`;
  }

  /**
   * Ask for a token, if it shall be another user; it opens one connection, and the server
   * takes this browser's own session out of it.
   *
   * @param {string} path
   */
  async becomeOther(path) {
    const room = /** @type {HTMLElement} */ (this.panel.closest("[data-clients]"));
    const user = /** @type {HTMLInputElement} */ (this.one("[data-as]")).value.trim();
    if (!user) return;
    const { token } = await post(room.dataset.asUrl ?? "", { user, path });
    document.cookie = `${AS}=${token}; path=${path}; max-age=${MARK_S}; samesite=strict`;
  }

  /** The token is spent, or will never be. */
  forget() {
    for (const name of [AS, PANE]) document.cookie = `${name}=; path=${this.path}; max-age=0; samesite=strict`;
  }

  opened() {
    this.forget();
    this.openedAt = performance.now();
    const subprotocol = this.socket?.protocol;
    this.latency.opened(this.openedAt - this.askedAt);
    this.transcript.life("open", subprotocol ? `subprotocol ${subprotocol}` : this.path, this.openedAt - this.askedAt);
    this.show("open", "open");
    this.see();
  }

  /** @param {CloseEvent} event */
  closed(event) {
    const wasOpen = this.openedAt > 0;
    this.forget();
    const ending = `${event.code}${event.reason ? ` ${event.reason}` : ""}`;
    this.transcript.life(wasOpen ? "closed" : "refused", wasOpen ? ending : `${this.path} ${ending}`);
    this.openedAt = 0;
    this.socket = null;
    this.show(wasOpen ? "closed" : "refused", wasOpen ? `closed ${event.code}` : "refused");
    if (!wasOpen) this.refuse(REFUSED);
    this.see();
  }

  /** @param {string | Uint8Array<ArrayBuffer>} payload */
  send(payload) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(payload);
    this.transcript.sent(payload);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  disconnect(code, reason) {
    this.transcript.life("closing", `${code} ${reason}`);
    this.socket?.close(code, reason);
  }

  /** Its panel goes away, and what it has opened with it. */
  close() {
    this.socket?.close();
  }

  /**
   * @param {string} state
   * @param {string} words
   */
  show(state, words) {
    this.state = state;
    this.words = words;
    const element = this.one("[data-client-state]");
    element.dataset.state = state === "refused" ? "closed" : state;
    element.textContent = words;
    this.one("[data-connect]").hidden = this.socket !== null;
    this.one("[data-disconnect]").hidden = state !== "open";
    this.editor.setOpen(state === "open");
    this.repeat.setOpen(state === "open");
    this.changed();
  }

  /** @param {string} words What to explain; "" when all is well. */
  refuse(words) {
    const notice = /** @type {HTMLElement} */ (this.panel.querySelector("[data-refusal]"));
    notice.hidden = !words;
    const text = notice.querySelector("[data-refusal-text]");
    if (text) text.textContent = words;
  }

  /**
   * @param {string} words
   * @param {string} title
   */
  measure(words, title) {
    const place = this.one("[data-latency]");
    place.textContent = words;
    place.title = title;
  }

  /** Points the links at this client's connection, and what keeps it too. */
  see() {
    for (const link of this.panel.querySelectorAll("a[data-see]")) {
      if (link instanceof HTMLAnchorElement) link.search = new URLSearchParams({ q: `id:${this.word}` }).toString();
    }
    const keep = /** @type {HTMLFormElement | null} */ (this.panel.querySelector("[data-keep]"));
    if (!keep) return;
    keep.hidden = false;
    for (const [name, value] of Object.entries({ pane: this.word, name: `${this.path} by the client` })) {
      /** @type {HTMLInputElement} */ (keep.elements.namedItem(name)).value = value;
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

/**
 * Opens the page's one dialog for the code and the reason of a close.
 *
 * @param {(code: number, reason: string) => void} close
 */
function askForClose(close) {
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
