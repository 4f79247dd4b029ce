/**
 * A WebSocket that comes back. Owns the connection and the waiting between two
 * attempts; knows nothing of what is said over it.
 */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Codes by which the application itself says no (4400 to 4499): asking again would not help. */
const isFinal = (code) => code >= 4400 && code < 4500;

/**
 * Events: "connecting"; "open"; "message" with `detail` the text; "waiting" with
 * `detail` the milliseconds until the next attempt; "refused" with `detail` the CloseEvent.
 */
export class LiveSocket extends EventTarget {
  #attempts = 0;
  #socket = null;
  #timer = 0;
  #teardown = new AbortController();

  /** @param {string} path of the socket on this page's host */
  constructor(path) {
    super();
    this.url = new URL(path, location.href);
    this.url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const { signal } = this.#teardown;
    addEventListener("online", () => this.#hurry(), { signal });
    document.addEventListener("visibilitychange", () => this.#hurry(), { signal });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#tell("connecting");
    const socket = new WebSocket(this.url);
    const { signal } = this.#teardown;
    socket.addEventListener("open", () => this.#opened(), { signal });
    socket.addEventListener("message", ({ data }) => this.#tell("message", data), { signal });
    socket.addEventListener("close", (event) => this.#closed(event), { signal });
    this.#socket = socket;
  }

  /** @param {string} text; nothing is sent, and false returned, unless the socket is open */
  send(text) {
    if (this.isOpen) this.#socket.send(text);
    return this.isOpen;
  }

  /** Close for good. */
  close() {
    clearTimeout(this.#timer);
    this.#teardown.abort();
    this.#socket?.close(1000);
  }

  #opened() {
    this.#attempts = 0;
    this.#tell("open");
  }

  #closed(event) {
    if (isFinal(event.code)) return this.#tell("refused", event);
    const longest = Math.min(FIRST_WAIT_MS * 2 ** this.#attempts, LONGEST_WAIT_MS);
    this.#attempts += 1;
    // Half of it by chance: a server that restarts is not met by all its pages at once.
    const wait = longest * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.open(), wait);
    return this.#tell("waiting", wait);
  }

  /** Do not wait any longer: the network is back, or somebody looks at the page again. */
  #hurry() {
    if (this.#timer && navigator.onLine && !document.hidden) this.open();
  }

  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
