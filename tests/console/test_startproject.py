"""The command that starts a project; that the project works is tested with the template."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli import main
from console.startproject import TEMPLATE

ROOT = Path(__file__).resolve().parents[2]


def test_a_checkout_copies_the_template_of_the_repository():
    assert TEMPLATE.samefile(ROOT / "project_template")


def test_a_new_folder_gets_the_project_and_the_next_steps_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert main(["startproject", "mysite"]) == 0
    assert "cd mysite" in capsys.readouterr().out
    settings = (tmp_path / "mysite/config/settings.py").read_text()
    assert '"mysite_session"' in settings
    assert "{{" not in settings


def test_a_folder_that_exists_gets_the_project(tmp_path: Path):
    assert main(["startproject", "mysite", str(tmp_path)]) == 0
    assert (tmp_path / "manage.py").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(["not-a-name"], "not a valid project name"), (["mysite", "missing"], "does not exist")],
)
def test_what_cannot_be_made_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    why: str,
):
    monkeypatch.chdir(tmp_path)
    assert main(["startproject", *arguments]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert why in said.err
    assert list(tmp_path.iterdir()) == []
