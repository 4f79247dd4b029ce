"""`manage.py runtelegram`: a process that serves one Telegram bot."""

from runtime.management.serving import ServerCommand
from runtime.protocols import ProtocolServer
from runtime.protocols.telegram.server import TelegramServer
from runtime.typing import ASGIApplication


class Command(ServerCommand):
    """Runs the server."""

    help = "Serves the Telegram bot of CHANNELS_TELEGRAM, by long polling or by webhook."

    def make_server(self, application: ASGIApplication) -> ProtocolServer:
        """Return the server of the project's bot."""
        return TelegramServer(application)
