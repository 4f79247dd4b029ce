from __future__ import annotations

import redis

from tests.support.redis_server import RedisServer


def test_the_server_of_the_session_answers_and_keeps_what_it_is_given(
    redis_server: RedisServer,
) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.ping()
        assert client.info("server")["process_id"] == redis_server.pid
        client.set("word", "tap")
        assert client.get("word") == b"tap"
