"""Where the servers of a Redis layer are, as its option `hosts` says it.

Owns the forms of that option and turns them into values. Parsing of URLs, TLS options
and credentials is redis-py's. Opens no connection. Used by the layers; the supervised
connections resolve what comes out of here.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import parse_url
from redis.credentials import CredentialProvider, UsernamePasswordCredentialProvider
from redis.exceptions import RedisError

from runtime.exceptions import InvalidChannelLayerError

DEFAULT_HOST = ("localhost", 6379)
"""Where a server is looked for if `hosts` is not given."""

POOL_OPTIONS = frozenset(
    {"max_connections", "timeout", "connection_pool", "auto_close_connection_pool"}
)
"""Options of redis-py's pools, which mean nothing here: a process needs two connections."""


@dataclass(frozen=True, slots=True)
class Address:
    """One server.

    Attributes:
        host: a name or an IP address; "" for a Unix socket.
        port: its TCP port.
        path: of its Unix socket; "" for TCP.
        db: the number of the database.
        credentials: who gives (password,) or (user name, password), or nothing, when asked.
        tls: the context of an encrypted connection; None for a plain one.
    """

    host: str
    port: int
    path: str = ""
    db: int = 0
    credentials: CredentialProvider | None = field(default=None, repr=False, compare=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    def at(self, host: str, port: int) -> Address:
        """Return the address of another server that is spoken to in the same way."""
        return Address(host, port, "", self.db, self.credentials, self.tls)


@dataclass(frozen=True, slots=True)
class Sentinels:
    """A server that Sentinels know, wherever it is now.

    Attributes:
        name: the name under which the Sentinels watch it.
        sentinels: where they are.
        template: how to speak to the server itself; its host is not used.
    """

    name: str
    sentinels: tuple[Address, ...]
    template: Address


@dataclass(frozen=True, slots=True)
class Cluster:
    """The servers of a Redis Cluster.

    Attributes:
        nodes: some of its servers; the others are found through them.
    """

    nodes: tuple[Address, ...]

    def __str__(self) -> str:
        return f"cluster of {', '.join(map(str, self.nodes))}"


Host: TypeAlias = Address | Sentinels
"""Where one server is: fixed, or known to Sentinels."""


def parse_hosts(hosts: object, *, cluster: bool = False) -> tuple[Host, ...] | Cluster:
    """Return where the servers are.

    Args:
        hosts: a list of URLs, (host, port) pairs and dicts; a dict has `address` or `host` and
            `port`, or `sentinels` and `master_name`, and options of redis-py's connections; or
            a dict `{"cluster": [...]}` in place of the list. None for the default port here.
        cluster: whether the servers of the list are those of a Redis Cluster.

    Raises:
        InvalidChannelLayerError: it is none of these; the message says what was expected.
    """
    if isinstance(hosts, Mapping) and set(hosts) == {"cluster"}:
        return parse_hosts(hosts["cluster"], cluster=True)
    if not isinstance(hosts, Sequence | None) or isinstance(hosts, str | bytes):
        raise InvalidChannelLayerError(
            "`hosts` must be a list of hosts, even if there is only one: ['redis://localhost:6379'],"
            f" or {{'cluster': [...]}}; got {type(hosts).__name__}."
        )
    places = tuple(_place(host) for host in hosts or [DEFAULT_HOST])
    if not cluster:
        return places
    nodes = tuple(place for place in places if isinstance(place, Address))
    if len(nodes) < len(places) or any(node.db for node in nodes):
        raise InvalidChannelLayerError(
            "A Redis Cluster has no Sentinels and only the database 0: `hosts` must list some of"
            " its servers."
        )
    return Cluster(nodes)


def _place(host: object) -> Host:
    if isinstance(host, bytes):
        host = host.decode()
    if isinstance(host, str):
        return _address(_parsed_url(host))
    if isinstance(host, Mapping):
        return _from_dict(dict(host))
    if isinstance(host, Sequence) and len(host) == 2:
        return _address({"host": host[0], "port": host[1]})
    raise InvalidChannelLayerError(
        "A host is a URL, a pair (host, port), or a dict with 'address', 'host', or 'sentinels';"
        f" got {type(host).__name__}."
    )


def _from_dict(options: dict[str, Any]) -> Host:
    if "sentinels" in options or "master_name" in options:
        return _sentinel_master(options)
    address = options.pop("address", None)
    if isinstance(address, str | bytes):
        url = address.decode() if isinstance(address, bytes) else address
        return _address({**_parsed_url(url), **options})
    if address is not None:
        options["host"], options["port"] = address
    return _address(options)


def _sentinel_master(options: dict[str, Any]) -> Sentinels:
    try:
        sentinels = [(host, int(port)) for host, port in options.pop("sentinels")]
        name = options.pop("master_name")
    except (KeyError, TypeError, ValueError):
        raise InvalidChannelLayerError(
            "A host with Sentinels has 'sentinels', a list of (host, port), and 'master_name'."
        ) from None
    theirs = options.pop("sentinel_kwargs", None) or {}
    addresses = tuple(_address({**theirs, "host": host, "port": port}) for host, port in sentinels)
    return Sentinels(name, addresses, _address(options))


def _parsed_url(url: str) -> dict[str, Any]:
    try:
        return dict(parse_url(url))
    except ValueError as error:
        raise InvalidChannelLayerError(
            f"{url.rpartition('@')[2]!r} is no URL of a Redis server: {error}"
        ) from None


def _address(options: dict[str, Any]) -> Address:
    known = {name: value for name, value in options.items() if name not in POOL_OPTIONS}
    connection_class: Any = known.pop("connection_class", None)
    wants_tls = known.pop("ssl", False)
    if "unix_socket_path" in known:
        known["path"] = known.pop("unix_socket_path")
    if connection_class is None:
        connection_class = SSLConnection if wants_tls else Connection
    if "path" in known:
        connection_class = UnixDomainSocketConnection
    try:
        # Never opened: redis-py knows its options, and keeps them in places of one name.
        parsed = connection_class(**known)
        tls = parsed.ssl_context.get() if isinstance(parsed, SSLConnection) else None
    except (TypeError, ValueError, OSError, RedisError) as error:
        raise InvalidChannelLayerError(
            f"A host's options are not those of a Redis connection: {error}"
        ) from None
    credentials = parsed.credential_provider
    if credentials is None and (parsed.username or parsed.password):
        credentials = UsernamePasswordCredentialProvider(parsed.username, parsed.password)
    return Address(
        host=getattr(parsed, "host", ""),
        port=int(getattr(parsed, "port", 0)),
        path=getattr(parsed, "path", ""),
        db=int(parsed.db or 0),
        credentials=credentials,
        tls=tls,
    )
