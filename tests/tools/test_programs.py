from __future__ import annotations

from pathlib import Path

import pytest

from tools import programs


def script(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_variable_decides_when_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = script(tmp_path / "mine")
    monkeypatch.setenv("CHANNELSCOPE_MOSQUITTO", str(mine))
    assert programs.find("mosquitto") == mine
    monkeypatch.setenv("CHANNELSCOPE_MOSQUITTO", str(tmp_path / "nothing"))
    assert programs.find("mosquitto") is None


def test_a_server_is_found_beside_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHANNELSCOPE_DIREWOLF", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(programs, "BESIDE_PATH", (str(tmp_path),))
    assert programs.find("direwolf") is None
    there = script(tmp_path / "direwolf")
    assert programs.find("direwolf") == there


def test_what_is_missing_is_asked_for_once_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def refuse(packages: list[str]) -> bool:
        asked.append(packages)
        return False

    monkeypatch.setattr(programs, "find", lambda name: None)
    monkeypatch.setattr(programs, "install", refuse)
    assert programs.main() == 0
    assert asked == [["direwolf", "gcc", "libc6-dev", "mosquitto", "python3-dev"]]
    said = capsys.readouterr().err
    assert "sudo apt-get install direwolf gcc libc6-dev mosquitto python3-dev" in said


def test_a_header_is_that_of_this_interpreter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = programs.find("Python.h")
    assert found is not None
    assert "PY_VERSION_HEX" in (found.parent / "patchlevel.h").read_text()
    monkeypatch.setattr(programs.sysconfig, "get_path", lambda name: str(tmp_path))
    assert programs.find("Python.h") is None
