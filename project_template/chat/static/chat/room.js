/** One room: keeps a connection, shows what is said, sends what is typed. */

const status = document.querySelector("[data-status]");
const messages = document.querySelector("[data-messages]");
const form = document.querySelector("[data-compose]");

const LONGEST_WAIT_MS = 10_000;
let wait_ms = 500;
let socket;

/** Connect; when the connection ends, wait a little longer each time and connect again. */
function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${form.dataset.path}`);
  socket.addEventListener("open", () => {
    status.textContent = "Live";
    wait_ms = 500;
  });
  socket.addEventListener("message", ({ data }) => show(JSON.parse(data)));
  socket.addEventListener("close", () => {
    status.textContent = "Offline; connecting again…";
    setTimeout(connect, wait_ms);
    wait_ms = Math.min(2 * wait_ms, LONGEST_WAIT_MS);
  });
}

/**
 * Add a line. As text: what others say is never markup.
 * @param {{author?: string, text?: string, error?: string}} said
 */
function show({ author, text, error }) {
  if (error) {
    status.textContent = error;
    return;
  }
  const line = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = author;
  line.append(name, ` ${text}`);
  messages.append(line);
  line.scrollIntoView({ block: "nearest" });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = form.elements.text.value.trim();
  if (!text || socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ text }));
  form.reset();
});

connect();
