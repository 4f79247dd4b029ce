/** Who is in the room: one entry for each person, however many tabs they have open. */

export class People {
  /** @type {Map<string, {name: string, isMe: boolean}>} by the id of the tab */
  #tabs = new Map();

  /** @param {HTMLElement} list @param {HTMLElement} count */
  constructor(list, count) {
    this.list = list;
    this.count = count;
  }

  /** @param {{id: string, name: string}} user @param {boolean} [isMe] */
  add(user, isMe = false) {
    this.#tabs.set(user.id, { name: user.name, isMe });
    this.#show();
  }

  /** @param {{id: string}} user */
  remove(user) {
    this.#tabs.delete(user.id);
    this.#show();
  }

  reset() {
    this.#tabs.clear();
    this.#show();
  }

  #show() {
    const mine = [...this.#tabs.values()].find(({ isMe }) => isMe)?.name;
    const names = [...new Set([...this.#tabs.values()].map(({ name }) => name))].sort();
    this.list.replaceChildren(...names.map((name) => this.#entry(name, name === mine)));
    this.count.textContent = names.length === 1 ? "1 person" : `${names.length} people`;
  }

  #entry(name, isMe) {
    const entry = document.createElement("li");
    entry.className = "state";
    entry.dataset.state = "open";
    entry.textContent = isMe ? `${name} (you)` : name;
    return entry;
  }
}
