"""`manage.py runaprs`: a process that serves one station of amateur radio."""

from runtime.management.serving import ServerCommand
from runtime.protocols import ProtocolServer
from runtime.protocols.aprs.server import AprsServer
from runtime.typing import ASGIApplication


class Command(ServerCommand):
    """Runs the server."""

    help = "Serves the APRS station of CHANNELS_APRS, over APRS-IS or a KISS TNC."

    def make_server(self, application: ASGIApplication) -> ProtocolServer:
        """Return the server of the project's station."""
        return AprsServer(application)
