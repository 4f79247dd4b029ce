/** What was said in the room, as lines: a message, a thumbnail, or a note about somebody. */

/** @typedef {{id: string, name: string}} User */
/** @typedef {{type: string, user: User, text: string, at: string, image?: string}} Said */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const CLOSE_MS = 5 * 60_000;

export class Messages {
  #me = null;
  #before = null;

  /**
   * @param {import("./lines.js").Lines} lines
   * @param {HTMLTemplateElement} template of one message, with its parts as `data-slot`
   */
  constructor(lines, template) {
    this.lines = lines;
    this.template = template;
  }

  /** @param {User} me whose own messages are marked */
  setMe(me) {
    this.#me = me;
  }

  /** @param {Said} said */
  say(said) {
    const line = this.template.content.firstElementChild.cloneNode(true);
    const slot = (name) => line.querySelector(`[data-slot="${name}"]`);
    const at = new Date(said.at);
    line.toggleAttribute("data-mine", said.user.name === this.#me?.name);
    line.toggleAttribute("data-follows", this.#follows(said, at));
    slot("initial").textContent = said.user.name.slice(0, 1);
    slot("name").textContent = said.user.name;
    slot("text").textContent = said.text;
    slot("at").textContent = clock.format(at);
    slot("at").dateTime = said.at;
    this.#showImage(slot("image"), said);
    this.lines.append(line);
    this.#before = { user: said.user.id, at };
  }

  /** @param {string} text @param {string} [kind] */
  note(text, kind = "note") {
    this.lines.appendText(text, kind);
    this.#before = null;
  }

  /** Whether this continues what the same person just said, so that the name is not repeated. */
  #follows({ user }, at) {
    return this.#before?.user === user.id && at - this.#before.at < CLOSE_MS;
  }

  #showImage(image, { image: source, text }) {
    // A picture comes as data within the message; an address elsewhere is not followed.
    if (!source?.startsWith("data:image/png;base64,")) return image.remove();
    image.src = source;
    image.alt = `The letters of “${text}” as a trace`;
  }
}
