// @ts-check
/**
 * What the server is told of a handshake of the Client: that it is the console's, from which
 * panel, and as which user. It is said in cookies of the path that live for seconds: a page can
 * add nothing else to the request of a WebSocket.
 */
import { hexOf } from "./bytes.js";
import { post } from "./post.js";

const MARK_S = 10;
const AS = "channelscope_as";
const PANE = "channelscope_pane";
const PANE_BYTES = 8;

export class Handshake {
  path = "";
  /** What the console knows its connection by. */
  word = "";

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
  }

  /**
   * Say it all, for the connection that is opened next.
   *
   * @param {string} path
   */
  async prepare(path) {
    this.path = path;
    await this.becomeOther();
    this.mark();
  }

  /** Tells the recorder that this handshake is the console's; gone before the next one. */
  mark() {
    // A browser says nothing of a socket that the server could know it by: this word does.
    this.word = hexOf(crypto.getRandomValues(new Uint8Array(PANE_BYTES))).replaceAll(" ", "");
    this.say("channelscope_client", this.form.dataset.mark ?? "", MARK_S);
    this.say(PANE, this.word, MARK_S);
  }

  /**
   * Ask for a token, if it shall be another user; it opens one connection, and the server
   * takes this browser's own session out of it.
   */
  async becomeOther() {
    const room = /** @type {HTMLElement} */ (this.form.closest("[data-clients]"));
    const field = /** @type {HTMLInputElement} */ (this.form.querySelector("[data-as]"));
    const user = field.value.trim();
    if (!user) return;
    const { token } = await post(room.dataset.asUrl ?? "", { user, path: this.path });
    this.say(AS, token, MARK_S);
  }

  /** The token is spent, or will never be. */
  forget() {
    for (const name of [AS, PANE]) this.say(name, "", 0);
  }

  /**
   * @param {string} name
   * @param {string} value
   * @param {number} seconds How long it is sent; 0 for no longer.
   */
  say(name, value, seconds) {
    document.cookie = `${name}=${value}; path=${this.path}; max-age=${seconds}; samesite=strict`;
  }
}
