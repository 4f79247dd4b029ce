// @ts-check
/**
 * One connection of the Client: a WebSocket from this page to any route of the
 * application, with the browser's own cookies, as the application's pages would open it.
 */
import { duration } from "./clock.js";
import { startDial } from "./dial.js";
import { askForClose } from "./disconnect.js";
import { startEditor } from "./editor.js";
import { Handshake } from "./handshake.js";
import { Latency } from "./latency.js";
import { Repeat } from "./repeat.js";
import { startSaved } from "./saved.js";
import { Transcript } from "./transcript.js";

const REFUSED = "The server did not accept the connection. A browser is told no more than that (code 1006): "
  + "usually no route matches the path, the Origin is not allowed, or the consumer refused it before accept().";

export class Pane {
  /** @type {WebSocket | null} */
  socket = null;
  openedAt = 0;
  askedAt = 0;
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
    this.handshake = new Handshake(this.form);
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
    this.refuse("");
    this.latency.reset();
    try {
      await this.handshake.prepare(url.pathname);
    } catch (error) {
      return this.refuse(error instanceof Error ? error.message : String(error));
    }
    this.askedAt = performance.now();
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

  opened() {
    this.handshake.forget();
    this.openedAt = performance.now();
    const subprotocol = this.socket?.protocol;
    this.latency.opened(this.openedAt - this.askedAt);
    this.transcript.life("open", subprotocol ? `subprotocol ${subprotocol}` : this.handshake.path, this.openedAt - this.askedAt);
    this.show("open", "open");
    this.see();
  }

  /** @param {CloseEvent} event */
  closed(event) {
    const wasOpen = this.openedAt > 0;
    this.handshake.forget();
    const ending = `${event.code}${event.reason ? ` ${event.reason}` : ""}`;
    this.transcript.life(wasOpen ? "closed" : "refused", wasOpen ? ending : `${this.handshake.path} ${ending}`);
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
      if (link instanceof HTMLAnchorElement) link.search = new URLSearchParams({ q: `id:${this.handshake.word}` }).toString();
    }
    const keep = /** @type {HTMLFormElement | null} */ (this.panel.querySelector("[data-keep]"));
    if (!keep) return;
    keep.hidden = false;
    for (const [name, value] of Object.entries({ pane: this.handshake.word, name: `${this.handshake.path} by the client` })) {
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
