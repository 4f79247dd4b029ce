"""The command `channelscope`: shows the demo with its console, or starts a project.

Owns the command line, the check of the port and what is printed at the start. What
the demo is, and who may enter it, is the business of `console.demo`; how it is served,
of `console.serving`; a new project, of `console.startproject`. Called by the shell, and by
`make run`.
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

WELCOME = """
  Channelscope is running on {address}

  Console  {link}
           signs you in as {user}, once
  Demo     {address}
  Data     {data}

  Stop it with Ctrl-C.
"""


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
    except (PortUnavailable, ProjectRefused) as error:
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


def _run_demo(options: argparse.Namespace) -> int:
    port = claim_port(options.host, options.port)
    return demo(options.host, port, options.data)


def claim_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0, after having listened there for a moment.

    Asked before anything else is done, because a server says too late and in its own
    words that somebody else is there.

    Raises:
        PortUnavailable: it is taken, or is not ours to have.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        # As the server will: a connection of the last run that lingers is not in the way.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError as error:
            raise PortUnavailable(host, port, error.strerror or str(error)) from error
        claimed: int = listener.getsockname()[1]
        return claimed


def demo(host: str, port: int, data: Path) -> int:
    """Prepare the demo in the folder `data` and serve it until a signal ends it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.demo.settings"
    os.environ["CHANNELSCOPE_DATA"] = str(data)
    welcome = WELCOME.format(**_prepare(f"http://{_printable(host, port)}"), data=data)

    from console.demo.asgi import application
    from console.serving import serve

    listened = serve(application, host, port, on_ready=lambda: print(welcome, flush=True))
    return 0 if listened else 1


def _prepare(origin: str) -> dict[str, str]:
    """Bring the database up to date; return what the welcome says about the way in."""
    import django

    django.setup()
    # These need a Django that is set up.
    from django.core.management import call_command
    from django.db import connections

    from console.demo.accounts import ensure_staff, sign_in_path

    call_command("migrate", interactive=False, verbosity=0)
    user = ensure_staff()
    link = origin + sign_in_path(user)
    # The event loop runs in this thread from now on and must not hold a connection.
    connections.close_all()
    return {"address": f"{origin}/", "link": link, "user": user.get_username()}


def _printable(host: str, port: int) -> str:
    """Return the address as a browser on this machine takes it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
