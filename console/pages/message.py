"""One message looked at closely: what it says in three ways, where it came from, what it caused.

Shared by the pages whose address can name a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.conf import settings
from console.entry import unspell
from console.pages.json_tree import Node, tree
from console.pages.resending import Again, again
from console.pages.visible import Piece, pieces
from console.relay import NoAnswer, relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.entry_view import EntryDetail

NOT_FACTS = ("traceback", "tried")
"""Facts that are more than a line."""


@dataclass(frozen=True, slots=True)
class BodyTab:
    """One way to look at a payload."""

    name: str
    label: str


TABS = (BodyTab("json", "JSON"), BodyTab("raw", "Raw"), BodyTab("hex", "Hex"))


class Message:
    """The message that an address names, if it names one.

    Attributes:
        position: as the address says it; "" for none.
        detail: what is known of it; None if it has left the ring.
        no_answer: why it is not known whether it has; "" if it is.
        body: which tab of its payload is open.
    """

    def __init__(self, params: QueryDict) -> None:
        self.position = params.get("message", "")
        self.detail: EntryDetail | None = None
        self.no_answer = ""
        self.tree: Node | None = None
        self.tabs = TABS
        self.payload_bytes = settings.PAYLOAD_BYTES
        self.body = params.get("body", "")

    async def load(self) -> None:
        """Read it."""
        position = unspell(self.position)
        try:
            self.detail = await relay.entry(*position) if position is not None else None
        except NoAnswer as error:
            self.no_answer = str(error)
        if self.detail is None:
            return
        if self.detail.json is not None:
            self.tree = tree(self.detail.json)
        if self.body not in {tab.name for tab in TABS}:
            self.body = "json" if self.tree else "raw" if self._is_text else "hex"

    @property
    def again(self) -> Again | None:
        """How it can be sent once more."""
        return again(self.detail) if self.detail is not None else None

    @property
    def asked_again(self) -> str:
        """What the address of that question says."""
        found = self.again
        return found.asked(self.position) if found is not None else ""

    @property
    def raw(self) -> list[Piece]:
        """The payload as text, with what is invisible in it spelled out."""
        return pieces(self.detail.text) if self.detail is not None else []

    @property
    def form(self) -> str:
        """What kind of payload it is, in a word."""
        if self.detail is None or not self.detail.hex:
            return ""
        return "JSON" if self.tree else "text" if self._is_text else "binary"

    @property
    def facts(self) -> list[tuple[str, Any]]:
        """What else is known of it, a line each."""
        if self.detail is None:
            return []
        return [
            (_label(name), f"{value} ms" if name.endswith("_ms") else value)
            for name, value in self.detail.facts.items()
            if name not in NOT_FACTS and value not in (None, "")
        ]

    @property
    def traceback(self) -> str:
        """The traceback of a failed handler."""
        return str(self.detail.facts.get("traceback", "")) if self.detail else ""

    @property
    def tried(self) -> list[str]:
        """The patterns that did not take the path."""
        tried = self.detail.facts.get("tried", ()) if self.detail else ()
        return [str(pattern) for pattern in tried] if isinstance(tried, tuple | list) else []

    @property
    def _is_text(self) -> bool:
        return bool(self.detail and self.detail.text)


def _label(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ").capitalize()
