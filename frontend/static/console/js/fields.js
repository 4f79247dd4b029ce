// @ts-check
/** Fills the marked places of a cloned template with text, and with the page's own glyphs. */

/**
 * @param {ParentNode} root Holds elements with `data-f`.
 * @param {Record<string, any>} values Text by the name of the place; `dir` names a glyph.
 */
export function fill(root, values) {
  for (const place of root.querySelectorAll("[data-f]")) {
    const name = place.getAttribute("data-f") ?? "";
    const value = values[name];
    if (value === undefined) continue;
    if (name === "dir") place.replaceChildren(glyph(value));
    else place.textContent = String(value);
  }
}

/** @param {string} direction */
export function glyph(direction) {
  const sample = document.querySelector(`#glyphs [data-dir="${CSS.escape(direction)}"]`);
  return sample?.cloneNode(true) ?? document.createTextNode("");
}
