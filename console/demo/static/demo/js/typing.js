/** Who is typing right now; a sign that is not renewed fades. */

const FADES_AFTER_MS = 3_500;

export class Typing {
  /** @type {Map<string, {name: string, timer: number}>} */
  #typists = new Map();

  /** @param {HTMLElement} line */
  constructor(line) {
    this.line = line;
  }

  /** @param {{id: string, name: string}} user */
  start(user) {
    clearTimeout(this.#typists.get(user.id)?.timer);
    const timer = setTimeout(() => this.stop(user), FADES_AFTER_MS);
    this.#typists.set(user.id, { name: user.name, timer });
    this.#show();
  }

  /** @param {{id: string}} user */
  stop(user) {
    clearTimeout(this.#typists.get(user.id)?.timer);
    this.#typists.delete(user.id);
    this.#show();
  }

  #show() {
    const names = [...new Set([...this.#typists.values()].map(({ name }) => name))];
    if (names.length === 0) this.line.textContent = "";
    else if (names.length === 1) this.line.textContent = `${names[0]} is typing…`;
    else if (names.length === 2) this.line.textContent = `${names.join(" and ")} are typing…`;
    else this.line.textContent = "Several people are typing…";
  }
}
