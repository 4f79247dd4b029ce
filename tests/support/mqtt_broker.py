"""A real MQTT broker of the tests' own: on a free port, killed and started again at will.

Mosquitto where it is installed; else `amqtt`, which knows MQTT 3.1.1 alone and forgets its
sessions when it ends. Owns one broker's process and its files.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import Certificate
from tests.support.redis_server import free_port, until
from tools import programs

STOP_S = 10
LOG = "broker.log"

MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {directory}/
autosave_interval 1
autosave_on_changes true
max_queued_messages 10000
{more}
"""

AMQTT = """
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


class MqttBroker:
    """One broker.

    Args:
        directory: where it keeps its files and writes its log.
        certificate: it speaks TLS with it.

    Attributes:
        knows_5: whether it speaks MQTT 5.
    """

    host = "127.0.0.1"

    def __init__(self, directory: Path, certificate: Certificate | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self._binary = programs.find("mosquitto")
        self.knows_5 = self._binary is not None
        self._more = ""
        if certificate is not None:
            self._more = f"certfile {certificate.certificate}\nkeyfile {certificate.key}\n"
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<MqttBroker {self._binary or 'amqtt'} port={self.port}>"

    def start(self) -> None:
        """Return when it listens."""
        config = self.directory / "broker.conf"
        template = MOSQUITTO if self._binary else AMQTT
        config.write_text(
            template.format(port=self.port, directory=self.directory, more=self._more)
        )
        amqtt = Path(sys.executable).with_name("amqtt")
        command = [str(self._binary or amqtt), "-c", str(config)]
        if self._binary and os.geteuid() == 0:
            config.write_text(config.read_text() + "user root\n")
        with (self.directory / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        until(self._listens, "the broker listens", told=self.log)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
            self._process = None

    def log(self) -> str:
        """Return the end of what it has written."""
        return (self.directory / LOG).read_text(errors="replace")[-2_000:]

    def _listens(self) -> bool:
        if self._process is not None and (code := self._process.poll()) is not None:
            raise RuntimeError(f"The broker ended with {code}:\n{self.log()}")
        with socket.socket() as client:
            return client.connect_ex((self.host, self.port)) == 0


@contextmanager
def running_broker(directory: Path, certificate: Certificate | None = None) -> Iterator[MqttBroker]:
    """Run a broker while the context lasts."""
    broker = MqttBroker(directory, certificate)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
