from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from tests.support.packaging import ROOT, compile_tape
from tests.support.saying import said_by
from tools import native


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package in the place of the checkout's."""
    monkeypatch.setattr(native, "PACKAGE", tmp_path)
    for source in native.sources():
        source.touch()
    return tmp_path


def test_the_same_source_makes_the_same_bytes_which_name_no_folder(
    compiled_tape: Path, tmp_path: Path
) -> None:
    again = compile_tape(tmp_path)
    assert again.name == f"tape_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    assert [file.name for file in tmp_path.iterdir()] == [again.name]
    assert again.read_bytes() == compiled_tape.read_bytes()
    for folder in (tmp_path, ROOT, Path(sysconfig.get_config_var("prefix"))):
        assert bytes(folder) not in again.read_bytes()


def test_what_this_interpreter_would_import_is_found_and_nothing_else(package: Path) -> None:
    assert native.compiled() is None
    (package / "tape_native.of-another-interpreter.so").touch()
    assert native.compiled() is None
    extension = package / f"tape_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    extension.touch()
    assert native.compiled() == extension


@pytest.mark.parametrize("source", native.PARTS)
def test_what_is_older_than_a_source_is_stale(source: str, package: Path) -> None:
    assert native.stale() is None
    extension = package / f"tape_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    extension.touch()
    for file in (*native.sources(), extension):
        os.utime(file, (1_000, 1_000))
    assert native.stale() is None
    os.utime(package / source, (1_001, 1_001))
    assert native.stale() == extension


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert native.missing() == []
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    monkeypatch.setattr(native.sysconfig, "get_path", lambda name: str(tmp_path))
    assert native.main([]) == 1
    assert capsys.readouterr().err == (
        "Compiling needs a C compiler (`no-such-compiler -m64`; Debian: gcc and libc6-dev)"
        f" and the headers of Python (`{tmp_path}/Python.h`; Debian: python3-dev).\n"
    )


def test_make_compiles_only_what_has_changed_or_gone(compiled_tape: Path, tmp_path: Path) -> None:
    """In a checkout that has nothing but these files, with a script in the place of Python."""
    sources = [f"console/{part}" for part in native.PARTS]
    for name in ("Makefile", *sources, "tools/native.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
        os.utime(tmp_path / name, (1_000, 1_000))
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in (".python", ".native"):
        (tmp_path / ".venv" / name).touch()
        os.utime(tmp_path / ".venv" / name, (2_000, 2_000))
    extension = tmp_path / "console" / compiled_tape.name
    (tmp_path / ".venv/bin/python").write_text(f'#!/bin/sh\necho "$@"; touch "{extension}"\n')
    (tmp_path / ".venv/bin/python").chmod(0o755)

    def compiles(target: str = "native") -> bool:
        status, said = said_by(["make", target], cwd=tmp_path)
        assert status == 0, said
        return "-m tools.native" in said

    assert compiles()
    assert not compiles()
    extension.unlink()
    assert compiles()
    os.utime(tmp_path / ".venv/.compiled", (3_000, 3_000))
    assert not compiles()
    for source in sources:
        (tmp_path / source).touch()
        assert compiles()
        assert not compiles()
    compiles("clean")
    assert not extension.exists()
