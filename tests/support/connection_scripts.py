"""Scripts of what happens to one connection, for tests of what holds whatever happens.

A script says: the client and the layer say something, a handler waits, fails, closes or
stops, the client leaves, the server cancels. `perform()` lets it happen on the running
loop, and the story tells which handlers began, in which order, and what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import strategies as st

from runtime.consumer import AsyncConsumer
from runtime.exceptions import StopConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.layers import InMemoryChannelLayer, channel_layers
from runtime.routing import ProtocolTypeRouter
from tests.support.observing import observed

Source = Literal["client", "layer"]
Deed = Literal["nothing", "send", "wait", "fail", "stop", "close"]

FATAL = {"fail", "stop"}
ALONE = {"connect", "disconnect"}
CLIENT_LEFT = 4321
TURNS = 3
HANG_S = 30


@dataclass(frozen=True)
class Says:
    """The client or the layer says something, at which the handler does `deed`."""

    source: Source
    deed: Deed


@dataclass(frozen=True)
class Turns:
    """The loop goes round `count` times."""

    count: int


@dataclass(frozen=True)
class Leaves:
    """The client goes away."""


@dataclass(frozen=True)
class Cancelled:
    """The server gives up on the application."""


Step = Says | Turns | Leaves | Cancelled


@dataclass(frozen=True)
class Script:
    connect: Deed
    disconnect: Deed
    steps: tuple[Step, ...]
    is_observed: bool = False
    is_layer_read: bool = False
    """Whether the layer can only be read from, as one of a third party may be."""
    is_slow: bool = False
    """Whether there is a wait, for a database or a layer, on the way to each handler."""


@dataclass
class Story:
    """What happened: what was said, which handlers began, and what was sent."""

    script: Script
    is_sync: bool
    said: dict[str, list[int]] = field(default_factory=lambda: {"client": [], "layer": []})
    said_before_leaving: dict[str, list[int]] | None = None
    is_cancelled: bool = False
    is_ending: bool = False
    """Whether the application has to end of its own accord, though the client stays."""
    handled: list[tuple[str, int]] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    goodbyes: list[int | None] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    channel: str | None = None
    running: list[str] = field(default_factory=list)
    most_running: int = 0
    company: list[tuple[str, ...]] = field(default_factory=list)
    """Handlers that ran beside one that has to run alone."""

    @contextmanager
    def handling(self, source: str, number: int, deed: Deed) -> Iterator[Deed]:
        self.handled.append((source, number))
        self.deeds.append(deed)
        self.running.append(source)
        self.most_running = max(self.most_running, len(self.running))
        if len(self.running) > 1 and ALONE & set(self.running):
            self.company.append(tuple(self.running))
        try:
            yield deed
            self.finished.append(source)
        finally:
            self.running.remove(source)

    def handled_of(self, source: Source) -> list[int]:
        return [number for one, number in self.handled if one == source]


def read(text: str | None) -> tuple[int, Any]:
    assert text is not None
    number, deed = text.split()
    return int(number), deed


def end(deed: Deed) -> None:
    if deed == "fail":
        raise RuntimeError("the handler failed")
    if deed == "stop":
        raise StopConsumer


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


deeds = st.sampled_from(["nothing", "send", "wait", "close", "fail", "stop"])
mild_deeds = st.sampled_from(["nothing", "send", "wait", "close"])
chatter = st.one_of(
    st.builds(Says, st.sampled_from(["client", "layer"]), mild_deeds),
    st.builds(Turns, st.integers(1, 5)),
)
endings = st.one_of(
    st.builds(Turns, st.integers(1, 12)),
    st.builds(Says, st.sampled_from(["client", "layer"]), deeds),
    st.just(Leaves()),
    st.just(Cancelled()),
)
# What ends a connection comes late and close together: that is where the trouble is.
steps = st.tuples(st.lists(chatter, max_size=6), st.lists(endings, max_size=8)).map(
    lambda parts: (*parts[0], *parts[1])
)
scripts = st.builds(
    Script,
    connect=deeds,
    disconnect=deeds,
    steps=steps,
    is_observed=st.booleans(),
    is_layer_read=st.booleans(),
    is_slow=st.booleans(),
)


class AsyncActor(AsyncWebsocketConsumer):
    groups = ("everybody",)

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story

    async def dispatch(self, message: Any) -> None:
        if self.story.script.is_slow:
            await turns(TURNS)
        await super().dispatch(message)

    async def connect(self) -> None:
        self.story.channel = self.channel_name
        with self.story.handling("connect", 0, self.story.script.connect) as deed:
            await self.accept()
            await self.do(deed, 0)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        number, deed = read(text_data)
        with self.story.handling("client", number, deed):
            await self.do(deed, number)

    async def layer_message(self, message: dict[str, Any]) -> None:
        with self.story.handling("layer", message["number"], message["deed"]) as deed:
            await self.do(deed, message["number"])

    async def disconnect(self, code: int | None) -> None:
        self.story.goodbyes.append(code)
        with self.story.handling("disconnect", 0, self.story.script.disconnect) as deed:
            await self.do(deed, 0)

    async def do(self, deed: Deed, number: int) -> None:
        if deed == "wait":
            await turns(TURNS)
        elif deed == "send":
            await self.send(text_data=str(number))
        elif deed == "close":
            await self.close()
        else:
            end(deed)


class SlowLayer(InMemoryChannelLayer):
    """A layer that is elsewhere: each call takes turns of the loop."""

    async def group_add(self, group: str, channel: str) -> None:
        await turns(1)
        await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        await turns(1)
        await super().group_discard(group, channel)

    async def release_channel(self, channel: str) -> None:
        await super().release_channel(channel)
        await turns(TURNS)


class ReadLayer:
    """A layer that cannot push: it has what the contract asks for, and no more."""

    def __init__(self, layer: InMemoryChannelLayer) -> None:
        self._layer = layer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


async def perform(actor: type[AsyncConsumer], story: Story) -> asyncio.Task[None]:
    """Let what the script says happen to one connection; returns its ended task."""
    layer: Any = SlowLayer() if story.script.is_slow else InMemoryChannelLayer()
    layer = ReadLayer(layer) if story.script.is_layer_read else layer
    channel_layers.set("default", layer)
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(sent: Any) -> None:
        await asyncio.sleep(0)
        story.sent.append(sent)

    application = ProtocolTypeRouter({"websocket": actor.as_asgi(story=story)})
    scope = {"type": "websocket", "path": "/", "headers": []}
    task = asyncio.ensure_future(application(scope, inbox.get, send))
    inbox.put_nowait({"type": "websocket.connect"})
    for number, step in enumerate(story.script.steps):
        await take(step, number, story, task, inbox, layer)
    if not story.is_ending:
        leave(story, inbox)
    await asyncio.wait({task}, timeout=HANG_S)
    assert task.done(), "the connection hangs"
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert layer._sinks == {}
    if not (story.is_cancelled and story.script.is_layer_read):
        # Who only reads from a layer leaves a group by asking, and a cancellation cuts that short.
        assert layer.groups == {}
    return task


async def take(
    step: Step,
    number: int,
    story: Story,
    task: asyncio.Task[None],
    inbox: asyncio.Queue[dict[str, Any]],
    layer: Any,
) -> None:
    if isinstance(step, Turns):
        await turns(step.count)
    elif isinstance(step, Cancelled):
        story.is_cancelled = task.cancel() or story.is_cancelled
        story.is_ending = True
    elif isinstance(step, Leaves):
        leave(story, inbox)
    elif step.source == "client":
        inbox.put_nowait({"type": "websocket.receive", "text": f"{number} {step.deed}"})
        story.said["client"].append(number)
        story.is_ending |= step.deed in FATAL
    elif story.channel is not None:
        message = {"type": "layer.message", "number": number, "deed": step.deed}
        await layer.send(story.channel, message)
        story.said["layer"].append(number)
        story.is_ending |= step.deed in FATAL


def leave(story: Story, inbox: asyncio.Queue[dict[str, Any]]) -> None:
    inbox.put_nowait({"type": "websocket.disconnect", "code": CLIENT_LEFT})
    if story.said_before_leaving is None:
        story.said_before_leaving = {source: list(said) for source, said in story.said.items()}


def run(actor: type[AsyncConsumer], script: Script) -> None:
    """Let `script` happen on a loop of its own, and check its story."""
    story = Story(script, actor._sync, is_ending=script.connect in FATAL)
    asyncio.run(perform_observed(actor, story), debug=True)


async def perform_observed(actor: type[AsyncConsumer], story: Story) -> None:
    at_once = actor.max_concurrency
    if not story.script.is_observed:
        check(story, await perform(actor, story), at_once=at_once)
        return
    with observed() as notebook:
        check(story, await perform(actor, story), at_once=at_once)
    names = notebook.names()
    assert names.count("handler_started") == names.count("handler_finished")
    assert names.count("scope_opened") == names.count("scope_closed") <= 1


def check(story: Story, task: asyncio.Task[None], *, at_once: int = 1) -> None:
    """Assert what holds whatever has happened.

    Args:
        story: what has happened.
        task: the application's.
        at_once: how many handlers may have run beside each other.
    """
    assert story.most_running <= at_once, "too many handlers ran at once"
    assert not story.company, "connect() or disconnect() ran beside another handler"
    for source in ("client", "layer"):
        handled = story.handled_of(source)
        assert handled == story.said[source][: len(handled)], "out of order, or with a gap"
    check_goodbye(story)
    check_sent(story)
    check_outcome(story, task)


def check_goodbye(story: Story) -> None:
    began = [source for source, _ in story.handled]
    if "connect" not in began:
        assert story.is_cancelled  # on the way to it, where a goodbye is allowed and not owed
        assert began in ([], ["disconnect"])
        return
    assert began[0] == "connect"
    assert began.count("disconnect") == 1
    assert began[-1] == "disconnect"
    if story.is_sync and story.script.disconnect not in FATAL:  # a thread cannot be interrupted
        assert story.finished[-1] == "disconnect"


def check_sent(story: Story) -> None:
    said = [one["text"] for one in story.sent if one["type"] == "websocket.send"]
    numbers = [
        str(number)
        for (_, number), deed in zip(story.handled, story.deeds, strict=True)
        if deed == "send"
    ]
    assert said == numbers[: len(said)]
    kinds = [one["type"] for one in story.sent]
    if "websocket.close" in kinds:
        assert kinds.index("websocket.close") == len(kinds) - 1


def check_outcome(story: Story, task: asyncio.Task[None]) -> None:
    ended_itself = FATAL & set(story.deeds) or CLIENT_LEFT in story.goodbyes
    if task.cancelled():
        assert story.is_cancelled
    elif (error := task.exception()) is not None:
        assert "fail" in story.deeds, error
        assert isinstance(error, RuntimeError)
    else:
        assert ended_itself
        if not FATAL & set(story.deeds[:-1]):
            assert story.goodbyes == [CLIENT_LEFT]
            before = story.said_before_leaving
            assert before is not None
            for source in ("client",) if story.script.is_layer_read else ("client", "layer"):
                assert story.handled_of(source)[: len(before[source])] == before[source]
