// @ts-check
/** Where to connect: a route with its arguments filled in, or an address typed by hand. */

/** @typedef {{name: string, example: string, converter: string}} Argument */

/**
 * @param {HTMLFormElement} form
 * @param {string} address Where it is set to connect to; "" for the first route.
 * @param {() => void} changed Called when it is set to another address.
 * @param {AbortSignal} signal
 */
export function startDial(form, address, changed, signal) {
  const dial = new Dial(form, address);
  form.addEventListener("change", (event) => {
    if (event.target === dial.route) dial.showArguments();
    changed();
  }, { signal });
  form.addEventListener("input", (event) => {
    if (event.target === dial.address) dial.route.value = "";
    else if (event.target !== dial.subprotocolField) dial.compose();
  }, { signal });
  return dial;
}

class Dial {
  /**
   * @param {HTMLFormElement} form
   * @param {string} asked
   */
  constructor(form, asked) {
    this.address = /** @type {HTMLInputElement} */ (form.elements.namedItem("url"));
    this.route = /** @type {HTMLSelectElement} */ (form.querySelector("[data-route]"));
    this.places = /** @type {HTMLElement} */ (form.querySelector("[data-arguments]:not(option)"));
    this.queryString = /** @type {HTMLInputElement} */ (form.querySelector("[data-query-string]"));
    this.subprotocolField = /** @type {HTMLInputElement} */ (form.querySelector("[data-subprotocols]"));
    const origin = form.querySelector("[data-origin]");
    if (origin) origin.textContent = socketOrigin();
    // What was typed before this script came stands above what the page was asked for.
    const wanted = this.address.value === this.address.defaultValue ? asked : this.address.value;
    this.showArguments();
    if (wanted) {
      this.address.value = wanted;
      this.route.value = "";
      this.showArguments();
    }
  }

  /** The class that the chosen route leads to; "" for an address typed by hand. */
  get consumer() {
    return this.route.selectedOptions[0]?.dataset.consumer ?? "";
  }

  /** The address to connect to. */
  url() {
    const typed = this.address.value.trim();
    return new URL(/^wss?:/.test(typed) ? typed : `${socketOrigin()}/${typed.replace(/^\//, "")}`);
  }

  subprotocols() {
    return this.subprotocolField.value.split(/[\s,]+/).filter(Boolean);
  }

  showArguments() {
    const option = this.route.selectedOptions[0];
    /** @type {Argument[]} */
    const wanted = JSON.parse(option?.dataset.arguments || "[]");
    this.places.replaceChildren(...wanted.map(field));
    this.compose();
  }

  compose() {
    if (!this.route.value) return;
    const path = this.route.value.replace(/\{(\w+)\}/g, (whole, name) => {
      const input = this.places.querySelector(`[name="${CSS.escape(`argument-${name}`)}"]`);
      return input instanceof HTMLInputElement ? encodeURIComponent(input.value).replaceAll("%2F", "/") : whole;
    });
    const query = this.queryString.value.replace(/^\?/, "");
    this.address.value = query ? `${path}?${query}` : path;
  }
}

/** @param {Argument} argument */
function field(argument) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("argument"));
  const element = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  const [label, input] = /** @type {[HTMLElement, HTMLInputElement]} */ ([...element.children]);
  input.name = `argument-${argument.name}`;
  input.value = argument.example;
  input.title = argument.converter;
  label.textContent = argument.name;
  return element;
}

function socketOrigin() {
  return location.origin.replace(/^http/, "ws");
}
