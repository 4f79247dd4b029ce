"""The question before an action: what is about to be done, to how many, and with what.

Owns the words and the fields of each action, and how an address or a form names what it is
for. Shown by `views` as a page of its own, or in a `<dialog>` by the page's script; what is
sent back by its form becomes an `Action` here. Carries out nothing.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from console.action import ON_CONNECTIONS, Action, ActionKind, RefusedAction
from console.actions import Targets
from console.consumer_view import read_consumer
from console.entry import unspell
from console.pages.page import Page
from console.pages.resending import Again, again
from console.query import Field, Pattern, Query, parse
from console.relay import relay
from console.relay_answers import MOST_ROWS

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.connection_view import ConnectionView

FORMATS = (("json", "JSON"), ("text", "Text"), ("binary", "Binary"), ("event", "Event"))
CODES = (
    (1000, "normal closure"),
    (1001, "going away"),
    (1008, "policy violation"),
    (1012, "service restart"),
    (1013, "try again later"),
    (4000, "private use"),
)


@dataclass(frozen=True, slots=True)
class Wording:
    """How one action is spoken of.

    Attributes:
        title: a question, with `{what}` for what it is done to.
        sentence: what happens.
        verb: on the button; `done` is how the audit line begins.
        is_destructive: whether it ends something.
    """

    title: str
    sentence: str
    verb: str
    done: str
    is_destructive: bool = False


WORDINGS: dict[str, Wording] = {
    "send": Wording(
        "Send to {what}",
        "The client receives it as if the application had sent it. The consumer does not notice.",
        "Send",
        "Sent to the client:",
    ),
    "deliver": Wording(
        "Send an event to {what}",
        "Goes into the consumer's mailbox, so its handler runs in its own process, in its turn.",
        "Send",
        "Handed to the consumer:",
    ),
    "close": Wording(
        "Close {what}?",
        "The client receives a close frame, between two handlers. Its page may reconnect.",
        "Close",
        "Closed",
        is_destructive=True,
    ),
    "join": Wording(
        "Add {what} to a group",
        "The channel becomes a member of the group, and receives what is sent to it.",
        "Add",
        "Added to the group",
    ),
    "leave": Wording(
        "Remove {what} from a group?",
        "The channel receives nothing more of what is sent to the group. The consumer is not told.",
        "Remove",
        "Removed from the group",
        is_destructive=True,
    ),
    "broadcast": Wording(
        "Broadcast to {what}",
        "Every member's handler runs, in its own process.",
        "Broadcast",
        "Broadcast:",
    ),
    "post": Wording(
        "Send a message on {what}",
        "Whoever receives from the channel takes it: a worker, or the one consumer it belongs to.",
        "Send",
        "Sent on the channel:",
    ),
}


MOST_CANDIDATES = 500
"""Connections that are offered to be added to a group; the filter of Connections finds others."""

MOST_AT_ONCE = MOST_ROWS
"""Connections of one process that an action takes: another process tells of no more."""


class Changed(RefusedAction):
    """More match now than somebody has agreed to."""


class DialogPage(Page):
    """The question before one kind of action, which is the page's subject."""

    name: ClassVar[str] = "dialog"
    room: ClassVar[str] = "connections"
    template: ClassVar[str] = "console/dialog.html"
    query_room = "connections"
    is_live: ClassVar[bool] = False
    formats = FORMATS
    codes = CODES

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        if subject not in WORDINGS:
            raise LookupError(subject)
        self.kind: ActionKind = subject  # type: ignore[assignment]  # looked up above
        self.wording = WORDINGS[subject]
        self.targets = Targets.read(params.getlist("target"))
        self.takes_all = bool(params.get("all"))
        self.view: ConnectionView | None = None
        self.handlers: tuple[str, ...] = ()
        self.again: Again | None = None
        self.candidates: list[ConnectionView] = []
        self.error = ""

    @property
    def title(self) -> str:  # type: ignore[override]  # it depends on what is asked for
        """The question."""
        return self.wording.title.format(what=self.what)

    @property
    def what(self) -> str:
        """What it is done to, in a few words."""
        if self.kind == "broadcast":
            return f"the group {self.group}"
        if self.kind == "post":
            return f"the channel {self.channel}" if self.channel else "a channel"
        if self.candidates:
            return "a channel"
        count = self.targets.count
        return "this connection" if count == 1 else f"{count:,} connections".replace(",", "\u00a0")

    @property
    def group(self) -> str:
        """The name of the group, as typed."""
        return self.params.get("group", "").strip()

    @property
    def channel(self) -> str:
        """The name of the channel, as typed."""
        return self.params.get("channel", "").strip()

    @property
    def format(self) -> str:
        """The kind of what is sent: that was chosen, or JSON."""
        chosen = self.params.get("format", self.again.format if self.again else "")
        return chosen if chosen in dict(FORMATS) else "json"

    @property
    def type(self) -> str:
        """The type of the message, as typed; at first one that has a handler, or its own."""
        usual = self.handlers[0] if self.handlers else ""
        return self.params.get("type", self.again.type if self.again else usual)

    @property
    def body(self) -> str:
        """What is sent, as typed; at first something to change."""
        usual = '{\n  "text": "hello from the console"\n}'
        return self.params.get("body", self.again.body if self.again else usual)

    @property
    def code(self) -> str:
        """The close code, as typed."""
        return self.params.get("code", "1000")

    @property
    def reason(self) -> str:
        """The reason of the close, as typed."""
        return self.params.get("reason", "")

    @property
    def is_on_connections(self) -> bool:
        """Whether it is done to connections."""
        return self.kind in ON_CONNECTIONS

    @property
    def fields(self) -> str:
        """The template of its fields."""
        return f"console/parts/dialog_{self.kind}.html"

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """What its form carries along unseen: whom it is for."""
        if not self.is_on_connections:
            return [("layer", self.params.get("layer", "default"))]
        if not self.takes_all:
            return [("target", word) for word in self.targets.words]
        kept = [(name, value) for name in KEPT for value in self.params.getlist(name)]
        return [("all", "1"), ("count", str(self.targets.count)), *kept]

    @property
    def by_process(self) -> list[tuple[str, int]]:
        """How many connections it is for in each process, by name."""
        names = {status.process.epoch: status.process.name for status in self.statuses}
        return [(names.get(epoch, epoch), len(ids)) for epoch, ids in self.targets.ids.items()]

    async def load(self) -> None:
        """Find what it is for, and what there is to say about that."""
        await super().load()
        await self._read_again()
        if self.is_from_group:
            self.candidates = await self._candidates()
        if self.query.error is not None:
            # A filter that is not understood matches everything: nobody has asked for that.
            self.takes_all, self.targets = False, Targets()
            self.error = f"The filter cannot be understood: {self.query.error.message}"
        elif self.takes_all and self.is_on_connections:
            found, self.silent = await relay.matching(self.wanted)
            self.targets = Targets(found)
            if any(len(ids) >= MOST_AT_ONCE for ids in found.values()):
                self.error = (
                    f"More than {MOST_AT_ONCE:_} match in one process: narrow the filter, and act"
                    " on a part of them."
                )
        if self.targets.count == 1 and not self.takes_all:
            [word] = self.targets.words
            self.view = await relay.connection(word.partition(":")[2])
            if self.view is not None:
                self.handlers = message_types(self.view.consumer_path)

    @property
    def is_from_group(self) -> bool:
        """Whether it is asked which connection is to join a group."""
        return self.kind == "join" and not self.takes_all and not self.targets.count

    async def _read_again(self) -> None:
        """Read the message that is to be sent once more, if the address names one."""
        position = unspell(self.params.get("again", ""))
        detail = await relay.entry(*position) if position is not None else None
        found = again(detail) if detail is not None else None
        self.again = found if found is not None and found.kind == self.kind else None

    async def _candidates(self) -> list[ConnectionView]:
        """Return the open connections that have a channel and are not in the group."""
        found = await relay.listing(parse("is:open"), limit=MOST_CANDIDATES)
        self.silent = found.silent
        return [
            view
            for view in found.rows
            if view.channel_name and self.group not in {name for name, _ in view.groups}
        ]

    @property
    def wanted(self) -> Query:
        """The filter of the list, without the protocols that it hides."""
        hidden = self.params.getlist("hide")
        query = self.query.query
        if not hidden:
            return query
        term = Field("type", tuple(Pattern((name,)) for name in hidden), is_excluded=True)
        return query.narrowed(Query((term,)))

    def require_unchanged(self) -> None:
        """Return if no more match than were agreed to. Raises Changed."""
        agreed = self.params.get("count", "")
        if self.takes_all and agreed.isdecimal() and self.targets.count > int(agreed):
            raise Changed(
                f"{self.targets.count} match now, and you have agreed to {agreed}: look again."
            )

    def action(self) -> Action:
        """Return what the form asks for. Raises RefusedAction if it makes no sense."""
        body = self.params.get("body", "")
        if self.kind == "send":
            return _frame(self.format, body)
        if self.kind == "close":
            code = self.code
            number = int(code) if code.isascii() and code.isdecimal() and len(code) < 6 else 0
            return Action("close", code=number, reason=self.reason.strip())
        if self.kind in ("join", "leave"):
            return Action(self.kind, group=self.group)
        message = _message(self.params.get("type", "").strip(), body)
        if self.kind == "deliver":
            return Action("deliver", message=message)
        layer = self.params.get("layer", "") or "default"
        if self.kind == "broadcast":
            return Action("broadcast", message=message, layer=layer, group=self.group)
        return Action("post", message=message, layer=layer, channel=self.channel)

    def audit_words(self, action: Action) -> tuple[str, str]:
        """Return what the audit line says: what was done, and on what."""
        what = self.wording.done
        if self.kind == "close":
            reason = f" ({action.reason})" if action.reason else ""
            what = f"{what} with code {action.code}{reason}."
        elif self.kind in ("join", "leave"):
            what = f"{what} {action.group}."
        if not self.is_on_connections:
            return what, self.what.removeprefix("the ")
        if self.takes_all:
            return what, f"{self.targets.count} connections that match {self.wanted}"
        names = ", ".join(word.partition(":")[2] for word in self.targets.words)
        return what, f"connection{'s' if self.targets.count > 1 else ''} {names}"


KEPT = ("q", "process", "hide")
"""Parameters of the list that say which connections are meant."""


def message_types(consumer_path: str) -> tuple[str, ...]:
    """Return the types that a consumer has handlers for, if this process has its module."""
    module, _, name = consumer_path.rpartition(".")
    consumer = getattr(sys.modules.get(module), name, None)
    if not isinstance(consumer, type):
        return ()
    handlers = (one.message_type for one in read_consumer(consumer).handlers)
    own = (one for one in handlers if "." in one)
    return tuple(one for one in own if not one.startswith(("websocket.", "http.")))


def _frame(kind: str, body: str) -> Action:
    if kind == "binary":
        try:
            data = bytes.fromhex(body)
        except ValueError:
            raise RefusedAction("Expected bytes in hex, such as 00 ff 7f.") from None
        return Action("send", data=base64.b64encode(data).decode("ascii"))
    if kind == "text":
        return Action("send", text=body)
    parsed = _json(body)
    if kind == "event":
        return Action("send", message=parsed if isinstance(parsed, dict) else {})
    return Action("send", text=body)


def _message(type_name: str, body: str) -> dict[str, Any]:
    parsed = _json(body) if body.strip() else {}
    if not isinstance(parsed, dict):
        raise RefusedAction("Expected an object, such as {}.")
    return {**parsed, "type": type_name} if type_name else parsed


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedAction(f"Expected JSON: {error}") from None
