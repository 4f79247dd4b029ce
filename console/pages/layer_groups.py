"""What the channel layer itself knows of groups, beyond what processes saw happen.

Owns the asking: which groups there are that no observed process has a member in, which
members of one group nobody saw come, and who is present where presence is tracked. Redacts
what was tracked. A layer that cannot say answers nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.conf import settings
from console.group_view import GroupDetail, GroupRow
from console.redact import Redactor, dump
from console.relay_protocol import GROUP
from runtime import DEFAULT_CHANNEL_LAYER
from runtime.layers import get_channel_layer
from runtime.taps import muted

logger = logging.getLogger("console")

ANSWER_S = 1.0
MOST_COUNTED = 50
"""Groups whose members the layer is asked to count, one question each."""

MOST_UNSEEN = 100
MOST_PRESENT = 200


@dataclass(frozen=True, slots=True)
class KnownToLayer:
    """What only the layer knows.

    Attributes:
        rows: groups in which no process that answers has a member.
        unseen: channels in the group that is looked at that nobody saw come.
        presence: who is present there, and what was tracked with them, as text.
    """

    rows: Sequence[GroupRow] = ()
    unseen: Sequence[str] = ()
    presence: Sequence[tuple[str, str]] = field(default_factory=tuple)


async def known_to_layer(
    rows: Sequence[GroupRow], subject: str, detail: GroupDetail | None, contains: str
) -> KnownToLayer:
    """Return what the default layer knows besides `rows` and `detail`; nothing if it is away."""
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(ANSWER_S):
            with muted():
                return await _asked(layer, rows, subject, detail, contains)
    except Exception:  # a layer of anybody's: the page does without
        logger.debug("The channel layer did not say what groups it has.", exc_info=True)
        return KnownToLayer()


async def _asked(
    layer: Any,
    rows: Sequence[GroupRow],
    subject: str,
    detail: GroupDetail | None,
    contains: str,
) -> KnownToLayer:
    extensions = getattr(layer, "extensions", ())
    unknown: list[GroupRow] = []
    unseen: list[str] = []
    presence: list[tuple[str, str]] = []
    if "introspection" in extensions:
        seen = {row.name for row in rows} | {GROUP}
        names = [name for name in await layer.groups() if name not in seen]
        wanted = sorted(name for name in names if contains.casefold() in name.casefold())
        unknown = [_row(name, await layer.group_count(name)) for name in wanted[:MOST_COUNTED]]
        if subject and subject != GROUP:
            known = {member.channel for member in detail.members} if detail is not None else set()
            # Only where all that processes saw are at hand can the others be told from them.
            if detail is None or len(known) == detail.row.members:
                channels = await layer.group_channels(subject)
                unseen = sorted(set(channels) - known)[:MOST_UNSEEN]
    if subject and "presence" in extensions:
        presence = _shown(await layer.presence(subject))
    return KnownToLayer(unknown, unseen, presence)


def _row(name: str, members: int) -> GroupRow:
    return GroupRow(name, DEFAULT_CHANNEL_LAYER, members, processes=0, is_observed=False)


def _shown(present: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    redactor = Redactor(settings.REDACT)
    return [
        (redactor.text(str(key)), dump(redactor.value(metadata)) if metadata else "")
        for key, metadata in list(present.items())[:MOST_PRESENT]
    ]
