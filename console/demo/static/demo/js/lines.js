/**
 * A list that grows at its end and follows it, unless the reader has scrolled up:
 * then it stays where they read and counts what is new. Bounded.
 */

const MOST_LINES = 500;
const NEAR_PX = 48;

export class Lines {
  #unread = 0;

  /**
   * @param {HTMLElement} list the scrolling element whose children are the lines
   * @param {HTMLButtonElement} [more] shown with a count while new lines are out of sight
   */
  constructor(list, more) {
    this.list = list;
    this.more = more;
    list.addEventListener("scroll", () => this.#isAtEnd() && this.#showUnread(0), { passive: true });
    more?.addEventListener("click", () => this.#follow());
  }

  get last() {
    return this.list.lastElementChild;
  }

  /** @param {Element} line */
  append(line) {
    const wasAtEnd = this.#isAtEnd();
    this.list.append(line);
    while (this.list.childElementCount > MOST_LINES) this.list.firstElementChild.remove();
    if (wasAtEnd) this.#follow();
    else this.#showUnread(this.#unread + 1);
  }

  /** @param {string} text @param {string} [kind] kept as `data-kind`, for the style */
  appendText(text, kind = "said") {
    const line = document.createElement("li");
    line.dataset.kind = kind;
    line.textContent = text;
    this.append(line);
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  #follow() {
    this.list.scrollTop = this.list.scrollHeight;
    this.#showUnread(0);
  }

  #showUnread(count) {
    this.#unread = count;
    if (!this.more) return;
    this.more.hidden = count === 0;
    this.more.textContent = count === 1 ? "1 new message" : `${count} new messages`;
  }
}
