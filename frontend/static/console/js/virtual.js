// @ts-check
/**
 * One virtual scope of the Client: composed here, run by the server, which says what the
 * application does. It ends when its socket does, and that with its tab.
 */
import { sizeInWords } from "./bytes.js";
import { paintJson } from "./json.js";
import { inMs } from "./latency.js";
import { startScopeDraft } from "./scope-draft.js";
import { Transcript } from "./transcript.js";

/** @typedef {{said: string, at: number, type?: string, text?: string, hex?: string, size?: number, took_ms?: number, words?: string, traceback?: string, connection?: string}} Said */

const FIRST = "virtual:";

export class VirtualPane {
  /** @type {WebSocket | null} */
  socket = null;
  state = "idle";
  words = "not open";

  /**
   * @param {HTMLElement} panel
   * @param {string} address "virtual:" and a type.
   * @param {() => void} changed Called when its state or its type is another.
   * @param {AbortSignal} signal
   */
  constructor(panel, address, changed, signal) {
    this.panel = panel;
    this.changed = changed;
    this.transcript = new Transcript(panel, null, signal);
    const room = /** @type {HTMLElement} */ (panel.closest("[data-clients]"));
    const drafts = JSON.parse(room.dataset.drafts || "[]");
    this.draft = startScopeDraft(panel, drafts, address.slice(FIRST.length), changed, signal);
    this.listen(signal);
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    const on = (/** @type {string} */ selector, /** @type {string} */ name, /** @type {(event: any) => void} */ handle) =>
      this.one(selector).addEventListener(name, handle, { signal });
    on("[data-dial]", "submit", (event) => {
      event.preventDefault();
      this.open();
    });
    const send = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.send();
    };
    on("[data-editor]", "submit", send);
    on("[data-editor]", "keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
    });
    on("[data-disconnect]", "click", () => this.tell({ end: true }));
  }

  get address() {
    return FIRST + this.draft.type.value;
  }

  get name() {
    return this.draft.type.value;
  }

  open() {
    if (!this.draft.check()) return;
    this.refuse("");
    const said = this.draft.opening();
    if (this.socket?.readyState === WebSocket.OPEN) return this.tell(said);
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${document.body.dataset.root}live/virtual/`);
    this.socket = socket;
    socket.addEventListener("open", () => this.tell(said));
    socket.addEventListener("message", ({ data }) => this.heard(JSON.parse(data)));
    socket.addEventListener("close", (event) => this.lost(event));
    this.show("connecting", "opening");
  }

  send() {
    this.tell({ event: this.draft.event.value });
    this.draft.sent();
  }

  /** @param {Said} said */
  heard(said) {
    if (said.connection) this.see(said.connection);
    if (said.said === "opened") {
      this.transcript.life("scope", `${this.draft.type.value} scope built`);
      this.show("open", "running");
    } else if (said.said === "waiting") this.show("open", "waiting for an event");
    else if (said.said === "refused") this.refuse(said.words ?? "");
    else if (said.said === "ended" || said.said === "failed") this.ended(said);
    else this.happened(said);
  }

  /** @param {Said} said */
  happened(said) {
    const isOut = said.said === "out";
    const took = said.took_ms == null ? "" : inMs(said.took_ms);
    const size = said.size == null ? "" : sizeInWords(said.size);
    this.transcript.put({
      at: said.at,
      direction: isOut ? "out" : "in",
      who: isOut ? "sent" : "event",
      words: said.type ?? "",
      nodes: said.hex ? [document.createTextNode(said.hex)] : paintJson(said.text ?? ""),
      note: [took, size].filter(Boolean).join(" · "),
    });
    if (!isOut) this.show("open", "running");
  }

  /** @param {Said} said */
  ended(said) {
    this.transcript.life(said.said, said.words ?? "");
    if (said.traceback) this.transcript.block(said.traceback);
    this.show(said.said === "failed" ? "error" : "closed", said.said);
  }

  /** @param {CloseEvent} event */
  lost(event) {
    const wasRunning = this.state === "open" || this.state === "connecting";
    this.socket = null;
    if (event.reason) this.refuse(event.reason);
    if (wasRunning) this.show("closed", "ended");
  }

  /** @param {object} message */
  tell(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Its panel goes away, and what it runs with it. */
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
    element.dataset.state = state === "open" && words.startsWith("waiting") ? "idle" : state;
    element.textContent = words;
    const isOpen = state === "open" || state === "connecting";
    this.one("[data-connect]").hidden = isOpen;
    this.one("[data-disconnect]").hidden = !isOpen;
    this.draft.setOpen(state === "open");
    this.changed();
  }

  /** @param {string} words */
  refuse(words) {
    this.one("[data-refusal]").hidden = !words;
    this.one("[data-refusal-text]").textContent = words;
  }

  /** @param {string} connection */
  see(connection) {
    const link = /** @type {HTMLAnchorElement} */ (this.one("[data-see]"));
    link.hidden = false;
    link.href = `${document.body.dataset.root}connections/${encodeURIComponent(connection)}/`;
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement}
   */
  one(selector) {
    return /** @type {HTMLElement} */ (this.panel.querySelector(selector));
  }
}
