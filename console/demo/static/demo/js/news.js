/** The news by long poll: one request at a time, answered when there is something to say. */

import { Lines } from "./lines.js";

const AFTER_FAILURE_MS = 2_000;

const page = document.querySelector("[data-news]");
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const lines = new Lines(part("log"));
const form = part("form");
const field = form.querySelector("input[name=text]");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let cursor = Number(page.dataset.cursor);
let requests = 0;

function say(state, words) {
  part("status").dataset.state = state;
  if (part("status").textContent !== words) part("status").textContent = words;
}

/** Wait for what came after the last headline. @returns {Promise<{id: number, text: string}[]>} */
async function wait() {
  const response = await fetch(`${page.dataset.wait}?after=${cursor}`);
  if (!response.ok) throw new Error(`The server answered ${response.status}`);
  return response.status === 204 ? [] : (await response.json()).headlines;
}

async function follow() {
  for (;;) {
    try {
      say("open", "Waiting for news");
      requests += 1;
      part("requests").textContent = String(requests);
      for (const { id, text } of await wait()) {
        cursor = id;
        lines.appendText(text);
      }
    } catch {
      say("late", "No answer, trying again");
      await pause(AFTER_FAILURE_MS);
    }
  }
}

/** @returns {Promise<string>} why it could not be published; "" if it was */
async function publish(body) {
  try {
    const response = await fetch(form.action, { method: "POST", body });
    return response.ok ? "" : `the server answered ${response.status}`;
  } catch {
    return "no answer";
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData(form);
  // Free for the next headline at once: what is typed meanwhile is not ours to clear.
  field.value = "";
  const problem = await publish(body);
  if (!problem) return;
  say("late", `Not published: ${problem}`);
  field.value ||= body.get(field.name);
});

follow();
