"""Reads what this process did in the last 10 minutes, for its own Overview and for others'.

Owns the reading alone. What takes longest, the percentiles of many handlers, is cut in slices
between which the application's events get through. Used by the relay, and by what answers one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from console.activity import (
    MOST_CONSUMERS,
    MOST_DEEP,
    MOST_HANDLERS,
    MOST_WORK,
    RECENT,
    Activity,
    ChannelWork,
    ConsumerActivity,
    DeepMailbox,
    HandlerActivity,
    Steps,
    merged,
)
from console.handlers import STEP_S, STEPS, HandlerStats, Step
from console.latency import sparse
from console.slices import in_slices
from runtime.layers import channel_layers
from runtime.worker import workers

if TYPE_CHECKING:
    from console.reader import Reader
    from console.state import State

DEEP = 5
"""Messages that wait for one connection before it is worth a word."""


NAP_S = 0.005
"""Long enough for whatever is due meanwhile to get in the way."""


async def read_activity(reader: Reader, steps: int = STEPS) -> Activity:
    """Return what this process did.

    Args:
        steps: of how many of the last steps it is wanted what happened in each.
    """
    recorder = reader.recorder
    now, state, lock = recorder.clock(), recorder.state, recorder.lock
    steps = max(1, min(steps, STEPS))
    newest = int(now / STEP_S)
    busiest: list[HandlerActivity] = []
    durations: dict[int, list[tuple[int, ...]]] = {}

    def look(stats: HandlerStats) -> None:
        busiest.append(_handler(stats, newest, now))
        for number, step in stats.recent(now, steps).items():
            durations.setdefault(number, []).append(sparse(step.buckets))

    lag_s = await loop_lag()
    with lock:
        handlers = _busiest(state, now)
    await in_slices(handlers, look, lock)
    with lock:
        return Activity(
            newest=newest,
            running_s=now - newest * STEP_S,
            totals=reader.totals(),
            has_opened=state.tally.totals["open"] > 0,
            loop_lag_s=lag_s,
            steps=_steps(state, now, steps, newest, durations),
            handlers=tuple(busiest),
            consumers=_consumers(state),
            drops={str(reason): count for reason, count in state.drops.items() if count},
            missed=dict(reader.missed_paths()),
            deepest=_deepest(reader),
            work=_work(state, now),
        )


async def loop_lag() -> float:
    """Return how much longer than asked for the event loop let its caller sleep, in seconds."""
    loop = asyncio.get_running_loop()
    due_at = loop.time() + NAP_S
    await asyncio.sleep(NAP_S)
    return max(loop.time() - due_at, 0.0)


def _steps(
    state: State, now: float, steps: int, newest: int, durations: dict[int, list[tuple[int, ...]]]
) -> Steps:
    read = state.tally.series
    sent = [
        one + many for one, many in zip(read("send", now), read("group_send", now), strict=True)
    ]
    wanted = range(newest - steps + 1, newest + 1)
    return Steps(
        opened=tuple(read("open", now)[-steps:]),
        closed=tuple(read("close", now)[-steps:]),
        inbound=tuple(read("in", now)[-steps:]),
        outbound=tuple(read("out", now)[-steps:]),
        sent=tuple(sent[-steps:]),
        delivered=tuple(read("deliver", now)[-steps:]),
        dropped=tuple(read("drop", now)[-steps:]),
        errors=tuple(read("error", now)[-steps:]),
        durations=tuple(sparse(merged(durations.get(number, ()))) for number in wanted),
    )


def _busiest(state: State, now: float) -> list[HandlerStats]:
    """Return the handlers that ran most in the last 10 minutes."""
    counts = [(sum(step.count for step in one.recent(now).values()), one) for one in state.handlers]
    busiest = sorted((pair for pair in counts if pair[0]), key=lambda pair: -pair[0])
    return [one for _, one in busiest[:MOST_HANDLERS]]


def _handler(stats: HandlerStats, newest: int, now: float) -> HandlerActivity:
    whole = stats.window(now)
    recent: dict[int, Step] = stats.recent(now, RECENT)
    wanted = range(newest - RECENT + 1, newest + 1)
    return HandlerActivity(
        consumer=stats.consumer,
        handler=stats.handler,
        count=whole.count,
        errors=whole.errors,
        max_s=whole.max_s,
        max_waited_s=whole.max_waited_s,
        buckets=sparse(whole.buckets),
        recent=tuple(recent[number].count if number in recent else 0 for number in wanted),
    )


def _consumers(state: State) -> tuple[ConsumerActivity, ...]:
    return tuple(
        ConsumerActivity(
            consumer.__name__ if consumer is not None else "",
            consumer.__module__ if consumer is not None else "",
            protocol,
            count,
        )
        for (consumer, protocol), count in state.count_by_consumer().most_common(MOST_CONSUMERS)
    )


def _deepest(reader: Reader) -> tuple[DeepMailbox, ...]:
    found = []
    for known in reader.recorder.state.deepest(MOST_DEEP):
        if len(known.pending) >= DEEP:
            view = reader.view_of(known)
            found.append(DeepMailbox(view.id, view.path, view.consumer, len(known.pending)))
    return tuple(found)


def _work(state: State, now: float) -> tuple[ChannelWork, ...]:
    done = _jobs_by_channel(state, now)
    return tuple(
        ChannelWork(
            channel=one.channel,
            alias=_alias_of(worker.channel_layer),
            concurrency=one.concurrency,
            running=one.running,
            waiting=one.waiting,
            done_last_minute=done[one.channel],
            is_acknowledged=one.is_acknowledged,
        )
        for worker in workers()
        for one in worker.served()
    )[:MOST_WORK]


def _jobs_by_channel(state: State, now: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    for known in state:
        if known.protocol == "channel":
            counts[known.path] += sum(known.activity(now))
    return counts


def _alias_of(layer: Any) -> str:
    """Return what the project calls a layer; "" for one that is none of CHANNEL_LAYERS."""
    return next((alias for alias, one in channel_layers.backends.items() if one is layer), "")
