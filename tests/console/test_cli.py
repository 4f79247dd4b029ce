from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from importlib.metadata import version
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from console.cli import PortUnavailable, listen, main

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_one_sentence_that_says_what_to_do(
    taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--port", str(taken_port)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"port {taken_port}: Address already in use" in said.err
    assert f"make run PORT={taken_port + 1}" in said.err


def test_an_address_of_another_machine_is_refused_like_a_taken_port() -> None:
    with pytest.raises(PortUnavailable, match=r"Cannot listen on 192\.0\.2\.1, port 0: "):
        listen("192.0.2.1", 0)


def test_port_0_becomes_a_free_port_and_any_other_stays_itself() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    assert port > 0
    with listen("127.0.0.1", port) as listener:
        assert listener.getsockname()[1] == port


@pytest.mark.parametrize("count", ["0", "-1", "17", "three"])
def test_a_number_of_processes_that_makes_no_sense_is_refused_by_the_parser(
    count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["demo", f"--processes={count}"])
    assert end.value.code == 2
    assert "expected 1 to 16 processes" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "eighty", "²"])
def test_what_is_no_port_is_refused_by_the_parser(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["demo", f"--port={port}"])
    assert end.value.code == 2
    assert "a port is a number from 0 to 65535" in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"channelscope {version('channelscope')}\n"


@contextmanager
def running_demo(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command on a free port; yield its process and the sign-in link that it printed."""
    options = ["--port", "0", "--data", str(data), "--no-visitors"]
    command = [sys.executable, "-m", "console.cli", "demo", *options]
    # As a user has it: asyncio's debug mode, which tests are in, reports what is merely slow.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONASYNCIODEBUG"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that runs the tests in the background has SIGINT ignored, and children inherit it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        guard = Timer(PATIENCE_S, process.kill)
        guard.start()
        try:
            yield process, link_in(process)
        finally:
            guard.cancel()
            process.kill()


def link_in(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Stop it with" in line and (found := re.search(r"Console +(\S+)", said)):
            return found[1]
    pytest.fail(f"The demo ended before it was ready:\n{said}")


def visit(link: str) -> tuple[int, str]:
    """Open a link as a new browser would; return the last status and address."""
    cookies = urllib.request.HTTPCookieProcessor(CookieJar())
    try:
        with urllib.request.build_opener(cookies).open(link, timeout=PATIENCE_S) as response:
            return response.status, response.url
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.url


def test_the_printed_link_leads_into_the_console_and_works_once(tmp_path: Path) -> None:
    with running_demo(tmp_path / "data") as (_, link):
        status, address = visit(link)
        assert status == 200
        assert "/console/" in address
        assert "/console/connections/" not in visit(link)[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_the_demo_without_a_word_while_somebody_is_connected(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running_demo(tmp_path / "data") as (process, link):
        address = urlsplit(link)
        with connect(
            f"ws://{address.netloc}/ws/ticker/", origin=Origin(f"http://{address.netloc}")
        ) as ticker:
            ticker.recv(timeout=PATIENCE_S)
            process.send_signal(number)
            said, _ = process.communicate(timeout=PATIENCE_S)
    assert said.strip() == ""
    assert process.returncode == 0
