"""The handlers of one consumer, each with what it did lately.

Owns which of the things that processes count is which method's. The page Routing has asked for
them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.activity import Activity, HandlerActivity, handlers_of

if TYPE_CHECKING:
    from console.consumer_view import ConsumerView, HandlerView


@dataclass(frozen=True, slots=True)
class HandlerRow:
    """One handler of the consumer that is looked at.

    Attributes:
        runs: how often its type was handled in the last 10 minutes, in all processes.
        p95_ms: what 95 of 100 of these did not exceed; None if there were none.
    """

    view: HandlerView
    runs: int
    p95_ms: float | None


def handler_rows(consumer: ConsumerView, activities: Iterable[Activity]) -> list[HandlerRow]:
    """Return a row for each method that a message may call, in the order of its source."""
    did = {one.handler: one for one in handlers_of(activities) if one.consumer == consumer.name}
    rows = []
    for view in consumer.handlers:
        one = did.get(view.message_type)
        if view.name == "disconnect":  # by whichever event of its protocol says so
            one = next((one for name, one in did.items() if name.endswith(".disconnect")), None)
        rows.append(_row(view, one))
    return rows


def _row(view: HandlerView, one: HandlerActivity | None) -> HandlerRow:
    if one is None:
        return HandlerRow(view, 0, None)
    return HandlerRow(view, one.count, one.quantile(0.95) * 1_000)
