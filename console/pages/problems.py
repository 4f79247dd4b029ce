"""What is wrong in the application or around it, each with where it can be looked at.

Owns what counts as a problem, how the same one seen again is counted and not listed again, and
where each leads. Read by the Overview. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlencode

from console.activity import Activity, handlers_of
from console.pages.overview_figures import LAGGING_S, SLOW_S
from console.templatetags.channelscope import seconds, took

if TYPE_CHECKING:
    from console.entry_view import EntryView
    from console.process import ProcessStatus

Tone: TypeAlias = Literal["error", "warn", "info"]

TRAFFIC = "channelscope:traffic"
MOST = 40
MOST_MISSED = 5
FEWEST_RUNS = 5
"""A handler that has run less often is not called slow."""

DROPS: Mapping[str, str] = {
    "capacity": "No room: its channel or mailbox was full",
    "expired": "Nobody took it in time",
    "no handler": "Its consumer has no handler for it",
    "slow client": "Its client does not read what it is sent",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        id: the same as long as it is the same problem.
        view, subject, query: the page where it can be looked at, as Django names it.
        at: when it was last so; None for what is so now, and for what is only counted.
        count: how often it was seen; 0 for what is not counted.
    """

    id: str
    tone: Tone
    title: str
    sentence: str
    view: str
    query: str = ""
    subject: str = ""
    at: float | None = None
    count: int = 0


def problems(
    entries: Iterable[EntryView],
    activities: Sequence[Activity],
    statuses: Sequence[ProcessStatus],
    *,
    lag_s: Mapping[str, float],
    limits: Sequence[str],
) -> list[Problem]:
    """Return what is wrong: first what is so now, then what has happened, the latest first.

    Args:
        entries: of errors and drops, oldest first.
        lag_s: how late the event loop of each process was, by its name.
        limits: why not all processes can be seen, a sentence each.
    """
    standing = [
        *_processes(statuses, lag_s),
        *_limits(limits),
        *_mailboxes(activities),
        *_slow(activities),
    ]
    happened = sorted(_seen(entries), key=lambda one: one.at or 0.0, reverse=True)
    return [*standing, *happened, *_missed(activities)][:MOST]


def _processes(statuses: Sequence[ProcessStatus], lag_s: Mapping[str, float]) -> list[Problem]:
    found = []
    for status in statuses:
        name = status.process.name
        query = urlencode({"process": name})
        if status.is_stale:
            sentence = f"Nothing heard for {seconds(status.silent_s)}"
            found.append(
                _at_overview(f"stale-{name}", f"{name} stopped reporting", sentence, query)
            )
        elif lag_s.get(name, 0.0) >= LAGGING_S:
            late = took(lag_s[name] * 1_000)
            sentence = f"Its event loop was {late} late: something blocks it"
            found.append(_at_overview(f"lag-{name}", f"{name} is busy", sentence, query))
    return found


def _at_overview(name: str, title: str, sentence: str, query: str) -> Problem:
    return Problem(name, "warn", title, sentence, "channelscope:overview", query)


def _limits(limits: Sequence[str]) -> list[Problem]:
    return [
        Problem(
            f"limit-{number}",
            "info",
            "Not all processes are seen",
            limit,
            "channelscope:settings",
        )
        for number, limit in enumerate(limits)
    ]


def _mailboxes(activities: Sequence[Activity]) -> list[Problem]:
    return [
        Problem(
            f"mailbox-{one.id}",
            "warn",
            f"{one.consumer or one.path} falls behind",
            f"{one.waiting} messages wait for it",
            "channelscope:connection",
            subject=one.id,
        )
        for activity in activities
        for one in activity.deepest
    ]


def _slow(activities: Sequence[Activity]) -> list[Problem]:
    found = []
    for handler in handlers_of(activities):
        p95_s = handler.quantile(0.95)
        if handler.count < FEWEST_RUNS or p95_s < SLOW_S:
            continue
        slowest = took(handler.max_s * 1_000)
        found.append(
            Problem(
                f"slow-{handler.consumer}-{handler.handler}",
                "info",
                f"{handler.consumer}.{handler.handler.replace('.', '_')}",
                f"Slow: p95 {took(p95_s * 1_000)}, longest {slowest}",
                "channelscope:traffic",
                urlencode({"q": f"consumer:{handler.consumer} dir:handler took:>50ms"}),
            )
        )
    return found


def _seen(entries: Iterable[EntryView]) -> list[Problem]:
    """Return errors and drops, those that say the same as one, with the latest to look at."""
    found: dict[tuple[str, str, str, str], tuple[EntryView, int]] = {}
    for entry in entries:
        if entry.type == "route":  # counted by its path, which outlives the ring
            continue
        said = _reason(entry) if entry.kind == "drop" else entry.preview
        key = (entry.kind, entry.type, said, entry.path or entry.channel)
        found[key] = entry, found[key][1] + 1 if key in found else 1
    return [_of_entry(entry, count) for entry, count in found.values()]


def _of_entry(entry: EntryView, count: int) -> Problem:
    query = urlencode({"q": "dir:error", "message": entry.position})
    at = f"seen-{entry.position}"
    if entry.kind == "drop":
        title = f"{entry.path or entry.channel or entry.group} lost {entry.type or 'a message'}"
        sentence = DROPS.get(_reason(entry), "It did not reach its receiver")
        return Problem(at, "warn", title, sentence, TRAFFIC, query, "", entry.at, count)
    title = f"{entry.type} on {entry.path}" if entry.path else entry.type
    sentence = _short(entry.preview) or f"{entry.type} failed"
    return Problem(at, "error", title, sentence, TRAFFIC, query, "", entry.at, count)


def _short(sentence: str) -> str:
    """Return what failed without the module of its class, which hides the rest of the line."""
    name, colon, words = sentence.partition(":")
    return f"{name.rpartition('.')[2]}{colon}{words}" if name.isprintable() else sentence


def _reason(entry: EntryView) -> str:
    return next((reason for reason in DROPS if entry.preview.startswith(reason)), "")


def _missed(activities: Sequence[Activity]) -> list[Problem]:
    counts: dict[str, int] = {}
    for activity in activities:
        for path, count in activity.missed.items():
            counts[path] = counts.get(path, 0) + count
    most = sorted(counts.items(), key=lambda one: -one[1])[:MOST_MISSED]
    return [
        Problem(
            f"missed-{path}",
            "warn",
            path,
            "No route takes the path",
            "channelscope:routing",
            urlencode({"path": path}),
            count=count,
        )
        for path, count in most
    ]
