"""Hosts and pools of redis-py, for code that was written on `channels_redis.utils`.

Owns nothing that the layers here use: they read their hosts in `runtime.layers.addresses`, and
have connections of their own. Imported by projects alone, under either name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

__all__ = ["create_pool", "decode_hosts"]

DEFAULT_URL = "redis://localhost:6379"


def decode_hosts(hosts: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Return what a layer's option `hosts` means: for each, the arguments of `create_pool()`.

    Raises:
        ValueError: it is a text, not a list.
    """
    if isinstance(hosts, (str, bytes)):
        raise ValueError(
            f"hosts is a list of Redis servers, even of a single one; got {hosts!r}. Write"
            f" [{hosts!r}]."
        )
    return [_decoded(host) for host in hosts or [DEFAULT_URL]]


def create_pool(host: Mapping[str, Any]) -> ConnectionPool:
    """Return a pool of redis-py's connections to one of the decoded hosts."""
    options = dict(host)
    if "address" in options:
        return ConnectionPool.from_url(options.pop("address"), **options)
    if options.get("master_name") is None:
        options.pop("master_name", None)
        return ConnectionPool(**options)
    sentinels, name = options.pop("sentinels"), options.pop("master_name")
    known_by = options.pop("sentinel_kwargs", None)
    finder = Sentinel(sentinels, sentinel_kwargs=known_by)  # type: ignore[no-untyped-call]  # redis-py
    return SentinelConnectionPool(name, finder, **options)  # type: ignore[no-untyped-call]  # redis-py


def _decoded(host: Any) -> dict[str, Any]:
    if isinstance(host, dict):
        return host
    if isinstance(host, (tuple, list)):
        return {"host": host[0], "port": host[1]}
    return {"address": host}
