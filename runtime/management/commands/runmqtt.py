"""`manage.py runmqtt`: a process that serves one MQTT session."""

from runtime.management.serving import ServerCommand
from runtime.protocols import ProtocolServer
from runtime.protocols.mqtt.server import MqttServer
from runtime.typing import ASGIApplication


class Command(ServerCommand):
    """Runs the server."""

    help = "Connects to the broker that CHANNELS_MQTT names, and serves what is subscribed to."

    def make_server(self, application: ASGIApplication) -> ProtocolServer:
        """Return the server of the project's session."""
        return MqttServer(application)
