/** The page of the ticker: the number of seconds, and how late each tick was. */

import { LiveSocket } from "./socket.js";
import { showStatus } from "./status.js";

const MOST_BARS = 60;
const FULL_MS = 100;

const page = document.querySelector("[data-ticker]");
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const socket = new LiveSocket(page.dataset.socket);

/** @type {{count: number, heardAt: number} | null} the tick that the others are measured by */
let first = null;
const delays = [];

/** Draw one bar a tick, up to a tenth of a second high, the newest at the right. */
function draw() {
  const { width, height } = part("plot").viewBox.baseVal;
  const step = width / MOST_BARS;
  const start = width - delays.length * step;
  const bars = delays.map((ms, index) => {
    const top = height - Math.max(1, (Math.min(Math.abs(ms), FULL_MS) / FULL_MS) * height);
    return `M${start + (index + 0.5) * step} ${height}V${top}`;
  });
  part("bars").setAttribute("d", bars.join(""));
}

socket.addEventListener("open", () => {
  first = null;
  delays.length = 0;
});
socket.addEventListener("message", ({ detail }) => {
  const { count, at } = JSON.parse(detail);
  const heardAt = performance.now();
  first ??= { count, heardAt };
  delays.push(heardAt - first.heardAt - (count - first.count) * 1000);
  if (delays.length > MOST_BARS) delays.shift();
  part("count").textContent = String(count);
  part("at").textContent = new Date(at).toLocaleTimeString();
  part("late").textContent = `${Math.round(delays.at(-1))} ms`;
  draw();
});

showStatus(part("status"), socket);
socket.open();
