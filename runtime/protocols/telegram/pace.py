"""How fast a bot may speak: a message a second to one chat, thirty a second to all.

Owns the times. Pure: the clock is handed in.

Source: https://core.telegram.org/bots/faq, "My bot is hitting limits, how do I avoid this?"
"""

from __future__ import annotations

from collections.abc import Callable

MOST_KEPT = 10_000
"""Chats whose times are kept before those that have passed are forgotten."""


class Pace:
    """Says when the next message to a chat may leave.

    Args:
        per_chat_s: seconds between two messages to one person.
        per_group_s: seconds between two messages to one group.
        per_second: messages to all chats.
        clock: seconds of a clock that is not set back.
    """

    def __init__(
        self, per_chat_s: float, per_group_s: float, per_second: float, clock: Callable[[], float]
    ) -> None:
        self._per_chat_s = per_chat_s
        self._per_group_s = per_group_s
        self._gap_s = 1.0 / per_second
        self._clock = clock
        self._free_at = 0.0
        self._chat_free_at: dict[int, float] = {}

    def take(self, chat_id: int) -> float:
        """Take the next turn for a chat. Returns the seconds to wait for it."""
        now = self._clock()
        at = max(now, self._free_at, self._chat_free_at.get(chat_id, 0.0))
        self._free_at = max(now, self._free_at) + self._gap_s
        # A group's id is below 0.
        self._hold(chat_id, at + (self._per_chat_s if chat_id > 0 else self._per_group_s))
        return at - now

    def hold(self, chat_id: int, for_s: float) -> None:
        """Let nothing leave to a chat for some seconds: Telegram has asked for that."""
        self._hold(chat_id, self._clock() + for_s)

    def _hold(self, chat_id: int, until: float) -> None:
        if len(self._chat_free_at) >= MOST_KEPT:
            now = self._clock()
            kept = {chat: at for chat, at in self._chat_free_at.items() if at > now}
            self._chat_free_at = kept
        self._chat_free_at[chat_id] = max(until, self._chat_free_at.get(chat_id, 0.0))
