// @ts-check
/**
 * A virtual scope of the Client as it is composed: its type, its user, the scope and the next
 * event, begun from a draft of each.
 */

/** @typedef {{type: string, scope: string, events: {name: string, event: string}[], hasUser: boolean}} Draft */

const AS_USER = "user:";

/**
 * @param {HTMLElement} panel
 * @param {Draft[]} drafts One for each type.
 * @param {string} type With which it begins; one that nobody knows for the first.
 * @param {() => void} changed Called when its type is another.
 * @param {AbortSignal} signal
 */
export function startScopeDraft(panel, drafts, type, changed, signal) {
  const draft = new ScopeDraft(panel, drafts, type);
  const on = (/** @type {string} */ selector, /** @type {string} */ name, /** @type {() => void} */ handle) =>
    draft.one(selector).addEventListener(name, handle, { signal });
  const take = () => {
    draft.take();
    changed();
  };
  on("[data-editor]", "input", () => draft.check());
  on("[data-type]", "change", take);
  on("[data-user]", "change", () => draft.showUser());
  on("[data-drafts]", "change", () => draft.takeEvent());
  take();
  return draft;
}

class ScopeDraft {
  isOpen = false;

  /**
   * @param {HTMLElement} panel
   * @param {Draft[]} drafts
   * @param {string} wanted
   */
  constructor(panel, drafts, wanted) {
    this.panel = panel;
    this.drafts = drafts;
    this.type = /** @type {HTMLSelectElement} */ (this.one("[data-type]"));
    this.user = /** @type {HTMLSelectElement} */ (this.one("[data-user]"));
    this.scope = /** @type {HTMLTextAreaElement} */ (this.one("[data-scope]"));
    this.event = /** @type {HTMLTextAreaElement} */ (this.one("[data-event]"));
    this.choice = /** @type {HTMLSelectElement} */ (this.one("[data-drafts]"));
    this.sendButton = /** @type {HTMLButtonElement} */ (this.one("[data-send]"));
    if (drafts.some(({ type }) => type === wanted)) this.type.value = wanted;
  }

  get draft() {
    return this.drafts.find(({ type }) => type === this.type.value);
  }

  /** What the server is told to open it. */
  opening() {
    const other = /** @type {HTMLInputElement} */ (this.one("[data-other]")).value.trim();
    return { open: this.scope.value, as: this.user.value === AS_USER ? AS_USER + other : this.user.value };
  }

  /** Put the draft of the chosen type into the fields. */
  take() {
    const draft = this.draft;
    this.scope.value = draft?.scope ?? "{}";
    this.showUser();
    this.choice.replaceChildren(...(draft?.events ?? []).map(({ name }, place) => new Option(name, String(place))));
    this.takeEvent();
  }

  takeEvent() {
    this.event.value = this.draft?.events[Number(this.choice.value)]?.event ?? "{}";
    this.check();
  }

  showUser() {
    const hasUser = Boolean(this.draft?.hasUser);
    this.one("[data-user-field]").hidden = !hasUser;
    this.one("[data-other-field]").hidden = !hasUser || this.user.value !== AS_USER;
  }

  /** The event is on its way. */
  sent() {
    const place = this.choice.selectedIndex;
    // What began it is said once: the next draft is what follows.
    if (place === 0 && this.choice.options.length > 1 && this.event.value === this.draft?.events[0].event) {
      this.choice.selectedIndex = 1;
      this.takeEvent();
    }
  }

  /** @param {boolean} isOpen Whether there is an application that hears events. */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.check();
  }

  /** Says what is wrong with either field. Returns whether the scope can be opened. */
  check() {
    const isScope = judge(this.scope, this.one("[data-scope-validity]"));
    const isEvent = judge(this.event, this.one("[data-event-validity]"));
    this.sendButton.disabled = !this.isOpen || !isEvent;
    return isScope;
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement}
   */
  one(selector) {
    return /** @type {HTMLElement} */ (this.panel.querySelector(selector));
  }
}

/**
 * Say whether a field holds an object with a type.
 *
 * @param {HTMLTextAreaElement} field
 * @param {HTMLElement} tag
 */
function judge(field, tag) {
  let fault = "";
  let type = "";
  try {
    const said = JSON.parse(field.value);
    type = said?.type;
    if (typeof type !== "string" || !type) fault = 'needs a "type"';
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  tag.textContent = fault || type;
  tag.dataset.tone = fault ? "danger" : "ok";
  field.setAttribute("aria-invalid", String(Boolean(fault)));
  return !fault;
}
