/** Says in words how a socket is: the element is a polite live region with a state dot. */

/**
 * @param {HTMLElement} element with `data-state` for the dot; its text is replaced
 * @param {import("./socket.js").LiveSocket} socket
 */
export function showStatus(element, socket) {
  const say = (state, words) => {
    element.dataset.state = state;
    if (element.textContent !== words) element.textContent = words;
  };
  socket.addEventListener("connecting", () => say("idle", "Connecting…"));
  socket.addEventListener("open", () => say("open", "Live"));
  socket.addEventListener("waiting", ({ detail }) => {
    const seconds = Math.max(1, Math.round(detail / 1000));
    say("late", `Connection lost, trying again in ${seconds} s`);
  });
  socket.addEventListener("refused", ({ detail }) => {
    say("error", `${detail.reason || "Refused"} (${detail.code})`);
  });
}
