// @ts-check
/**
 * The room Client: several connections beside each other, a tab each.
 *
 * Owns the tabs and which panels are shown. What a panel does is in `pane.js`. The
 * addresses of the panels live in the URL, so that a reload brings them back.
 */
import { Pane } from "./pane.js";
import { VirtualPane } from "./virtual.js";

const MOST = 8;
const VIRTUAL = "virtual:";

/** @param {AbortSignal} signal */
export function startClient(signal) {
  const room = document.querySelector("[data-clients]");
  if (room instanceof HTMLElement) new Clients(room, signal);
}

class Clients {
  /** @type {Client[]} */
  clients = [];
  made = 0;

  /**
   * @param {HTMLElement} room
   * @param {AbortSignal} signal
   */
  constructor(room, signal) {
    this.room = room;
    this.signal = signal;
    this.panels = this.one("[data-panels]");
    this.tabs = this.one("[data-tabs]");
    this.addButton = /** @type {HTMLButtonElement} */ (this.one("[data-add]"));
    this.layout = this.one("[data-side]");
    this.addButton.addEventListener("click", () => this.select(this.add("")), { signal });
    this.layout.addEventListener("click", () => this.layOut(!this.isSideBySide), { signal });
    this.tabs.addEventListener("click", (event) => this.clicked(event), { signal });
    this.tabs.addEventListener("keydown", (event) => this.pressed(event), { signal });
    const params = new URLSearchParams(location.search);
    const addresses = params.getAll("url").slice(0, MOST);
    const first = /** @type {HTMLElement} */ (this.panels.firstElementChild);
    if (addresses[0]?.startsWith(VIRTUAL)) first.remove();
    else this.adopt(first, addresses.shift() ?? "");
    for (const address of addresses) this.add(address);
    this.layOut(params.get("side") === "1");
    this.select(this.clients[0]);
  }

  get isSideBySide() {
    return this.layout.getAttribute("aria-pressed") === "true";
  }

  /** @param {string} address */
  add(address) {
    const panel = this.cloned(address.startsWith(VIRTUAL) ? "virtual-panel" : "client-panel");
    this.panels.append(panel);
    return this.adopt(panel, address);
  }

  /**
   * @param {HTMLElement} panel
   * @param {string} address
   */
  adopt(panel, address) {
    const number = ++this.made;
    const tab = /** @type {HTMLButtonElement} */ (this.cloned("client-tab"));
    panel.id = `panel-${number}`;
    tab.id = `tab-${number}`;
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("aria-labelledby", tab.id);
    this.tabs.append(tab);
    const ended = new AbortController();
    const Kind = panel.hasAttribute("data-virtual") ? VirtualPane : Pane;
    const client = /** @type {Client} */ ({ tab, panel, ended });
    client.pane = new Kind(panel, address, () => this.show(client), both(this.signal, ended.signal));
    tab.querySelector("[data-virtual]")?.toggleAttribute("hidden", Kind === Pane);
    this.clients.push(client);
    panel.querySelector("[data-remove]")?.addEventListener("click", () => this.remove(client), { signal: this.signal });
    for (const button of panel.querySelectorAll("[data-kind]")) {
      button.addEventListener("click", () => this.turn(client, button.getAttribute("data-kind") ?? ""), { signal: this.signal });
    }
    panel.addEventListener("focusin", () => this.isSideBySide && this.mark(client), { signal: this.signal });
    this.show(client);
    this.count();
    return client;
  }

  /** @param {Client} client */
  remove(client) {
    const place = this.clients.indexOf(client);
    client.ended.abort();
    client.pane.close();
    client.tab.remove();
    client.panel.remove();
    this.clients.splice(place, 1);
    const next = this.clients[place] ?? this.clients[place - 1] ?? this.add("");
    this.select(next);
    next.tab.focus();
    this.count();
    this.remember();
  }

  /**
   * Go on as the other kind of client: in a new tab, unless this one has done nothing.
   *
   * @param {Client} client
   * @param {string} kind
   */
  turn(client, kind) {
    const isVirtual = client.pane instanceof VirtualPane;
    if ((kind === "virtual") === isVirtual) return;
    const next = this.add(kind === "virtual" ? VIRTUAL : "");
    if (client.pane.state === "idle") this.remove(client);
    this.select(next);
    next.tab.focus();
  }

  /** @param {Client} client */
  select(client) {
    this.mark(client);
    for (const { panel } of this.clients) panel.hidden = !this.isSideBySide && panel !== client.panel;
  }

  /** The panel that keys without a field are meant for. @param {Client} client */
  mark(client) {
    for (const other of this.clients) {
      const isChosen = other === client;
      other.tab.setAttribute("aria-selected", String(isChosen));
      other.tab.tabIndex = isChosen ? 0 : -1;
      other.panel.toggleAttribute("data-chosen", isChosen);
    }
  }

  /** @param {boolean} isSideBySide */
  layOut(isSideBySide) {
    this.layout.setAttribute("aria-pressed", String(isSideBySide));
    this.panels.toggleAttribute("data-beside", isSideBySide);
    const chosen = this.clients.find(({ tab }) => tab.getAttribute("aria-selected") === "true");
    if (chosen) {
      this.select(chosen);
      this.remember();
    }
  }

  /** @param {Event} event */
  clicked(event) {
    const tab = event.target instanceof Element ? event.target.closest("[role=tab]") : null;
    const client = this.clients.find((one) => one.tab === tab);
    if (!client) return;
    this.select(client);
    if (this.isSideBySide) client.panel.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const place = this.clients.findIndex(({ tab }) => tab === event.target);
    if (place < 0) return;
    const last = this.clients.length - 1;
    const ways = { ArrowRight: place === last ? 0 : place + 1, ArrowLeft: place === 0 ? last : place - 1, Home: 0, End: last };
    if (event.key in ways) {
      event.preventDefault();
      const client = this.clients[ways[/** @type {keyof typeof ways} */ (event.key)]];
      this.select(client);
      client.tab.focus();
    } else if (event.key === "Delete") {
      this.remove(this.clients[place]);
    }
  }

  /** Says on the tab how its connection is. @param {Client} client */
  show(client) {
    const pane = client.pane;
    if (!pane) return; // it has just been made, and is shown by who makes it
    const state = /** @type {HTMLElement} */ (client.tab.querySelector(".state"));
    state.dataset.state = pane.state;
    const words = state.querySelector("[data-words]");
    if (words) words.textContent = pane.words;
    const name = client.tab.querySelector("[data-name]");
    if (name) name.textContent = pane.name || "new client";
    this.count();
    this.remember();
  }

  count() {
    const open = this.clients.filter(({ pane }) => pane?.state === "open").length;
    const note = document.getElementById("note");
    if (note) note.textContent = open ? `${open} open` : "";
    this.addButton.disabled = this.clients.length >= MOST;
  }

  remember() {
    const url = new URL(location.href);
    url.searchParams.delete("url");
    url.searchParams.delete("side");
    for (const { pane } of this.clients) if (pane?.address) url.searchParams.append("url", pane.address);
    if (this.isSideBySide) url.searchParams.set("side", "1");
    if (url.href !== location.href) history.replaceState(null, "", url);
  }

  /** @param {string} id Of a template with one element. */
  cloned(id) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
    return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  }

  /** @param {string} selector */
  one(selector) {
    return /** @type {HTMLElement} */ (this.room.querySelector(selector));
  }
}

/** @typedef {{tab: HTMLButtonElement, panel: HTMLElement, ended: AbortController, pane: Pane | VirtualPane}} Client */

/**
 * @param {AbortSignal} page
 * @param {AbortSignal} own
 */
function both(page, own) {
  return AbortSignal.any([page, own]);
}
