/** The page of one chat room: what the socket says goes to the views, what is typed to the socket. */

import { Composer } from "./composer.js";
import { Lines } from "./lines.js";
import { Messages } from "./messages.js";
import { People } from "./people.js";
import { LiveSocket } from "./socket.js";
import { showStatus } from "./status.js";
import { Typing } from "./typing.js";

const page = document.querySelector("[data-chat]");
const part = (name) => page.querySelector(`[data-part="${name}"]`);

const socket = new LiveSocket(page.dataset.socket);
const messages = new Messages(new Lines(part("log"), part("more")), part("message"));
const people = new People(part("people"), part("count"));
const typing = new Typing(part("typing"));
const composer = new Composer(part("composer"), {
  send: (text) => socket.send(JSON.stringify({ type: "message", text })),
  type: () => socket.send(JSON.stringify({ type: "typing" })),
});

let me = null;

const hear = {
  welcome({ you }) {
    me = you;
    people.reset();
    messages.setMe(you);
  },
  joined({ user }) {
    people.add(user, user.id === me.id);
    messages.note(user.id === me.id ? "You are in the room" : `${user.name} came in`);
  },
  present({ user }) {
    people.add(user);
  },
  left({ user }) {
    people.remove(user);
    typing.stop(user);
    messages.note(`${user.name} left`);
  },
  typing({ user }) {
    typing.start(user);
  },
  message(event) {
    typing.stop(event.user);
    messages.say(event);
  },
  thumbnail(event) {
    messages.say(event);
  },
  error({ text }) {
    messages.note(text, "error");
  },
};

socket.addEventListener("message", ({ detail }) => {
  const event = JSON.parse(detail);
  hear[event.type]?.(event);
});
socket.addEventListener("open", () => composer.enable(true));
socket.addEventListener("waiting", () => {
  composer.enable(false);
  people.reset();
});
socket.addEventListener("refused", () => composer.enable(false));

showStatus(part("status"), socket);
socket.open();
