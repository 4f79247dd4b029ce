// @ts-check
/** What was said on the client's socket: bounded, in order, text only. */
import { hexOf, sizeOf } from "./bytes.js";
import { fill } from "./fields.js";
import { paintJson } from "./json.js";

const LINES = 500;
const BYTES_SHOWN = 64;
const CHARACTERS_SHOWN = 20_000;

export class Transcript {
  /** When something was sent that nothing has answered yet. @type {number | null} */
  unanswered = null;

  /**
   * @param {HTMLElement} panel
   * @param {import("./latency.js").Latency | null} latency Hears how long replies took.
   * @param {AbortSignal} signal
   */
  constructor(panel, latency, signal) {
    this.panel = panel;
    this.latency = latency;
    this.list = /** @type {HTMLElement} */ (panel.querySelector("[data-transcript]"));
    this.empty = /** @type {HTMLElement} */ (panel.querySelector("[data-transcript-empty]"));
    panel.querySelector("[data-clear]")?.addEventListener("click", () => this.clear(), { signal });
    for (const chip of panel.querySelectorAll("[data-show]")) {
      chip.addEventListener("click", () => this.toggle(chip), { signal });
    }
  }

  /** @param {string | Uint8Array} payload */
  sent(payload) {
    this.unanswered = performance.now();
    this.add("in", "sent", payload, sizeOf(payload));
  }

  /** @param {string | ArrayBuffer} payload */
  received(payload) {
    let reply = "";
    if (this.unanswered !== null) {
      const took = performance.now() - this.unanswered;
      this.latency?.replied(took);
      reply = `reply in ${took.toFixed(1)} ms · `;
    }
    this.unanswered = null;
    this.add("out", "received", payload, reply + sizeOf(payload));
  }

  /**
   * @param {string} who What happened: open, closed, refused.
   * @param {string} words
   * @param {number} [milliseconds] How long it took.
   */
  life(who, words, milliseconds) {
    this.unanswered = null;
    const line = this.line("life", who, milliseconds === undefined ? "" : `${milliseconds.toFixed(0)} ms`);
    line.classList.add("say-life");
    fill(line, { body: words });
    this.append(line);
  }

  /**
   * Write a line that the server has timed.
   *
   * @param {{at: number, direction: "in" | "out", who: string, words: string, nodes: Node[], note: string}} said
   */
  put({ at, direction, who, words, nodes, note }) {
    const line = this.line(direction, who, note, new Date(at * 1000));
    const type = document.createElement("b");
    type.textContent = words;
    line.querySelector("[data-f=body]")?.append(type, " ", ...nodes);
    this.count(line, who);
  }

  /** Write what has lines of its own, such as a traceback. @param {string} text */
  block(text) {
    const line = this.line("error", "error", "");
    const block = document.createElement("pre");
    block.textContent = text;
    line.querySelector("[data-f=body]")?.append(block);
    this.append(line);
  }

  /**
   * @param {"in" | "out"} direction From the application's side.
   * @param {"sent" | "received"} who
   * @param {string | Uint8Array | ArrayBuffer} payload
   * @param {string} note
   */
  add(direction, who, payload, note) {
    const line = this.line(direction, who, note);
    const body = /** @type {HTMLElement} */ (line.querySelector("[data-f=body]"));
    if (typeof payload === "string") body.append(...paintJson(payload.slice(0, CHARACTERS_SHOWN)));
    else body.textContent = binary(new Uint8Array(payload));
    this.count(line, who);
  }

  /**
   * Add a line to those that its chip counts and hides.
   *
   * @param {HTMLElement} line
   * @param {string} who
   */
  count(line, who) {
    const count = this.panel.querySelector(`[data-count=${who}]`);
    if (count) count.textContent = String(Number(count.textContent) + 1);
    line.hidden = this.panel.querySelector(`[data-show=${who}]`)?.getAttribute("aria-pressed") === "false";
    this.append(line);
  }

  /**
   * @param {string} direction
   * @param {string} who
   * @param {string} note
   * @param {Date} [at]
   */
  line(direction, who, note, at = new Date()) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("say"));
    const line = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    line.dataset.who = who;
    fill(line, { time: at.toISOString().slice(11, 23), dir: direction, who, note });
    return line;
  }

  /** @param {HTMLElement} line */
  append(line) {
    const isAtEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.list.append(line);
    while (this.list.childElementCount > LINES) this.list.firstElementChild?.remove();
    this.list.hidden = false;
    this.empty.hidden = true;
    if (isAtEnd) this.list.scrollTo({ top: this.list.scrollHeight });
  }

  /** @param {Element} chip */
  toggle(chip) {
    const isShown = chip.getAttribute("aria-pressed") !== "true";
    chip.setAttribute("aria-pressed", String(isShown));
    for (const line of this.list.querySelectorAll(`[data-who=${chip.getAttribute("data-show")}]`)) {
      line.toggleAttribute("hidden", !isShown);
    }
  }

  clear() {
    this.list.replaceChildren();
    this.list.hidden = true;
    this.empty.hidden = false;
    for (const count of this.panel.querySelectorAll("[data-count]")) count.textContent = "0";
  }
}

/** @param {Uint8Array} bytes */
function binary(bytes) {
  const cut = bytes.length > BYTES_SHOWN ? " …" : "";
  return `binary ${hexOf(bytes.subarray(0, BYTES_SHOWN))}${cut}`;
}
