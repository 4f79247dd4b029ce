// @ts-check
/**
 * The transport of a recording: plays it against the application, and says of each answer
 * whether it is what was recorded. The server plays; this shows how far it has come.
 */
import { fill } from "./fields.js";

const WIDTH = 300;
const WORDS = { equal: "✓ equal", differs: "✗ differs", missing: "✗ missing" };

/** @typedef {{path: string, expected: string, came: string}} Difference */
/** @typedef {{verdict: "equal" | "differs" | "missing" | "extra", position: string, came: string, differences: Difference[]}} Verdict */

/** @param {AbortSignal} signal */
export function startReplay(signal) {
  const section = document.querySelector("[data-replay]");
  if (section instanceof HTMLElement) new Replay(section, signal);
}

class Replay {
  /** @type {WebSocket | null} */
  socket = null;
  failed = "";

  /**
   * @param {HTMLElement} section
   * @param {AbortSignal} signal
   */
  constructor(section, signal) {
    this.section = section;
    const on = (/** @type {string} */ selector, /** @type {() => void} */ handle) =>
      this.one(selector).addEventListener("click", handle, { signal });
    on("[data-play]", () => this.start(false));
    on("[data-step]", () => this.start(true));
    on("[data-halt]", () => this.halt());
    signal.addEventListener("abort", () => this.socket?.close());
  }

  /** @param {boolean} isStep */
  start(isStep) {
    if (!isStep || !this.socket) this.clear();
    const speed = Number(new FormData(this.speeds()).get("speed"));
    const who = /** @type {HTMLSelectElement} */ (this.one("[data-as]")).value;
    const { replay, connection } = this.section.dataset;
    const said = { replay: Number(replay), connection, as: who, speed, step: isStep };
    this.one("[data-halt]").hidden = false;
    if (this.socket?.readyState === WebSocket.OPEN) return this.socket.send(JSON.stringify(said));
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${document.body.dataset.root}live/virtual/`);
    this.socket = socket;
    socket.addEventListener("open", () => socket.send(JSON.stringify(said)));
    socket.addEventListener("message", ({ data }) => this.heard(JSON.parse(data)));
    socket.addEventListener("close", (event) => {
      this.socket = null;
      if (event.reason) this.tell(event.reason, "danger");
      this.one("[data-halt]").hidden = true;
    });
  }

  halt() {
    this.socket?.close();
  }

  /** The speeds are no form of their own: they post nothing. */
  speeds() {
    const form = document.createElement("form");
    const chosen = this.section.querySelector("input[name=speed]:checked");
    if (chosen) form.append(chosen.cloneNode());
    return form;
  }

  /** @param {any} said */
  heard(said) {
    if (said.connection) this.see(said.connection);
    if (said.said === "progress") this.show(said);
    else if (said.said === "refused") this.tell(said.words, "danger");
    else if (said.said === "failed") {
      this.failed = said.words;
      this.tell(`The application failed: ${said.words}`, "danger");
    }
  }

  /** @param {{given: string[], of: number, at_s: number, done: boolean, verdicts: Verdict[]}} progress */
  show(progress) {
    this.move(progress.at_s);
    for (const row of this.section.querySelectorAll(".step-row[aria-current]")) row.removeAttribute("aria-current");
    const last = progress.given.at(-1);
    const current = last ? this.row(last) : null;
    current?.setAttribute("aria-current", "step");
    current?.scrollIntoView({ block: "nearest" });
    const extras = progress.verdicts.filter(({ verdict }) => verdict === "extra");
    for (const verdict of progress.verdicts) if (verdict.position) this.judge(verdict);
    this.showExtras(extras);
    const counts = { equal: 0, differs: 0, missing: 0, extra: 0 };
    for (const { verdict } of progress.verdicts) counts[verdict] += 1;
    const words = Object.entries(counts).filter(([, count]) => count).map(([name, count]) => `${count} ${name}`).join(", ");
    this.one("[data-tally]").textContent = words || "nothing to compare yet";
    if (progress.done) this.end(counts, words);
  }

  /**
   * @param {{equal: number, differs: number, missing: number, extra: number}} counts
   * @param {string} words
   */
  end(counts, words) {
    const isSame = counts.differs + counts.missing + counts.extra === 0 && !this.failed;
    const outcome = isSame ? `The replay answered as recorded: ${words || "nothing was expected"}.` : `The replay answered differently: ${words}.`;
    this.tell(this.failed ? `${outcome} The application failed: ${this.failed}` : outcome, isSame ? "ok" : "danger");
    this.socket?.close();
  }

  /** @param {Verdict} verdict */
  judge(verdict) {
    const row = this.row(verdict.position);
    if (!row) return;
    row.dataset.verdict = verdict.verdict;
    const place = row.querySelector("[data-verdict-of]");
    if (place) place.textContent = WORDS[/** @type {keyof typeof WORDS} */ (verdict.verdict)] ?? "";
    for (const old of row.querySelectorAll(".difference")) old.remove();
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("difference"));
    for (const difference of verdict.differences) {
      const line = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
      fill(line, { ...difference, path: difference.path || "it" });
      row.append(line);
    }
  }

  /** @param {Verdict[]} extras */
  showExtras(extras) {
    const list = this.one("[data-extras]");
    list.hidden = extras.length === 0;
    list.replaceChildren(...extras.map(({ came }) => {
      const line = document.createElement("li");
      line.textContent = `extra: ${came}`;
      return line;
    }));
  }

  /** @param {number} seconds */
  move(seconds) {
    const length = Number(this.section.dataset.length) || 0.001;
    const x = String(Math.min(seconds / length, 1) * WIDTH);
    this.one("[data-clock]").textContent = seconds.toFixed(2);
    this.section.querySelector("[data-played]")?.setAttribute("width", x);
    this.section.querySelector("[data-playhead]")?.setAttribute("d", `M${x} 0v66`);
  }

  clear() {
    this.failed = "";
    this.move(0);
    this.one("[data-outcome]").hidden = true;
    this.showExtras([]);
    for (const row of this.section.querySelectorAll(".step-row")) {
      row.removeAttribute("data-verdict");
      for (const old of row.querySelectorAll(".difference")) old.remove();
      const place = row.querySelector("[data-verdict-of]");
      if (place) place.textContent = "";
    }
  }

  /**
   * @param {string} words
   * @param {string} tone
   */
  tell(words, tone) {
    const notice = this.one("[data-outcome]");
    notice.hidden = false;
    notice.dataset.tone = tone;
    this.one("[data-outcome-text]").textContent = words;
  }

  /** @param {string} connection */
  see(connection) {
    const link = /** @type {HTMLAnchorElement} */ (this.one("[data-see]"));
    link.hidden = false;
    link.href = `${document.body.dataset.root}connections/${encodeURIComponent(connection)}/`;
  }

  /** @param {string} position @returns {HTMLElement | null} */
  row(position) {
    return this.section.querySelector(`.step-row[data-position="${CSS.escape(position)}"]`);
  }

  /** @param {string} selector @returns {HTMLElement} */
  one(selector) {
    return /** @type {HTMLElement} */ (this.section.querySelector(selector));
  }
}
