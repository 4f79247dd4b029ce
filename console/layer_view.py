"""What waits in the channel layers of the project: named channels, acknowledged jobs, dead letters.

Owns the asking of the layers, which is bounded in time and in what comes back, and the redaction
of what is shown. A layer is shared by all processes, so whoever is asked says the same; one in
memory says what its own process has. Called by the room Workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings

from console.conf import settings
from console.redact import Hook, Redactor
from console.routes import tree
from runtime.layers import get_channel_layer
from runtime.layers.acknowledged import JobCounts
from runtime.routing import get_default_application
from runtime.taps import muted

if TYPE_CHECKING:
    from runtime.layers.acknowledged import DeadLetter, RetryPolicy

ANSWER_S = 2.0
MOST_CHANNELS = 100
MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One named channel.

    Attributes:
        depth: messages that wait, for whoever receives them.
        capacity: how many it holds; 0 if the layer does not say.
        counts: of an acknowledged channel, where its jobs stand; None for any other.
        attempts: how often a job of it is tried.
    """

    alias: str
    name: str
    depth: int
    capacity: int
    counts: JobCounts | None = None
    attempts: int = 0

    @property
    def is_nearly_full(self) -> bool:
        """Whether four fifths of its room are taken."""
        return 0 < self.capacity <= self.depth * 1.25


@dataclass(frozen=True, slots=True)
class LayerView:
    """One layer of CHANNEL_LAYERS.

    Attributes:
        kind: the name of its class.
        expiry_s: after how long a message that nobody took is dropped; None if it does not say.
        error: why its channels are not known, as a sentence; else "".
    """

    alias: str
    kind: str
    expiry_s: float | None
    channels: tuple[ChannelView, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class LetterView:
    """One dead letter, redacted.

    Attributes:
        type: of its message; `preview` is one line of the message, `body` the whole.
        died_at: when it failed for the last time, in seconds since the Unix epoch.
    """

    id: str
    type: str
    preview: str
    body: str
    error: str
    attempt: int
    died_at: float


async def read_layers(known: Mapping[str, Iterable[str]]) -> list[LayerView]:
    """Return what the project's layers hold.

    Args:
        known: names of channels by the alias of their layer, which are listed even if empty.
    """
    aliases = list(getattr(django_settings, "CHANNEL_LAYERS", None) or {})
    return list(
        await asyncio.gather(*(_read(alias, set(known.get(alias, ()))) for alias in aliases))
    )


async def read_letters(alias: str, channel: str) -> list[LetterView]:
    """Return the newest dead letters of a channel, the latest first.

    Raises:
        LookupError: there is no such layer, or it keeps none.
    """
    layer = acknowledging(alias, channel)
    with muted():
        async with asyncio.timeout(ANSWER_S):
            letters = await layer.dead_letters(channel)
    redactor = Redactor(settings.REDACT)
    hook: Hook | None = getattr(consumers_of_channels().get(channel), "channelscope_redact", None)
    return [_letter(one, redactor, hook) for one in reversed(letters[-MOST_LETTERS:])]


def consumers_of_channels() -> dict[str, Any]:
    """Return the channels that the application has consumers for, with each one's class.

    A channel whose application is no consumer of ours has None.
    """
    try:
        root = tree(get_default_application())
    except Exception:  # the project's own code; without it there are the channels that are used
        return {}
    found: dict[str, Any] = {}
    nodes = [root]
    while nodes:
        node = nodes.pop()
        nodes += node.children
        if node.kind == "channels":
            found |= {
                child.label: getattr(child.application, "consumer_class", None)
                for child in node.children
            }
    return found


def acknowledging(alias: str, channel: str) -> Any:
    """Return the layer that acknowledges the jobs of a channel. Raises LookupError if none does."""
    try:
        layer = get_channel_layer(alias)
    except KeyError:
        layer = None
    if layer is None or _policy_of(layer, channel) is None:
        raise LookupError(f"The layer {alias!r} does not acknowledge the channel {channel!r}.")
    return layer


async def _read(alias: str, names: set[str]) -> LayerView:
    layer = get_channel_layer(alias)
    kind, expiry_s = type(layer).__name__, getattr(layer, "expiry", None)
    try:
        with muted():
            async with asyncio.timeout(ANSWER_S):
                channels = await _channels(alias, layer, names)
    except TimeoutError:
        return LayerView(alias, kind, expiry_s, error=f"It did not answer within {ANSWER_S:g} s.")
    except Exception as error:
        return LayerView(alias, kind, expiry_s, error=f"{type(error).__name__}: {error}"[:200])
    return LayerView(alias, kind, expiry_s, channels)


async def _channels(alias: str, layer: Any, names: set[str]) -> tuple[ChannelView, ...]:
    depths: Mapping[str, int] = {}
    if hasattr(layer, "channel_depths"):
        depths = await layer.channel_depths()
    # One with a "!" is a consumer's own: its mailbox is the connection's.
    found = sorted({*names, *(name for name in depths if "!" not in name)})[:MOST_CHANNELS]
    return tuple([await _channel(alias, layer, name, depths.get(name, 0)) for name in found])


async def _channel(alias: str, layer: Any, name: str, depth: int) -> ChannelView:
    capacity = layer.get_capacity(name) if hasattr(layer, "get_capacity") else 0
    policy = _policy_of(layer, name)
    if policy is None:
        return ChannelView(alias, name, depth, capacity)
    counts = await layer.job_counts(name) if hasattr(layer, "job_counts") else JobCounts(depth)
    return ChannelView(alias, name, depth, capacity, counts, policy.attempts)


def _policy_of(layer: Any, channel: str) -> RetryPolicy | None:
    if not hasattr(layer, "retry_policy"):
        return None
    policy: RetryPolicy | None = layer.retry_policy(channel)
    return policy


def _letter(letter: DeadLetter, redactor: Redactor, hook: Hook | None) -> LetterView:
    message = letter.job.message
    shown = redactor.payload(message, direction="layer", hook=hook)
    body = shown.text or ""
    return LetterView(
        id=letter.job.id,
        type=redactor.text(str(message.get("type", ""))),
        preview=" ".join(body[: settings.PREVIEW_CHARS].split()),
        body=body[: settings.PAYLOAD_BYTES],
        error=redactor.text(letter.error),
        attempt=letter.job.attempt,
        died_at=letter.died_at,
    )
