// @ts-check
/** Theme and row height: kept in cookies, so that the server's first paint is right. */

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
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * @param {"theme" | "density"} name
 * @param {string} value
 */
function set(name, value) {
  document.documentElement.dataset[name] = value;
  const path = document.body.dataset.root;
  document.cookie = `channelscope_${name}=${value}; path=${path}; max-age=${YEAR_S}; samesite=lax`;
}
