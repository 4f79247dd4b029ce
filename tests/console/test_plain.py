from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from console.connection_view import ConnectionView
from console.entry_view import EntryDetail, EntryView
from console.plain import MalformedValue, from_plain, to_plain
from console.relay_protocol import dumps
from tests.console.recording import Recording


@dataclass(frozen=True, slots=True)
class Inner:
    id: str


@dataclass(frozen=True, slots=True)
class Outer:
    epoch: str
    count: int
    at: float
    kind: Literal["a", "b"]
    pair: tuple[str, int]
    inner: tuple[Inner, ...]
    perhaps: int | None = None
    facts: dict[str, int] = field(default_factory=dict)


GOOD: dict[str, Any] = {
    "epoch": "e1",
    "count": 1,
    "at": 2,
    "kind": "a",
    "pair": ["x", 3],
    "inner": [{"id": "i"}],
}


def test_a_value_comes_back_as_it_was() -> None:
    value = from_plain(Outer, GOOD)
    assert value == Outer("e1", 1, 2.0, "a", ("x", 3), (Inner("i"),))
    assert from_plain(Outer, json.loads(json.dumps(to_plain(value)))) == value


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert from_plain(Outer, {**GOOD, "later": 1}) == from_plain(Outer, GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epoch", "<script>"),
        ("epoch", "x" * 65),
        ("epoch", None),
        ("count", True),
        ("count", 1.5),
        ("count", 2**60),
        ("at", float("inf")),
        ("at", 1e300),
        ("at", "1"),
        ("kind", "c"),
        ("kind", ["a"]),
        ("pair", ["x"]),
        ("pair", "x3"),
        ("inner", [{"id": "a b"}]),
        ("inner", {"id": "a"}),
        ("inner", [[]] * 30_000),
        ("perhaps", "1"),
        ("facts", {"a": "b"}),
    ],
)
def test_what_has_another_shape_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(MalformedValue) as caught:
        from_plain(Outer, {**GOOD, name: value})
    assert caught.value.where.startswith(("Outer.", "Inner."))


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(MalformedValue, match=r"Outer\.kind"):
        from_plain(Outer, {key: value for key, value in GOOD.items() if key != "kind"})


async def test_everything_that_a_page_shows_can_be_said() -> None:
    recording = Recording()
    connection = recording.open(client=["::1", 9], query_string=b"a=1")
    recording.start(connection, channel="specific!a")
    recording.receive(connection, bytes=bytes(range(256)))
    view = await recording.relay.connection(connection.id)
    detail = await recording.relay.entry(recording.relay.reader.position[0], 1)
    for kind, value in ((ConnectionView, view), (EntryView, detail.view), (EntryDetail, detail)):
        assert from_plain(kind, json.loads(dumps(to_plain(value)))) == value


def test_bytes_go_as_base64_and_nothing_else_is_taken_for_them():
    @dataclass(frozen=True, slots=True)
    class Framed:
        data: bytes | None = None

    for data in (b"\x00\xff", b"", None):
        assert from_plain(Framed, to_plain(Framed(data))) == Framed(data)
    for malformed in ("?", 7, ["AA=="]):
        with pytest.raises(MalformedValue):
            from_plain(Framed, {"data": malformed})
