// @ts-check
/**
 * The room Client: several connections beside each other, a tab each.
 *
 * Owns which panels there are and which are shown. What a panel does is in `pane.js` and
 * `virtual.js`, what a tab says in `tabs.js`. The addresses of the panels live in the URL, so
 * that a reload brings them back.
 */
import { Pane } from "./pane.js";
import { Tabs } from "./tabs.js";
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

  /**
   * @param {HTMLElement} room
   * @param {AbortSignal} signal
   */
  constructor(room, signal) {
    this.room = room;
    this.signal = signal;
    this.panels = this.one("[data-panels]");
    this.tabs = new Tabs(this.one("[data-tabs]"), {
      choose: (tab) => this.select(this.clientOf(tab)),
      reveal: (tab) => this.reveal(this.clientOf(tab)),
      remove: (tab) => this.remove(this.clientOf(tab)),
    }, signal);
    this.addButton = /** @type {HTMLButtonElement} */ (this.one("[data-add]"));
    this.layout = this.one("[data-side]");
    this.addButton.addEventListener("click", () => this.select(this.add("")), { signal });
    this.layout.addEventListener("click", () => this.layOut(!this.isSideBySide), { signal });
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
    const tab = this.tabs.add(panel);
    const ended = new AbortController();
    const Kind = panel.hasAttribute("data-virtual") ? VirtualPane : Pane;
    const client = /** @type {Client} */ ({ tab, panel, ended });
    client.pane = new Kind(panel, address, () => this.show(client), both(this.signal, ended.signal));
    this.tabs.setVirtual(tab, Kind === VirtualPane);
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
    this.tabs.remove(client.tab);
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
    this.tabs.mark(client.tab);
    for (const { panel } of this.clients) panel.toggleAttribute("data-chosen", panel === client.panel);
  }

  /** @param {boolean} isSideBySide */
  layOut(isSideBySide) {
    this.layout.setAttribute("aria-pressed", String(isSideBySide));
    this.panels.toggleAttribute("data-beside", isSideBySide);
    const chosen = this.clients.find(({ tab }) => tab === this.tabs.chosen);
    if (chosen) {
      this.select(chosen);
      this.remember();
    }
  }

  /** @param {Client} client */
  reveal(client) {
    if (this.isSideBySide) client.panel.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Says on the tab how its connection is. @param {Client} client */
  show(client) {
    const pane = client.pane;
    if (!pane) return; // it has just been made, and is shown by who makes it
    this.tabs.show(client.tab, pane);
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

  /** @param {HTMLElement} tab */
  clientOf(tab) {
    return /** @type {Client} */ (this.clients.find((one) => one.tab === tab));
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
