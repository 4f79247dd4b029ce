"""Debian's Dire Wolf, a TNC in software: it hears sound on its standard input.

Owns one process. What is on the air is sound that `gen_packets` has made; what it transmits
goes nowhere, and is written down in its log.
"""

from __future__ import annotations

import random
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.redis_server import until
from tools import programs

STOP_S = 10
SAMPLES_A_SECOND = 44_100
MISSING = (
    "The tests of KISS need Dire Wolf. Run `make test`, which tries to install it; or install it"
    " yourself (Debian: `sudo apt-get install direwolf`); or set CHANNELSCOPE_DIREWOLF and"
    " CHANNELSCOPE_GEN_PACKETS to the paths of its two programs."
)

CONFIG = """
ADEVICE stdin null
ARATE {rate}
ACHANNELS 1
CHANNEL 0
MYCALL N0CALL
MODEM 1200
KISSPORT {port}
AGWPORT 0
"""


class DireWolf:
    """One TNC.

    Raises:
        FileNotFoundError: it is not installed; the message says how to get it.
    """

    host = "127.0.0.1"

    def __init__(self, directory: Path) -> None:
        program, generator = programs.find("direwolf"), programs.find("gen_packets")
        if program is None or generator is None:
            raise FileNotFoundError(MISSING)
        self._generator = generator
        self._directory = directory
        self.port = registered_port()
        config = directory / "direwolf.conf"
        config.write_text(CONFIG.format(rate=SAMPLES_A_SECOND, port=self.port))
        self._process = subprocess.Popen(
            [program, "-t", "0", "-q", "d", "-c", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._said: list[str] = []
        self._listener = threading.Thread(target=self._listen, name="direwolf log")
        self._listener.start()

    def log(self) -> str:
        """Return what it has said."""
        return "".join(self._said)

    def wait_until_said(self, words: str) -> None:
        """Return when it has said something; each time it is asked the air is quiet for a while."""
        until(
            lambda: self._hears_silence() and words in self.log(),
            f"it says {words!r}",
            told=self.log,
        )

    def hear(self, line: str) -> None:
        """Let a packet be on the air: a line such as "W1AW>APRS:>status"."""
        packet, sound = self._directory / "packet.txt", self._directory / "packet.wav"
        packet.write_text(line)  # without an end of the line, which would be sent too
        subprocess.run(
            [self._generator, "-r", str(SAMPLES_A_SECOND), "-o", sound, packet],
            check=True,
            capture_output=True,
        )
        self._play(sound.read_bytes())
        self._hears_silence()

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(STOP_S)
        self._listener.join(STOP_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _hears_silence(self) -> bool:
        self._play(bytes(SAMPLES_A_SECOND // 5))
        return True

    def _play(self, sound: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(sound)
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line.decode(errors="replace"))


def registered_port() -> int:
    """Return a free port below those that a system hands out: Dire Wolf takes no other."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as listener:
            if listener.connect_ex(("127.0.0.1", port)) != 0:
                return port


@contextmanager
def running_dire_wolf(directory: Path) -> Iterator[DireWolf]:
    """Run a TNC while the context lasts."""
    tnc = DireWolf(directory)
    try:
        tnc.wait_until_said("Ready to accept KISS TCP client")
        yield tnc
    finally:
        tnc.stop()
