from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import urlparse

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.security.websocket import (
    AllowedHostsOriginValidator,
    OriginValidator,
    WebsocketDenier,
)
from runtime.testing import HttpCommunicator, WebsocketCommunicator

application = AsyncWebsocketConsumer.as_asgi()

MALFORMED = [
    b"http://[::1",
    b"http://a:99999",
    b"http://a:b",
    b"http://[not-ip]",
    b"http://a:-1",
]


async def connects(validator: OriginValidator, *origins: bytes) -> bool:
    headers = [(b"host", b"testserver"), *((b"origin", origin) for origin in origins)]
    communicator = WebsocketCommunicator(validator, "/ws/", headers=headers)
    connected, _ = await communicator.connect()
    await communicator.disconnect()
    return connected


@pytest.mark.parametrize(
    ("pattern", "origin", "expected"),
    [
        ("allowed.com", b"http://allowed.com", True),
        ("allowed.com", b"https://allowed.com:8443", True),
        ("Allowed.COM", b"http://allowed.com", True),
        ("allowed.com", b"http://ALLOWED.com.", True),
        ("allowed.com", b"http://bad.com", False),
        ("allowed.com", b"http://www.allowed.com", False),
        ("allowed.com", b"http://allowed.com.bad.com", False),
        ("allowed.com", b"http://allowed.com@bad.com", False),
        ("allowed.com:8000", b"http://allowed.com:8000", True),
        ("allowed.com:8000", b"http://allowed.com:9000", False),
        ("allowed.com:80", b"http://allowed.com", True),
        (".allowed.com", b"http://www.allowed.com", True),
        (".allowed.com", b"http://allowed.com", True),
        (".allowed.com", b"http://notallowed.com", False),
        ("*.allowed.com", b"http://www.allowed.com", False),
        ("http://allowed.com", b"http://allowed.com", True),
        ("http://allowed.com", b"http://allowed.com:80", True),
        ("http://allowed.com", b"http://allowed.com:8080", False),
        ("http://allowed.com", b"https://allowed.com", False),
        ("https://allowed.com:443", b"https://allowed.com", True),
        ("http://.allowed.com:8000", b"http://www.allowed.com:8000", True),
        ("app://allowed.com", b"app://allowed.com", True),
        ("[::1]", b"http://[::1]:8000", True),
        ("*", b"http://anywhere.com", True),
        ("*", b"null", True),
        (".allowed.com", b"null", False),
        (".allowed.com", b"", False),
        (".allowed.com", b"something-invalid", False),
        ("", b"http://allowed.com", False),
        ("", b"", False),
    ],
)
async def test_a_pattern_takes_its_origins_and_no_others(
    pattern: str, origin: bytes, expected: bool
) -> None:
    assert await connects(OriginValidator(application, [pattern]), origin) is expected


async def test_one_of_several_patterns_is_enough() -> None:
    validator = OriginValidator(application, ["one.com", "two.com"])
    assert await connects(validator, b"http://two.com")


@pytest.mark.parametrize(
    ("allowed", "expected"), [(["*"], True), (["one.com"], False), ([], False)]
)
async def test_who_names_no_origin_connects_only_where_everybody_may(
    allowed: list[str], expected: bool
) -> None:
    assert await connects(OriginValidator(application, allowed)) is expected


@pytest.mark.parametrize("origin", MALFORMED)
@pytest.mark.parametrize("allowed", ["*", ".allowed.com"])
async def test_a_malformed_origin_is_refused(
    origin: bytes, allowed: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not await connects(OriginValidator(application, [allowed]), origin)
    assert "is malformed" in caplog.text


@effort(max_examples=50, deadline=None)
@given(origin=st.one_of(st.binary(), st.text().map(lambda text: f"http://{text}".encode())))
def test_no_origin_however_odd_gets_in_or_raises(origin: bytes) -> None:
    validator = OriginValidator(application, ["unguessable.example:8000"])
    assert not asyncio.run(connects(validator, origin))


async def test_several_origins_are_refused() -> None:
    validator = OriginValidator(application, ["one.com"])
    assert not await connects(validator, b"http://one.com", b"http://bad.com")


async def test_a_refusal_is_logged_with_what_came_and_what_was_expected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await connects(OriginValidator(application, ["allowed.com"]), b"http://bad.com")
    [record] = [one for one in caplog.records if one.name == "runtime.security"]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "Refused the WebSocket '/ws/': its origin b'http://bad.com' is not among those allowed:"
        " ['allowed.com']."
    )


async def test_a_hostile_origin_cannot_forge_or_flood_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await connects(
        OriginValidator(application, ["allowed.com"]), b"http://x\nERROR " + b"x" * 9_000
    )
    [record] = [one for one in caplog.records if one.name == "runtime.security"]
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 1_000


async def test_a_pattern_that_nobody_can_match_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    validator = OriginValidator(application, ["2001:db8::1", "allowed.com"])
    assert await connects(validator, b"http://allowed.com")
    assert "'2001:db8::1' matches nothing" in caplog.text


async def test_another_protocol_is_refused_with_an_error() -> None:
    communicator = HttpCommunicator(OriginValidator(application, ["*"]), "GET", "/")
    with pytest.raises(ValueError, match="You cannot use OriginValidator on a non-WebSocket"):
        await communicator.get_response()


def test_its_parts_can_be_asked_with_a_parsed_origin() -> None:
    validator = OriginValidator(application, ["https://allowed.com"])
    origin = urlparse("https://allowed.com")
    assert validator.application is application
    assert validator.valid_origin(origin)
    assert validator.validate_origin(origin)
    assert validator.match_allowed_origin(origin, ".allowed.com")
    assert not validator.match_allowed_origin(None, ".allowed.com")
    assert not validator.valid_origin(None)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://a.com", 80),
        ("ws://a.com", 80),
        ("https://a.com", 443),
        ("wss://a.com", 443),
        ("https://a.com:8443", 8443),
        ("app://a.com", None),
    ],
)
def test_the_port_of_an_origin_is_its_schemes_own_unless_it_is_named(
    origin: str, expected: int | None
) -> None:
    assert OriginValidator(application, []).get_origin_port(urlparse(origin)) == expected


@pytest.mark.parametrize(
    ("debug", "hosts", "origin", "expected"),
    [
        (False, ["allowed.com"], b"http://allowed.com:8000", True),
        (False, ["allowed.com"], b"http://localhost", False),
        (False, [], b"http://localhost", False),
        (True, [], b"http://localhost:8000", True),
        (True, [], b"http://app.localhost:8000", True),
        (True, [], b"http://127.0.0.1:8000", True),
        (True, [], b"http://[::1]:8000", True),
        (True, [], b"http://bad.com", False),
        (True, ["allowed.com"], b"http://localhost", False),
    ],
)
async def test_the_allowed_hosts_are_the_origins(
    settings: Any, debug: bool, hosts: list[str], origin: bytes, expected: bool
) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = debug, hosts
    assert await connects(AllowedHostsOriginValidator(application), origin) is expected


async def test_the_allowed_hosts_may_change_after_the_routing_is_made(settings: Any) -> None:
    validator = AllowedHostsOriginValidator(application)
    settings.ALLOWED_HOSTS = ["a.com"]
    assert not await connects(validator, b"http://b.com")
    settings.ALLOWED_HOSTS = ["b.com"]
    assert await connects(validator, b"http://b.com")
    assert list(validator.allowed_origins) == ["b.com"]


async def test_the_denier_refuses_before_it_accepts() -> None:
    communicator: Any = WebsocketCommunicator(WebsocketDenier.as_asgi(), "/ws/")
    assert await communicator.connect() == (False, 1000)
    await communicator.disconnect()
