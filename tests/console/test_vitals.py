from __future__ import annotations

import sys
from typing import Any

import pytest

from console import taping, vitals


def test_the_memory_is_that_of_a_python_that_runs_tests() -> None:
    assert 10_000_000 < vitals.rss_bytes() < 10_000_000_000


def test_a_worker_is_known_by_its_command(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "runworker", "thumbnails"])
    assert vitals.server() == "runworker"


def test_the_server_of_a_protocol_is_known_by_its_command(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "runmqtt"])
    assert vitals.server() == "runmqtt"


def test_a_process_is_called_after_what_it_serves() -> None:
    servers = ("runworker", "runmqtt", "daphne 4.2.0", "")
    assert [vitals.kind(server) for server in servers] == ["worker", "mqtt", "web", "web"]


def test_a_server_of_web_pages_is_no_command_of_a_protocol(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "runserver"])
    assert vitals.server() != "runserver"


def test_the_versions_are_named() -> None:
    said = vitals.versions()
    assert set(said) == {"python", "django", "channelscope", "recorder"}
    assert said["python"].startswith("3.")


@pytest.mark.parametrize(("is_compiled", "said"), [(True, "compiled"), (False, "pure Python")])
def test_the_recorder_says_whether_it_is_compiled(
    is_compiled: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taping, "IS_COMPILED", is_compiled)
    assert vitals.versions()["recorder"] == said
