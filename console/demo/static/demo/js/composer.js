/** Where a message is written: Enter sends it, Shift and Enter begin a new line. */

const TYPING_EVERY_MS = 2_000;

export class Composer {
  #typedAt = -Infinity;

  /**
   * @param {HTMLFormElement} form with one textarea and one button
   * @param {{send: (text: string) => boolean, type: () => void}} does `send` says whether it could
   */
  constructor(form, does) {
    this.form = form;
    this.field = form.querySelector("textarea");
    this.button = form.querySelector("button");
    this.does = does;
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    this.field.addEventListener("input", () => this.#typed());
    form.addEventListener("submit", (event) => this.#submitted(event));
    this.enable(false);
  }

  /** The field stays usable without a connection: nobody should lose a sentence to the network. */
  enable(canSend) {
    this.button.disabled = !canSend;
  }

  #pressed(event) {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  #typed() {
    const now = performance.now();
    if (!this.field.value.trim() || now - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = now;
    this.does.type();
  }

  #submitted(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (!text || !this.does.send(text)) return;
    this.field.value = "";
    this.#typedAt = -Infinity;
    this.field.focus();
  }
}
