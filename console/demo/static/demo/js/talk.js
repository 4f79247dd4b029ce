/** A page with one socket of plain text: what comes is a line, what is typed is sent. */

import { Lines } from "./lines.js";
import { LiveSocket } from "./socket.js";
import { showStatus } from "./status.js";

const page = document.querySelector("[data-talk]");
const part = (name) => page.querySelector(`[data-part="${name}"]`);

const socket = new LiveSocket(page.dataset.socket);
const lines = new Lines(part("log"));
const form = part("form");
const field = form.querySelector("input");
const button = form.querySelector("button");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!socket.send(field?.value ?? "")) return;
  if (!field) return;
  lines.appendText(field.value, "sent");
  field.value = "";
});
socket.addEventListener("message", ({ detail }) => lines.appendText(detail));
socket.addEventListener("open", () => (button.disabled = false));
socket.addEventListener("waiting", () => (button.disabled = true));

showStatus(part("status"), socket);
socket.open();
