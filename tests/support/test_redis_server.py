from __future__ import annotations

import os
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.redis_server import (
    CHOICE,
    RedisServer,
    find_binary,
    find_carried_binary,
    running,
    until,
)


def test_the_server_of_the_session_answers_and_keeps_what_it_is_given(
    redis_server: RedisServer,
) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.ping()
        assert client.info("server")["process_id"] == redis_server.pid
        client.set("word", "tap")
        assert client.get("word") == b"tap"


def test_a_killed_server_comes_back_empty_on_the_same_port(own_redis_server: RedisServer) -> None:
    with own_redis_server.client() as client:
        client.set("word", "tap")
        before = own_redis_server.pid
        own_redis_server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("word")
        own_redis_server.start()
        assert client.get("word") is None
    assert own_redis_server.pid != before


def test_a_durable_server_that_is_killed_has_all_that_it_has_answered_for(
    durable_redis_server: RedisServer,
) -> None:
    with durable_redis_server.client() as client:
        for number in range(100):
            client.rpush("words", number)
        durable_redis_server.restart()
        assert client.llen("words") == 100


def test_a_stopped_server_leaves_no_process(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        pid = server.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(RuntimeError, match=r"call start\(\) first"):
        _ = server.pid


def test_a_password_is_part_of_the_address(tmp_path: Path) -> None:
    with running(tmp_path, requirepass="open sesame") as server:
        with server.client() as client:
            assert client.ping()
        assert ":open%20sesame@" in server.url
        stranger = redis.Redis(port=server.port, retry=Retry(NoBackoff(), retries=0))
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="no-such-setting"),
        running(tmp_path, no_such_setting="1"),
    ):
        pass


def test_the_carried_server_does_what_the_system_s_does(tmp_path: Path) -> None:
    binary = find_carried_binary()
    assert binary is not None
    with running(tmp_path, binary=binary, appendonly="yes") as server, server.client() as client:
        client.set("word", "tap")
        server.restart()
        assert client.get("word") == b"tap"


def test_a_binary_of_ones_choice_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "/opt/redis/redis-server")
    assert find_binary() == Path("/opt/redis/redis-server")


def test_what_does_not_come_is_named() -> None:
    with pytest.raises(TimeoutError, match=r"pigs fly\.\nthey sleep"):
        until(lambda: False, "pigs fly", told=lambda: "they sleep", within_s=0)
