"""One process of the demo, by what it does: `web`, `worker` or `visitors`.

Owns what such a process needs before it begins, and the line by which it says that it is ready.
Started by the command `channelscope demo`, through `fleet`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from console.demo.fleet import Plan

READY = "ready"


def web(number: int, fd: int, variables: dict[str, str]) -> Plan:
    """Return a server that accepts from the listening socket `fd`."""
    return _plan("web", number, [str(fd)], variables, fd)


def worker(number: int, variables: dict[str, str]) -> Plan:
    """Return a worker for all fixed channels."""
    return _plan("worker", number, [], variables)


def visitors(origin: str) -> Plan:
    """Return the visitors, who go to `origin`."""
    command = [sys.executable, "-m", "console.demo.process", "visitors", origin]
    return Plan("visitors", command, READY)


def _plan(
    kind: str, number: int, arguments: list[str], variables: dict[str, str], *fds: int
) -> Plan:
    name = f"{kind}-{number}"
    command = [sys.executable, "-m", "console.demo.process", kind, *arguments]
    return Plan(name, command, READY, {**variables, "CHANNELSCOPE_DEMO_PROCESS": name}, fds)


def main(kind: str, *arguments: str) -> int:
    """Be the process that is asked for, until SIGTERM."""
    runs: dict[str, Callable[..., int]] = {
        "web": _run_web,
        "worker": _run_worker,
        "visitors": _run_visitors,
    }
    return runs[kind](*arguments)


def _run_web(fd: str) -> int:
    from console.demo.asgi import application
    from console.serving import serve

    return 0 if serve(application, int(fd), on_ready=_say_ready) else 1


def _run_worker() -> int:
    # What the console goes by, and what a deployment of one's own would run.
    sys.argv[1:] = ["runworker"]
    from console.demo.asgi import application  # noqa: F401 - it sets Django up
    from console.demo.routing import channels
    from runtime.layers import get_channel_layer
    from runtime.routing import get_default_application
    from runtime.worker import Worker

    names = list(channels.application_mapping)
    worker = Worker(get_default_application(), names, get_channel_layer())
    _say_ready()
    worker.run()
    return 0


def _run_visitors(origin: str) -> int:
    from console.demo.visitors import visit

    visit(origin, on_ready=_say_ready)
    return 0


def _say_ready() -> None:
    print(READY, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.demo.settings")
    sys.exit(main(*sys.argv[1:]))
