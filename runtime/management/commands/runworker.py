"""`manage.py runworker`: a process that serves fixed channels."""

from __future__ import annotations

import logging
from argparse import ArgumentTypeError
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import autoreload

from runtime import DEFAULT_CHANNEL_LAYER
from runtime.layers import get_channel_layer
from runtime.management.logs import heard
from runtime.routing import get_default_application
from runtime.worker import DEADLINE_S, Worker

logger = logging.getLogger("django.channels.worker")


class Command(BaseCommand):
    """Runs a worker until it is told to stop.

    Attributes:
        worker_class: what is run; made with `application`, `channels` and `channel_layer`, and
            with the options that differ from their defaults.
    """

    help = "Serves fixed channels: runs the consumers that ASGI_APPLICATION has for them."
    worker_class: type[Worker] = Worker

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--layer",
            default=DEFAULT_CHANNEL_LAYER,
            help="alias of the channel layer in CHANNEL_LAYERS (default: %(default)s)",
        )
        parser.add_argument(
            "--concurrency",
            type=_positive,
            default=1,
            metavar="N",
            help="jobs of a channel that run at once; with 1 they run in order (default)",
        )
        parser.add_argument(
            "--deadline",
            type=float,
            default=DEADLINE_S,
            metavar="SECONDS",
            help="how long running jobs may take to finish at the end (default: %(default)g)",
        )
        parser.add_argument(
            "--reload", action="store_true", help="start anew when a source file changes"
        )
        parser.add_argument("channels", nargs="+", help="channels to serve")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker; SIGTERM and SIGINT end it with status 0 when running jobs are done.

        Raises:
            CommandError: CHANNEL_LAYERS has no layer of that alias.
        """
        serve = partial(self._serve, **options)
        with heard(logger, options["verbosity"]):
            if options["reload"]:
                autoreload.run_with_reloader(serve)
            else:
                serve()

    def _serve(self, **options: Any) -> None:
        worker = self._make_worker(**options)
        # On the standard output and at once, because that is where a person waits for it.
        self.stdout.write(f"Serving the channels {', '.join(worker.channels)}.")
        self.stdout.flush()
        worker.run()

    def _make_worker(self, **options: Any) -> Worker:
        layer = get_channel_layer(options["layer"])
        if layer is None:
            raise CommandError(
                f"CHANNEL_LAYERS has no layer {options['layer']!r} to receive from. Name one with"
                " --layer, or add it to the setting."
            )
        # A worker class written for Channels takes none of these.
        extra = {"concurrency": options["concurrency"], "deadline_s": options["deadline"]}
        usual = {"concurrency": 1, "deadline_s": DEADLINE_S}
        return self.worker_class(
            application=get_default_application(),
            channels=options["channels"],
            channel_layer=layer,
            **dict(extra.items() - usual.items()),
        )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"expected at least 1, got {number}")
    return number
