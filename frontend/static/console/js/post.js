// @ts-check
/** Asks the console's server to do something, as a form of its own pages would. */

/**
 * @param {string} url
 * @param {Record<string, string>} fields
 * @returns {Promise<any>} What it answers, read as JSON.
 * @throws {Error} That says why it was refused, in the server's own words.
 */
export async function post(url, fields) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]");
  const response = await fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": token instanceof HTMLInputElement ? token.value : "" },
    body: new URLSearchParams(fields),
  });
  if (response.ok) return response.json();
  const isPlain = response.headers.get("Content-Type")?.startsWith("text/plain");
  throw new Error(isPlain ? await response.text() : `The server answered ${response.status}.`);
}
