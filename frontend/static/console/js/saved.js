// @ts-check
/**
 * Messages that the project keeps for its clients: use, save, rename, delete.
 *
 * Every panel lists them all, those for its own consumer first; what one changes, all show.
 */
import { post } from "./post.js";
import { areSingleKeysOff } from "./single-keys.js";
import { toast } from "./toast.js";

const CHANGED = "channelscope:saved";
const KEYS = 9;

/** @typedef {{id: number, name: string, kind: string, body: string, consumer: string, by: string, preview: string, is_own: boolean, url: string}} Saved */

/**
 * @param {HTMLElement} panel
 * @param {{use: (kind: string, body: string) => void, kind: string, body: HTMLTextAreaElement}} editor
 * @param {() => string} consumer Of the route that the panel is set to; "" for none.
 * @param {AbortSignal} signal
 */
export function startSaved(panel, editor, consumer, signal) {
  new SavedMessages(panel, editor, consumer, signal);
}

class SavedMessages {
  /** @type {Saved[]} */
  shown = [];

  /**
   * @param {HTMLElement} panel
   * @param {{use: (kind: string, body: string) => void, kind: string, body: HTMLTextAreaElement}} editor
   * @param {() => string} consumer
   * @param {AbortSignal} signal
   */
  constructor(panel, editor, consumer, signal) {
    this.panel = panel;
    this.editor = editor;
    this.consumer = consumer;
    this.room = /** @type {HTMLElement} */ (panel.closest("[data-clients]"));
    this.list = /** @type {HTMLElement} */ (panel.querySelector("[data-saved-list]"));
    this.list.addEventListener("click", (event) => this.clicked(event), { signal });
    panel.querySelector("[data-save]")?.addEventListener("click", () => this.save(), { signal });
    panel.addEventListener("change", () => this.show(), { signal });
    document.addEventListener(CHANGED, () => this.show(), { signal });
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
    this.show();
  }

  show() {
    /** @type {Saved[]} */
    const all = JSON.parse(this.room.dataset.saved || "[]");
    const own = this.consumer();
    const isOwn = (/** @type {Saved} */ one) => Number(one.consumer !== own);
    this.shown = all.toSorted((a, b) => isOwn(a) - isOwn(b));
    this.list.replaceChildren(...this.shown.map((one, place) => this.row(one, place)));
    const words = this.panel.querySelector("[data-saved-for]");
    if (words) words.textContent = own ? `those for ${own} first` : "";
    const empty = /** @type {HTMLElement} */ (this.panel.querySelector("[data-saved-empty]"));
    empty.hidden = all.length > 0;
  }

  /**
   * @param {Saved} one
   * @param {number} place
   */
  row(one, place) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("saved-row"));
    const row = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    row.dataset.saved = String(one.id);
    const words = { key: place < KEYS ? String(place + 1) : "", name: one.name, preview: one.preview, kind: one.kind === "json" ? "JSON" : one.kind };
    for (const spot of row.querySelectorAll("[data-f]")) {
      spot.textContent = words[/** @type {keyof typeof words} */ (spot.getAttribute("data-f"))] ?? "";
    }
    const use = /** @type {HTMLElement} */ (row.querySelector("[data-use]"));
    use.title = one.by ? `Saved by ${one.by}` : "";
    const change = /** @type {HTMLElement} */ (row.querySelector("[data-change]"));
    change.hidden = !one.is_own;
    change.setAttribute("aria-label", `Change ${one.name}`);
    return row;
  }

  /** @param {Event} event */
  clicked(event) {
    if (!(event.target instanceof Element)) return;
    const row = event.target.closest("[data-saved]");
    const one = this.shown.find(({ id }) => String(id) === row?.getAttribute("data-saved"));
    if (!one) return;
    if (event.target.closest("[data-use]")) this.use(one);
    else if (event.target.closest("[data-change]")) this.change(one);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (!this.panel.hasAttribute("data-chosen") || areSingleKeysOff()) return;
    if (event.metaKey || event.ctrlKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select, dialog")) return;
    const one = this.shown[Number(event.key) - 1];
    if (!one) return;
    event.preventDefault(); // or the key is typed into the field that gets the focus
    this.use(one);
  }

  /** @param {Saved} one */
  use(one) {
    this.editor.use(one.kind, one.body);
  }

  save() {
    ask("Save this message", "", false, async (name) => {
      const { kind, body } = this.editor;
      await this.tell(this.room.dataset.savedUrl ?? "", { name, kind, body: body.value, consumer: this.consumer() });
    });
  }

  /** @param {Saved} one */
  change(one) {
    ask("Change a saved message", one.name, true, async (name, isDeleted) => {
      await this.tell(one.url, isDeleted ? { delete: "1" } : { name });
    });
  }

  /**
   * @param {string} url
   * @param {Record<string, string>} fields
   */
  async tell(url, fields) {
    try {
      const { saved } = await post(url, fields);
      this.room.dataset.saved = JSON.stringify(saved);
      document.dispatchEvent(new CustomEvent(CHANGED));
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    }
  }
}

/**
 * Opens the page's one dialog for the name of a message.
 *
 * @param {string} title
 * @param {string} name
 * @param {boolean} canDelete
 * @param {(name: string, isDeleted: boolean) => void} done
 */
function ask(title, name, canDelete, done) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("save"));
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("name"));
  const remove = /** @type {HTMLElement} */ (form.querySelector("[data-delete]"));
  const heading = /** @type {HTMLElement} */ (dialog.querySelector("h2"));
  const asked = new AbortController();
  const { signal } = asked;
  heading.textContent = title;
  field.value = name;
  remove.hidden = !canDelete;
  dialog.addEventListener("close", () => asked.abort(), { signal });
  dialog.querySelector("[data-cancel]")?.addEventListener("click", () => dialog.close(), { signal });
  remove.addEventListener("click", () => {
    dialog.close();
    done(name, true);
  }, { signal });
  form.addEventListener("submit", () => done(field.value, false), { signal });
  dialog.showModal();
}
