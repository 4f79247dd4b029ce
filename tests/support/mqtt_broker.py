"""A real MQTT broker of the tests' own: on a free port, killed and started again at will.

Owns one Mosquitto's process and its files.
"""

from __future__ import annotations

import os
import socket
import subprocess
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
allow_anonymous {anonymous}
persistence true
persistence_location {directory}/
autosave_interval 1
autosave_on_changes true
max_queued_messages 10000
{more}
"""

MISSING = (
    "The MQTT tests need the broker Mosquitto. Run `make test`, which tries to install it; or"
    " install it yourself (Debian: `sudo apt-get install mosquitto`); or set"
    " CHANNELSCOPE_MOSQUITTO to its path."
)


class MqttBroker:
    """One broker.

    Args:
        directory: where it keeps its files and writes its log.
        certificate: it speaks TLS with it.
        login: the user name and the password of the only one whom it lets in.

    Raises:
        FileNotFoundError: there is no Mosquitto; the message says how to get one.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        directory: Path,
        certificate: Certificate | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.port = free_port()
        binary = programs.find("mosquitto")
        if binary is None:
            raise FileNotFoundError(MISSING)
        self._binary = binary
        self._more = ""
        if certificate is not None:
            self._more = f"certfile {certificate.certificate}\nkeyfile {certificate.key}\n"
        if login is not None:
            file = directory / "passwords"
            subprocess.run(["mosquitto_passwd", "-b", "-c", file, *login], check=True)
            self._more += f"password_file {file}\n"
        self._anonymous = "true" if login is None else "false"
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<MqttBroker port={self.port}>"

    def start(self) -> None:
        """Return when it listens."""
        config = self.directory / "broker.conf"
        text = MOSQUITTO.format(
            port=self.port,
            directory=self.directory,
            anonymous=self._anonymous,
            more=self._more,
        )
        # As root it would become a user who may not read these files.
        config.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
        with (self.directory / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-c", config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
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
def running_broker(
    directory: Path,
    certificate: Certificate | None = None,
    login: tuple[str, str] | None = None,
) -> Iterator[MqttBroker]:
    """Run a broker while the context lasts."""
    broker = MqttBroker(directory, certificate, login)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
