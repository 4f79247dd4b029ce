// @ts-check
/**
 * How long answers take on one connection.
 *
 * A browser answers a server's pings, but lets no page send one: what can be measured
 * from here is the handshake, and the time from a message to the next that comes back.
 */

const KEPT = 50;

export class Latency {
  /** @type {number[]} */
  replies = [];
  handshake = 0;

  /** @param {(words: string, title: string) => void} show */
  constructor(show) {
    this.show = show;
  }

  reset() {
    this.replies = [];
    this.handshake = 0;
    this.show("–", "Nothing was measured yet.");
  }

  /** @param {number} milliseconds From asking for the connection until it was open. */
  opened(milliseconds) {
    this.handshake = milliseconds;
    this.tell();
  }

  /** @param {number} milliseconds From sending a message until the next one came. */
  replied(milliseconds) {
    this.replies.push(milliseconds);
    if (this.replies.length > KEPT) this.replies.shift();
    this.tell();
  }

  tell() {
    const last = this.replies.at(-1);
    const took = last ?? this.handshake;
    const sorted = this.replies.toSorted((a, b) => a - b);
    const median = sorted.length ? `, median of ${sorted.length}: ${inMs(sorted[sorted.length >> 1])}` : "";
    const title = `Handshake ${inMs(this.handshake)}${median}. A page cannot ping a WebSocket: this is the time from a message to the next one back.`;
    this.show(inMs(took), title);
  }
}

/** @param {number} milliseconds */
export function inMs(milliseconds) {
  return `${milliseconds < 100 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}
