from __future__ import annotations

import stat
from pathlib import Path

import pytest

from console.demo.data import data_directory, secret_key


def test_the_folder_is_the_one_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANNELSCOPE_DATA", str(tmp_path / "a" / "b"))
    assert data_directory() == tmp_path / "a" / "b"
    assert data_directory().is_dir()


def test_the_folder_is_hidden_in_the_current_one_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHANNELSCOPE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert data_directory() == tmp_path / ".channelscope"


def test_the_key_is_drawn_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    key = secret_key(tmp_path)
    assert len(key) >= 50
    assert secret_key(tmp_path) == key
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert secret_key(tmp_path / "one") != secret_key(tmp_path / "two")


def test_of_two_processes_that_start_together_both_use_the_first_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = secret_key(tmp_path)
    # The other process looked before the first had written.
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert secret_key(tmp_path) == first
    assert len(list(tmp_path.iterdir())) == 1
