"""The recordings in the project's database: begun, added to, ended, read, removed.

Owns their bounds and their room: the oldest go first when all together are too large. What
is kept is redacted already. Takes no entry itself; that is `taking`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from console import plain
from console.connection_view import ConnectionView
from console.exports.record import Record
from console.models import Recording, RecordingStep
from console.recorded import Recorded
from runtime.db import database_sync_to_async

logger = logging.getLogger("console.recordings")

MOST_STEPS = 5_000
MOST_BYTES = 5_000_000
MOST_S = 600.0
ROOM_BYTES = 64_000_000
LISTED = 200
SILENT_S = 10.0
"""A recorder that was not heard of for so long has ended with its process."""

OVERHEAD_BYTES = 500


class Unrecorded(ValueError):
    """What was asked of a recording cannot be done; its text says why."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One recording, without its steps.

    Attributes:
        state: "running", "ended", or "interrupted" if its process went without saying so.
        views: the connections that are in it, by their ids.
    """

    number: int
    name: str
    subject: str
    of: str
    by: str
    process: str
    began_at: datetime
    length_s: float
    state: str
    end_reason: str
    step_count: int
    size_bytes: int
    missed: int
    volatile: tuple[str, ...]
    views: Mapping[str, ConnectionView]


async def listed() -> list[Summary]:
    """Return the recordings, newest first; none without the table."""
    return await database_sync_to_async(_listed)()


async def running() -> list[tuple[int, str]]:
    """Return the numbers and names of those that run, in whichever process."""
    return await database_sync_to_async(_running)()


async def summary(number: int) -> Summary:
    """Return one recording. Raises LookupError if it is not kept."""
    return await database_sync_to_async(_summary)(number)


async def recorded(number: int) -> Recorded:
    """Return what a recording holds. Raises LookupError if it is not kept."""
    return await database_sync_to_async(_recorded)(number)


async def begin(viewer: Any, name: str, subject: str, of: str, process: str) -> int:
    """Begin a recording and return its number. Raises Unrecorded."""
    return await database_sync_to_async(_begin)(viewer, name.strip(), subject, of, process)


async def add(
    number: int, records: Sequence[Record], views: Mapping[str, ConnectionView], missed: int
) -> str:
    """Keep what was taken.

    Returns: why the recording shall end now, as a sentence; "" if it goes on.
    """
    return await database_sync_to_async(_add)(number, records, views, missed)


async def end(number: int, why: str) -> None:
    """Say that a recording has ended."""
    await database_sync_to_async(_end)(number, why)


async def ask_to_end(number: int) -> None:
    """Tell whoever takes it, in whichever process, to end."""
    await database_sync_to_async(_ask_to_end)(number)


async def rename(number: int, name: str) -> None:
    """Give a recording another name. Raises Unrecorded, LookupError."""
    await database_sync_to_async(_change)(number, name=_named(name))


async def mark_volatile(number: int, names: Sequence[str]) -> None:
    """Say which values no replay compares. Raises LookupError."""
    kept = list(dict.fromkeys(name for name in names if name))[:50]
    await database_sync_to_async(_change)(number, volatile=kept)


async def remove(number: int) -> None:
    """Keep a recording no longer."""
    await database_sync_to_async(_remove)(number)


def _listed() -> list[Summary]:
    try:
        rows = list(Recording.objects.select_related("made_by")[:LISTED])
    except DatabaseError as error:
        logger.warning("Recordings cannot be read: %s. Has `migrate` been run?", error)
        return []
    return [_summary_of(row) for row in rows]


def _running() -> list[tuple[int, str]]:
    heard_since = timezone.now() - timedelta(seconds=SILENT_S)
    rows = Recording.objects.filter(ended_at=None, heard_at__gte=heard_since)
    try:
        return list(rows.values_list("pk", "name")[:LISTED])
    except DatabaseError:
        return []  # without the table nothing runs; the room says why


def _summary(number: int) -> Summary:
    row = Recording.objects.select_related("made_by").filter(pk=number).first()
    if row is None:
        raise LookupError(number)
    return _summary_of(row)


def _summary_of(row: Recording) -> Summary:
    is_heard = timezone.now() - row.heard_at < timedelta(seconds=SILENT_S)
    state = "ended" if row.ended_at else "running" if is_heard else "interrupted"
    until = row.ended_at or row.heard_at
    return Summary(
        number=row.pk,
        name=row.name,
        subject=row.subject,
        of=row.of,
        by=row.made_by.get_username() if row.made_by is not None else "",
        process=row.process,
        began_at=row.began_at,
        length_s=max((until - row.began_at).total_seconds(), 0.0),
        state=state,
        end_reason=row.end_reason,
        step_count=row.step_count,
        size_bytes=row.size_bytes,
        missed=row.missed,
        volatile=tuple(map(str, row.volatile)),
        views=_views_of(row),
    )


def _views_of(row: Recording) -> dict[str, ConnectionView]:
    return {
        str(one): plain.from_plain(ConnectionView, kept) for one, kept in row.connections.items()
    }


def _recorded(number: int) -> Recorded:
    row = Recording.objects.filter(pk=number).first()
    if row is None:
        raise LookupError(number)
    steps = row.steps.values_list("record", flat=True)
    records = tuple(plain.from_plain(Record, step) for step in steps)
    return Recorded(row.name, _views_of(row), records, frozenset(map(str, row.volatile)))


def _begin(viewer: Any, name: str, subject: str, of: str, process: str) -> int:
    if subject not in dict(Recording.SUBJECTS):
        raise Unrecorded(f"Expected one of {', '.join(dict(Recording.SUBJECTS))}, got {subject!r}.")
    row = Recording.objects.create(
        name=_named(name),
        subject=subject,
        of=of,
        made_by=viewer,
        process=process,
        heard_at=timezone.now(),
    )
    return int(row.pk)


def _named(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise Unrecorded(f"A name has 1 to 80 characters, not {len(name)}.")
    return name


@transaction.atomic
def _add(
    number: int, records: Sequence[Record], views: Mapping[str, ConnectionView], missed: int
) -> str:
    row = Recording.objects.select_for_update().filter(pk=number).first()
    if row is None or row.should_end:
        return "It was stopped."
    fitting, size, why = _fitting(row, records)
    RecordingStep.objects.bulk_create(
        RecordingStep(recording=row, at=one.view.at, kind=one.view.kind, record=plain.to_plain(one))
        for one in fitting
    )
    row.connections |= {one: plain.to_plain(view) for one, view in views.items()}
    row.step_count += len(fitting)
    row.size_bytes += size
    row.missed += missed + len(records) - len(fitting)
    row.heard_at = timezone.now()
    row.save()
    _make_room(row)
    age_s = (row.heard_at - row.began_at).total_seconds()
    return why or (f"It was {MOST_S:g} s long." if age_s > MOST_S else "")


def _fitting(row: Recording, records: Sequence[Record]) -> tuple[list[Record], int, str]:
    """Return the first records for which there is room, their size, and what is full."""
    fitting: list[Record] = []
    size = 0
    for one in records:
        if row.step_count + len(fitting) >= MOST_STEPS:
            return fitting, size, f"It has {MOST_STEPS} steps."
        if row.size_bytes + size >= MOST_BYTES:
            return fitting, size, f"It has {MOST_BYTES // 1_000_000} MB."
        size += OVERHEAD_BYTES + len(one.text) + len(one.data or b"")
        fitting.append(one)
    return fitting, size, ""


def _make_room(kept: Recording) -> None:
    """Remove the oldest recordings until all that are left fit."""
    total = Recording.objects.aggregate(total=Sum("size_bytes"))["total"] or 0
    others = Recording.objects.exclude(pk=kept.pk).exclude(ended_at=None).order_by("began_at")
    for oldest in others if total > ROOM_BYTES else ():
        if total <= ROOM_BYTES:
            break
        total -= oldest.size_bytes
        oldest.delete()


def _end(number: int, why: str) -> None:
    now = timezone.now()
    Recording.objects.filter(pk=number, ended_at=None).update(
        ended_at=now, heard_at=now, end_reason=why[:200]
    )


def _ask_to_end(number: int) -> None:
    Recording.objects.filter(pk=number).update(should_end=True)
    silent_since = timezone.now() - timedelta(seconds=SILENT_S)
    Recording.objects.filter(pk=number, ended_at=None, heard_at__lt=silent_since).update(
        ended_at=F("heard_at"), end_reason="Its process ended."
    )


def _change(number: int, **fields: Any) -> None:
    if not Recording.objects.filter(pk=number).update(**fields):
        raise LookupError(number)


def _remove(number: int) -> None:
    Recording.objects.filter(pk=number).delete()
