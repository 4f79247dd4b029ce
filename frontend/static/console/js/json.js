// @ts-check
/** JSON text in colours, as nodes; what is not JSON stays plain text. */

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

/**
 * @param {string} text
 * @returns {Node[]}
 */
export function paintJson(text) {
  if (!isJson(text)) return [document.createTextNode(text)];
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon = "", number, word] = match;
    nodes.push(document.createTextNode(text.slice(end, match.index)));
    if (string) nodes.push(span(colon ? "jk" : "js", string), document.createTextNode(colon));
    else nodes.push(number ? span("jn", number) : span("jb", word));
    end = match.index + whole.length;
  }
  nodes.push(document.createTextNode(text.slice(end)));
  return nodes;
}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} name
 * @param {string} text
 */
function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
