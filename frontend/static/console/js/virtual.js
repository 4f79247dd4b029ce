// @ts-check
/**
 * One virtual scope of the Client: composed here, run by the server, which says what the
 * application does. It ends when its socket does, and that with its tab.
 */
import { sizeInWords } from "./bytes.js";
import { paintJson } from "./json.js";
import { inMs } from "./latency.js";
import { Transcript } from "./transcript.js";

/** @typedef {{type: string, scope: string, events: {name: string, event: string}[], hasUser: boolean}} Draft */
/** @typedef {{said: string, at: number, type?: string, text?: string, hex?: string, size?: number, took_ms?: number, words?: string, traceback?: string, connection?: string}} Said */

const FIRST = "virtual:";
const AS_USER = "user:";

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
    const room = /** @type {HTMLElement} */ (panel.closest("[data-clients]"));
    /** @type {Draft[]} */
    this.drafts = JSON.parse(room.dataset.drafts || "[]");
    this.type = /** @type {HTMLSelectElement} */ (this.one("[data-type]"));
    this.user = /** @type {HTMLSelectElement} */ (this.one("[data-user]"));
    this.scope = /** @type {HTMLTextAreaElement} */ (this.one("[data-scope]"));
    this.event = /** @type {HTMLTextAreaElement} */ (this.one("[data-event]"));
    this.choice = /** @type {HTMLSelectElement} */ (this.one("[data-drafts]"));
    this.sendButton = /** @type {HTMLButtonElement} */ (this.one("[data-send]"));
    this.transcript = new Transcript(panel, null, signal);
    const wanted = address.slice(FIRST.length);
    if (this.drafts.some(({ type }) => type === wanted)) this.type.value = wanted;
    this.listen(signal);
    this.take();
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
    on("[data-editor]", "input", () => this.check());
    on("[data-type]", "change", () => this.take());
    on("[data-user]", "change", () => {
      this.one("[data-other-field]").hidden = this.user.value !== AS_USER;
    });
    on("[data-drafts]", "change", () => this.takeEvent());
    on("[data-disconnect]", "click", () => this.tell({ end: true }));
  }

  get address() {
    return FIRST + this.type.value;
  }

  get name() {
    return this.type.value;
  }

  get draft() {
    return this.drafts.find(({ type }) => type === this.type.value);
  }

  /** Put the draft of the chosen type into the fields. */
  take() {
    const draft = this.draft;
    this.scope.value = draft?.scope ?? "{}";
    this.one("[data-user-field]").hidden = !draft?.hasUser;
    this.one("[data-other-field]").hidden = !draft?.hasUser || this.user.value !== AS_USER;
    this.choice.replaceChildren(...(draft?.events ?? []).map(({ name }, place) => new Option(name, String(place))));
    this.takeEvent();
    this.changed();
  }

  takeEvent() {
    this.event.value = this.draft?.events[Number(this.choice.value)]?.event ?? "{}";
    this.check();
  }

  check() {
    const isScope = judge(this.scope, this.one("[data-scope-validity]"));
    const isEvent = judge(this.event, this.one("[data-event-validity]"));
    this.sendButton.disabled = this.state !== "open" || !isEvent;
    return isScope;
  }

  open() {
    if (!this.check()) return;
    this.refuse("");
    const other = /** @type {HTMLInputElement} */ (this.one("[data-other]")).value.trim();
    const said = { open: this.scope.value, as: this.user.value === AS_USER ? AS_USER + other : this.user.value };
    if (this.socket?.readyState === WebSocket.OPEN) return this.tell(said);
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${document.body.dataset.root}live/virtual/`);
    this.socket = socket;
    socket.addEventListener("open", () => this.tell(said));
    socket.addEventListener("message", ({ data }) => this.heard(JSON.parse(data)));
    socket.addEventListener("close", (event) => this.lost(event));
    this.show("connecting", "opening");
  }

  send() {
    this.tell({ event: this.event.value });
    const place = this.choice.selectedIndex;
    // What began it is said once: the next draft is what follows.
    if (place === 0 && this.choice.options.length > 1 && this.event.value === this.draft?.events[0].event) {
      this.choice.selectedIndex = 1;
      this.takeEvent();
    }
  }

  /** @param {Said} said */
  heard(said) {
    if (said.connection) this.see(said.connection);
    if (said.said === "opened") {
      this.transcript.life("scope", `${this.type.value} scope built`);
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
    this.check();
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

/**
 * Say whether a field holds an object with a type.
 *
 * @param {HTMLTextAreaElement} field
 * @param {HTMLElement} tag
 */
function judge(field, tag) {
  let fault = "";
  let type = "";
  try {
    const said = JSON.parse(field.value);
    type = said?.type;
    if (typeof type !== "string" || !type) fault = 'needs a "type"';
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  tag.textContent = fault || type;
  tag.dataset.tone = fault ? "danger" : "ok";
  field.setAttribute("aria-invalid", String(Boolean(fault)));
  return !fault;
}
