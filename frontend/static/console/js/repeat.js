// @ts-check
/** Sends one message again and again: so often, so many times, and never past its connection. */

/** @typedef {import("./editor.js").Payload} Payload */

export class Repeat {
  timer = 0;
  left = 0;
  isOpen = false;

  /**
   * @param {HTMLElement} panel
   * @param {() => Payload | null} read What is to be sent, as it is written when it begins.
   * @param {(payload: Payload) => void} send
   * @param {AbortSignal} signal
   */
  constructor(panel, read, send, signal) {
    this.send = send;
    this.button = /** @type {HTMLButtonElement} */ (panel.querySelector("[data-repeat]"));
    this.stopButton = /** @type {HTMLButtonElement} */ (panel.querySelector("[data-repeat-stop]"));
    this.count = /** @type {HTMLElement} */ (panel.querySelector("[data-repeat-count]"));
    this.button.addEventListener("click", () => {
      const payload = read();
      if (payload !== null) ask((everyS, times) => this.start(payload, everyS, times));
    }, { signal });
    this.stopButton.addEventListener("click", () => {
      this.stop();
      this.button.focus();
    }, { signal });
    signal.addEventListener("abort", () => this.stop());
  }

  /** @param {boolean} isOpen Whether there is a connection to send through. */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.button.disabled = !isOpen;
    if (!isOpen) this.stop();
  }

  /**
   * @param {Payload} payload
   * @param {number} everyS
   * @param {number} times
   */
  start(payload, everyS, times) {
    this.stop();
    if (!this.isOpen) return;
    this.left = times;
    const once = () => {
      this.send(payload);
      this.left -= 1;
      if (this.left > 0) this.show(times);
      else this.stop();
    };
    this.timer = window.setInterval(once, everyS * 1000);
    once();
    if (this.left > 0) this.stopButton.focus();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.left = 0;
    this.button.hidden = false;
    this.stopButton.hidden = true;
  }

  /** @param {number} times */
  show(times) {
    this.count.textContent = `${times - this.left} of ${times}`;
    this.button.hidden = true;
    this.stopButton.hidden = false;
  }
}

/**
 * Opens the page's one dialog for how often and how many times.
 *
 * @param {(everyS: number, times: number) => void} start
 */
function ask(start) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("repeat"));
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const number = (/** @type {string} */ name) => Number(/** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value);
  const asked = new AbortController();
  const { signal } = asked;
  dialog.addEventListener("close", () => asked.abort(), { signal });
  dialog.querySelector("[data-cancel]")?.addEventListener("click", () => dialog.close(), { signal });
  form.addEventListener("submit", () => start(number("every"), number("times")), { signal });
  dialog.showModal();
}
