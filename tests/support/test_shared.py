from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.shared import shared


class Factory(pytest.TempPathFactory):
    """The folders of one process, which are in those of the run."""

    def __init__(self, own: Path) -> None:
        self.own = own
        own.mkdir()

    def getbasetemp(self) -> Path:
        return self.own


class Making:
    """Fills a folder, and counts how often it has begun to; not before it is told to go on."""

    def __init__(self) -> None:
        self.begun = 0
        self.has_begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, folder: Path) -> None:
        assert list(folder.iterdir()) == []
        self.begun += 1
        (folder / "half").touch()
        self.has_begun.set()
        assert self.go_on.wait(30)
        (folder / "whole").touch()


def test_who_comes_while_it_is_made_waits_and_gets_the_same(tmp_path: Path) -> None:
    make, found = Making(), {}

    def ask(worker: str) -> None:
        folder = shared(Factory(tmp_path / worker), "thing", make, worker)
        found[worker] = folder, sorted(file.name for file in folder.iterdir())

    first, second = (threading.Thread(target=ask, args=(name,)) for name in ("gw0", "gw1"))
    first.start()
    assert make.has_begun.wait(30)
    second.start()
    make.go_on.set()
    for thread in (first, second):
        thread.join(30)
    assert found["gw0"] == found["gw1"] == (tmp_path / "shared-thing", ["half", "whole"])
    assert make.begun == 1


def test_what_failed_is_made_again_from_nothing(tmp_path: Path) -> None:
    make, factory = Making(), Factory(tmp_path / "own")

    def fail(folder: Path) -> None:
        (folder / "broken").touch()
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        shared(factory, "thing", fail, None)
    make.go_on.set()
    folder = shared(factory, "thing", make, None)
    assert sorted(file.name for file in folder.iterdir()) == ["half", "whole"]
    assert folder.is_relative_to(factory.own)
