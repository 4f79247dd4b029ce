// @ts-check
/** Theme, row height and time zone: kept in cookies, so that the server's first paint is right. */

const YEAR_S = 31_536_000;

/** @param {AbortSignal} signal */
export function startPreferences(signal) {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-theme-toggle]")) set("theme", isDark() ? "light" : "dark");
    if (event.target.closest("[data-density-toggle]")) {
      set("density", document.documentElement.dataset.density === "comfortable" ? "compact" : "comfortable");
    }
    const menu = document.querySelector("details.menu[open]");
    if (menu && !menu.contains(event.target)) menu.removeAttribute("open");
  }, { signal });
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLSelectElement) || !field.dataset.preference) return;
    keep(field.dataset.preference, field.value);
    // The socket has the cookies with which it was opened: it is opened anew, with the page.
    if (field.dataset.preference === "zone") location.reload();
    else show(field.dataset.preference, field.value);
  }, { signal });
  document.addEventListener("channelscope:visited", offerOwnZone, { signal });
  offerOwnZone();
}

/** Only the browser knows where its viewer is. */
function offerOwnZone() {
  const field = document.querySelector("select[data-preference=zone]");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!field || !own || field.querySelector("[data-own]")) return;
  const option = new Option(`Yours, ${own}`, own);
  option.dataset.own = "";
  field.children[0]?.after(option);
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @param {"theme" | "density"} name @param {string} value */
function set(name, value) {
  show(name, value);
  keep(name, value);
}

/** @param {string} name @param {string} value "" for what the system says, or the default. */
function show(name, value) {
  if (value) document.documentElement.dataset[name] = value;
  else delete document.documentElement.dataset[name];
}

/** @param {string} name @param {string} value */
function keep(name, value) {
  const path = document.body.dataset.root;
  const age = value ? YEAR_S : 0;
  document.cookie = `channelscope_${name}=${value}; path=${path}; max-age=${age}; samesite=lax`;
}
