"""What the commands that run a protocol's server have in common.

Owns the options, the reloader, and the sentence that says that it serves. A project's own
command inherits from `ServerCommand` and makes its server.
"""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import autoreload

from runtime.exceptions import MissingLibrary
from runtime.management.logs import heard
from runtime.protocols import ProtocolServer
from runtime.routing import get_default_application
from runtime.typing import ASGIApplication

logger = logging.getLogger("runtime")


class ServerCommand(BaseCommand):
    """Runs the server of one protocol until it is told to stop."""

    def make_server(self, application: ASGIApplication) -> ProtocolServer:
        """Return the server that this command runs, for the project's application."""
        raise NotImplementedError(f"{type(self).__name__} needs a method make_server().")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--reload", action="store_true", help="start anew when a source file changes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the server; SIGTERM and SIGINT end it with status 0 when its scopes have ended.

        Raises:
            CommandError: a setting is wrong, or a library is missing.
        """
        with heard(logger, options["verbosity"]):
            if options["reload"]:
                autoreload.run_with_reloader(self._serve)
            else:
                self._serve()

    def _serve(self) -> None:
        try:
            server = self.make_server(get_default_application())
            # On the standard output and at once, because that is where a person waits for it.
            self.stdout.write(f"Serving {server.describe()}.")
            self.stdout.flush()
            server.run()
        except (ImproperlyConfigured, MissingLibrary) as error:
            raise CommandError(str(error)) from error
