// @ts-check
/**
 * The tabs of the Client: which one is chosen, by mouse and by keys, and what each says of the
 * connection behind it. What is behind it is no business of theirs.
 */

/** @typedef {{choose: (tab: HTMLElement) => void, reveal: (tab: HTMLElement) => void, remove: (tab: HTMLElement) => void}} Answers */

export class Tabs {
  /** @type {HTMLButtonElement[]} */
  tabs = [];
  made = 0;

  /**
   * @param {HTMLElement} list
   * @param {Answers} answers What becomes of a tab that is chosen, clicked or taken away.
   * @param {AbortSignal} signal
   */
  constructor(list, answers, signal) {
    this.list = list;
    this.answers = answers;
    list.addEventListener("click", (event) => this.clicked(event), { signal });
    list.addEventListener("keydown", (event) => this.pressed(event), { signal });
  }

  get chosen() {
    return this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
  }

  /** @param {HTMLElement} panel What the new tab shows. */
  add(panel) {
    const number = ++this.made;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("client-tab"));
    const tab = /** @type {HTMLButtonElement} */ (template.content.firstElementChild?.cloneNode(true));
    panel.id = `panel-${number}`;
    tab.id = `tab-${number}`;
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("aria-labelledby", tab.id);
    this.list.append(tab);
    this.tabs.push(tab);
    return tab;
  }

  /** @param {HTMLButtonElement} tab */
  remove(tab) {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    tab.remove();
  }

  /** @param {HTMLButtonElement} tab */
  mark(tab) {
    for (const other of this.tabs) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
  }

  /**
   * @param {HTMLElement} tab
   * @param {{state: string, words: string, name: string}} pane How its connection is.
   */
  show(tab, pane) {
    const state = /** @type {HTMLElement} */ (tab.querySelector(".state"));
    state.dataset.state = pane.state;
    const words = state.querySelector("[data-words]");
    if (words) words.textContent = pane.words;
    const name = tab.querySelector("[data-name]");
    if (name) name.textContent = pane.name || "new client";
  }

  /**
   * @param {HTMLElement} tab
   * @param {boolean} isVirtual
   */
  setVirtual(tab, isVirtual) {
    tab.querySelector("[data-virtual]")?.toggleAttribute("hidden", !isVirtual);
  }

  /** @param {Event} event */
  clicked(event) {
    const found = event.target instanceof Element ? event.target.closest("[role=tab]") : null;
    const tab = this.tabs.find((one) => one === found);
    if (!tab) return;
    this.answers.choose(tab);
    this.answers.reveal(tab);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const place = this.tabs.findIndex((tab) => tab === event.target);
    if (place < 0) return;
    const last = this.tabs.length - 1;
    const ways = { ArrowRight: place === last ? 0 : place + 1, ArrowLeft: place === 0 ? last : place - 1, Home: 0, End: last };
    if (event.key in ways) {
      event.preventDefault();
      const tab = this.tabs[ways[/** @type {keyof typeof ways} */ (event.key)]];
      this.answers.choose(tab);
      tab.focus();
    } else if (event.key === "Delete") {
      this.answers.remove(this.tabs[place]);
    }
  }
}
