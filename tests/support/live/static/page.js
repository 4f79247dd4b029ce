// Asks over a WebSocket, and shows the answer.
const said = document.querySelector("output");
const socket = new WebSocket(`ws://${location.host}/users/`);
socket.onmessage = (event) => {
  said.textContent = event.data;
};
socket.onopen = () => socket.send("who");
