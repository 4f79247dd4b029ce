"""The answers of a replay held against those of its recording.

Owns the verdicts. Which answer stands for which is found by their contents, so that one
that is missing does not make all later ones different. Runs nothing. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias

from console.exports.record import Record
from console.volatile import Difference, Volatility

HEX_BYTES = 4_096
"""Of binary payloads that much is compared."""

Verdict: TypeAlias = Literal["equal", "differs", "missing", "extra"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an application sent.

    Attributes:
        type: of the event.
        payload: parsed if it is JSON, else text, or hex.
        position: of its entry in the recording; "" for one of a replay.
    """

    type: str
    payload: Any
    position: str = ""

    @classmethod
    def of(cls, record: Record) -> Answer:
        """Return what was recorded."""
        hex_ = record.data[:HEX_BYTES].hex(" ") if record.data is not None else ""
        return cls.read(record.view.type, record.text, hex_, record.view.position)

    @classmethod
    def read(cls, type_: str, text: str, hex_: str = "", position: str = "") -> Answer:
        """Return what an event says: its text, read as JSON if it is, or its bytes in hex."""
        if hex_:
            return cls(type_, f"<{hex_}>", position)
        try:
            payload = json.loads(text) if text else None
        except (ValueError, RecursionError):
            payload = text
        return cls(type_, payload, position)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One answer that was expected, or came, or both.

    Attributes:
        position: of the recorded answer; "" for one that is extra.
        came: the answer of the replay; None for one that is missing.
    """

    verdict: Verdict
    position: str
    came: Answer | None
    differences: tuple[Difference, ...] = ()


def compare(
    expected: Sequence[Answer], came: Sequence[Answer], volatility: Volatility
) -> list[Comparison]:
    """Return a verdict on each answer, in the order of both."""
    prints = [_print(one, volatility) for one in expected]
    others = [_print(one, volatility) for one in came]
    matcher = SequenceMatcher(None, prints, others, autojunk=False)
    found: list[Comparison] = []
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            found += [
                Comparison("equal", expected[a + n].position, came[b + n]) for n in range(a_end - a)
            ]
        else:
            found += _pairs(expected[a:a_end], came[b:b_end], volatility)
    return found


def _pairs(
    expected: Sequence[Answer], came: Sequence[Answer], volatility: Volatility
) -> list[Comparison]:
    """Return verdicts where nothing is equal: what has the same shape stands side by side."""
    shapes = [_shape(one) for one in expected]
    matcher = SequenceMatcher(None, shapes, [_shape(one) for one in came], autojunk=False)
    found: list[Comparison] = []
    for _, a, a_end, b, b_end in matcher.get_opcodes():
        found += _beside(expected[a:a_end], came[b:b_end], volatility)
    return found


def _beside(
    expected: Sequence[Answer], came: Sequence[Answer], volatility: Volatility
) -> list[Comparison]:
    """Return verdicts on answers in the order in which they stand, and on what is left over."""
    both = min(len(expected), len(came))
    found = []
    for one, other in zip(expected[:both], came[:both], strict=True):
        if one.type != other.type:
            differences = [Difference("type", one.type, other.type)]
        else:
            differences = volatility.differences(one.payload, other.payload)
        verdict: Verdict = "differs" if differences else "equal"
        found.append(Comparison(verdict, one.position, other, tuple(differences)))
    found += [Comparison("missing", one.position, None) for one in expected[both:]]
    return found + [Comparison("extra", "", other) for other in came[both:]]


def _shape(answer: Answer) -> str:
    """Return what kind of answer it is: its type, its keys, and the type that it names itself."""
    payload = answer.payload
    keys = sorted(map(str, payload)) if isinstance(payload, dict) else type(payload).__name__
    named = payload.get("type") if isinstance(payload, dict) else None
    return json.dumps([answer.type, keys, named], default=str)


def _print(answer: Answer, volatility: Volatility) -> str:
    masked = volatility.masked(answer.payload)
    return json.dumps([answer.type, masked], sort_keys=True, default=str)
