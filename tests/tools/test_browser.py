from __future__ import annotations

from pathlib import Path

import pytest

from tools import browser


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_the_variable_decides_when_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = script(tmp_path / "mine", "echo Chromium 1")
    monkeypatch.setenv(browser.VARIABLE, str(mine))
    assert browser.find() == mine


def test_a_variable_that_names_no_browser_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(browser.VARIABLE, str(tmp_path / "nothing"))
    assert browser.find() is None
    assert browser.main() == 1
    assert browser.VARIABLE in capsys.readouterr().err


def test_a_browser_that_lacks_its_libraries_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(tmp_path / "chromium", "exit 127")
    whole = script(tmp_path / "google-chrome", "echo Google Chrome 1")
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find() == whole


def test_the_next_way_is_tried_when_one_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "chromium"
    good = script(tmp_path / "install", f"printf '#!/bin/sh\\n' > {target}; chmod +x {target}")
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setattr(browser, "candidates", lambda: iter([target]))
    monkeypatch.setattr(browser, "ways", lambda: iter([[["/bin/false"]], [["/bin/sh", str(good)]]]))
    assert browser.install() == target
