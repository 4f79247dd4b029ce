"""A message that was seen, sent once more: which action does that, and what its form says first.

Owns which entries can be sent again and as what; the question and the action are those of
`dialogs`. What is sent is what the console shows of it: redacted, as everything is. Pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from console.action import ActionKind
from console.entry_view import EntryDetail
from console.redact import REDACTED

FRAMES = ("websocket.receive", "websocket.send")


@dataclass(frozen=True, slots=True)
class Again:
    """One message as an action could send it.

    Attributes:
        kind: of the action.
        type, format, body: what the fields of its question say.
        target: the connection that it is for, as an address names it; "" for none.
        group, channel: where else it goes.
        is_redacted: whether a part of it is hidden, and would be sent as it is shown.
    """

    kind: ActionKind
    body: str
    type: str = ""
    format: str = "json"
    target: str = ""
    group: str = ""
    channel: str = ""
    is_redacted: bool = False

    def asked(self, position: str) -> str:
        """Return what the address of its question says."""
        named = {"again": position, "target": self.target}
        named |= {"group": self.group, "channel": self.channel}
        return urlencode({name: value for name, value in named.items() if value})


def again(detail: EntryDetail) -> Again | None:
    """Return how a message can be sent again; None for what cannot.

    What came from a client goes to its consumer, what went to one goes there again, and a layer
    message goes where it went: to a group, a channel, or the one that it was delivered to.
    """
    entry = detail.view
    if detail.is_truncated:
        return None
    is_redacted = REDACTED in detail.text
    epoch = entry.position.rpartition(":")[0]
    target = f"{epoch}:{entry.connection}" if entry.connection else ""
    if entry.type in FRAMES and entry.kind in ("in", "out"):
        return _frame(detail, target, is_redacted=is_redacted) if target else None
    if entry.kind not in ("deliver", "group_send", "send") or not isinstance(detail.json, dict):
        return None
    body = {name: value for name, value in detail.json.items() if name != "type"}
    text = json.dumps(body, ensure_ascii=False, indent=2)
    if entry.kind == "group_send" and entry.group:
        return Again("broadcast", text, entry.type, group=entry.group, is_redacted=is_redacted)
    if entry.kind == "send" and entry.channel:
        return Again("post", text, entry.type, channel=entry.channel, is_redacted=is_redacted)
    if entry.kind == "deliver" and target:
        return Again("deliver", text, entry.type, target=target, is_redacted=is_redacted)
    return None


def _frame(detail: EntryDetail, target: str, *, is_redacted: bool) -> Again | None:
    """Return how a frame is sent again; a binary one goes to a client alone, as hex."""
    if detail.view.kind == "in":
        if not detail.text:
            return None
        event = json.dumps({"text": detail.text}, ensure_ascii=False, indent=2)
        kind = detail.view.type
        return Again("deliver", event, kind, target=target, is_redacted=is_redacted)
    if detail.text:
        form = "json" if detail.json is not None else "text"
        return Again("send", detail.text, format=form, target=target, is_redacted=is_redacted)
    data = " ".join(row for _, row, _ in detail.hex)
    if not data or len(data.split()) != detail.size_bytes:
        return None
    return Again("send", data, format="binary", target=target)
