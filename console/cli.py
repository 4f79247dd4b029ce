"""The command `channelscope`: shows the demo with its console, or starts a project.

Owns the command line, and the socket that the demo listens on. What the demo is, and how it
runs, is the business of `console.demo`; a new project, of `console.startproject`. Called by
the shell, and by `make run`.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from console.startproject import ProjectRefused, start_project

BACKLOG = 128
MAX_PROCESSES = 16


class Refused(Exception):
    """The demo cannot run as it was asked to; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class PortUnavailable(Exception):
    """The server cannot listen where it was asked to."""

    host: str
    port: int
    reason: str

    def __str__(self) -> str:
        other = self.port + 1 if 0 < self.port < 65_535 else 8000
        return (
            f"Cannot listen on {self.host}, port {self.port}: {self.reason}. Choose another port:"
            f" `make run PORT={other}` or `channelscope demo --port {other}`."
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, the process's own by default.

    Returns: the exit status: 0, 1 after a sentence on stderr, 130 if interrupted early.
    """
    options = make_parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except (PortUnavailable, ProjectRefused, Refused) as error:
        print(f"channelscope: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the server runs: from then on it ends by itself
        return 130


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; the documentation's test reads it too."""
    parser = argparse.ArgumentParser(
        prog="channelscope", description="Watch Django channels while they work."
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {version('channelscope')}"
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    _describe_demo(commands.add_parser("demo", help="run the demo project with its console"))
    _describe_startproject(commands.add_parser("startproject", help="make a new project"))
    return parser


def _describe_startproject(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="name of the project, a Python identifier")
    command.add_argument(
        "directory", type=Path, nargs="?", help="folder that exists (default: a new one, NAME)"
    )
    command.set_defaults(run=_run_startproject)


def _run_startproject(options: argparse.Namespace) -> int:
    print(start_project(options.name, options.directory))
    return 0


def _describe_demo(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=_run_demo)
    command.add_argument(
        "--port", type=_port, default=8000, help="TCP port, 0 for any free one (default: 8000)"
    )
    command.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"
    )
    command.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("CHANNELSCOPE_DATA", ".channelscope")),
        help="folder for the database and the secret key (default: .channelscope)",
    )
    command.add_argument(
        "--processes",
        type=_count,
        default=1,
        help="servers behind the address; several get a worker and a Valkey too (default: 1)",
    )
    command.add_argument(
        "--redis",
        metavar="URL",
        default=os.environ.get("CHANNELSCOPE_DEMO_REDIS"),
        help="a Redis or Valkey between the processes, in the place of the demo's own",
    )
    command.add_argument(
        "--no-visitors", action="store_true", help="let nobody visit by themselves"
    )


def _run_demo(options: argparse.Namespace) -> int:
    with listen(options.host, options.port) as listener:
        # Later than the port, which is what most often is in the way.
        from console.demo import running, valkey

        demo = running.Demo(
            listener=listener,
            origin=f"http://{_printable(options.host, listener.getsockname()[1])}",
            data=options.data,
            processes=options.processes,
            redis=options.redis or (running.EMBEDDED if options.processes > 1 else None),
            has_visitors=not options.no_visitors,
        )
        try:
            return running.run(demo)
        except (valkey.NoServer, valkey.NoAnswer) as error:
            raise Refused(str(error)) from error


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port, or on a free one for 0.

    It is here before anything else is done, and handed to the servers: a server says too late
    and in its own words that somebody else is there.

    Raises:
        PortUnavailable: it is taken, or is not ours to have.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # A connection of the last run that lingers is not in the way.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortUnavailable(host, port, error.strerror or str(error)) from error
    return listener


def _printable(host: str, port: int) -> str:
    """Return the address as a browser on this machine takes it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f"expected 1 to {MAX_PROCESSES} processes, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
