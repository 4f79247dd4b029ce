"""The demo behind a real server: a process of the test session's own, stopped by its pid.

The socket is made here and handed over, so the port is ours before the server starts
and a client that comes too early waits in the socket's queue: nothing has to poll.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOON_S = 45.0
"""How long tests wait for what has to come: mere patience, for a machine that is slow or busy.

What is promised within a second is held to the clock in `test_within_a_second`, and nowhere else.
"""

READY_S = 120
STOP_S = 30
LOG_CHARS = 20_000

DAPHNE = ("daphne", "--fd", "{fd}", "console.demo.asgi:application")
UVICORN = ("uvicorn", "--fd", "{fd}", "console.demo.asgi:application")

SIGN_IN_LINK = """
from console.demo.accounts import ensure_staff, sign_in_path
print(sign_in_path(ensure_staff()))
"""

_migrated: dict[str, bytes] = {}
"""What a database is before anything is in it, by the settings that it was made with."""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A running demo.

    Attributes:
        url: its origin, without a slash at the end.
        environment: what a process needs to see the same database.
        log: the file that it writes to.
        process: what serves it.
    """

    url: str
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def websocket_url(self) -> str:
        return self.url.replace("http:", "ws:", 1)

    @property
    def database(self) -> Path:
        return _database(self.environment)

    def new_sign_in_link(self) -> str:
        """Return a link that signs the staff user in once."""
        said = run_django(self.environment, "shell", "-v", "0", "-c", SIGN_IN_LINK)
        return self.url + said.strip().splitlines()[-1]

    def read_log(self) -> str:
        """Return the end of what the server has said."""
        return self.log.read_text(errors="replace")[-LOG_CHARS:]


@contextmanager
def running_demo(
    server: Sequence[str], data: Path, *, name: str = "server", **variables: str
) -> Iterator[DemoServer]:
    """Run the demo under `server` while the context lasts, with its data in a folder.

    Args:
        server: a module and its arguments; `{fd}` stands for the listening socket.
        name: of its log, if several share a folder.
        variables: further ones of the environment.
    """
    environment = _environment(data) | variables
    _make_database(environment)
    log = data / f"{name}.log"
    with socket.socket() as listener, log.open("w") as output:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        fd = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", *(word.format(fd=fd) for word in server)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[fd],
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # Our copy of the socket is closed: if the process dies, clients are refused at once.
    demo = DemoServer(url, environment, log, process)
    try:
        _expect_an_answer(demo)
        yield demo
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        finally:
            process.kill()


def _database(environment: dict[str, str]) -> Path:
    return Path(environment["CHANNELSCOPE_DATA"]) / "demo.sqlite3"


def _make_database(environment: dict[str, str]) -> None:
    """Let there be a database: of the servers that share one, the first one makes it."""
    path = _database(environment)
    settings = environment["DJANGO_SETTINGS_MODULE"]
    if path.exists():
        return
    if settings not in _migrated:
        run_django(environment, "migrate", "-v", "0")
        _migrated[settings] = path.read_bytes()
    path.write_bytes(_migrated[settings])


def _expect_an_answer(demo: DemoServer) -> None:
    try:
        with urllib.request.urlopen(f"{demo.url}/", timeout=READY_S) as response:
            assert response.status == 200
    except OSError as error:
        raise AssertionError(f"The demo did not answer:\n{demo.read_log()}") from error


def _environment(data: Path) -> dict[str, str]:
    # A server that thinks it is in a test run would refuse to show the debug toolbar.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    kept.pop("PYTHONASYNCIODEBUG", None)
    return kept | {
        "CHANNELSCOPE_DATA": str(data),
        "CHANNELSCOPE_DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "console.demo.settings",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONUNBUFFERED": "1",
    }


def run_django(environment: dict[str, str], *arguments: str) -> str:
    """Run a command of the project, and return what it said."""
    command = [sys.executable, "-m", "django", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
