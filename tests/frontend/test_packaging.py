"""The front end is found where Django looks, in a checkout and in a wheel.

Source: docs/decisions/0004-frontend-in-wheel.md
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from django.contrib.staticfiles import finders
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"


def files_in(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_a_checkout_serves_the_files_of_the_frontend() -> None:
    template = get_template("console/base.html")
    assert Path(template.origin.name).samefile(FRONTEND / "templates/console/base.html")
    found = finders.find("console/css/tokens.css")
    assert found is not None
    assert Path(found).samefile(FRONTEND / "static/console/css/tokens.css")


def build(target: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def contents(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_two_packages_and_all_that_they_serve(tmp_path: Path) -> None:
    names = set(contents(build("wheel", ROOT, tmp_path)))

    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"console", "runtime"}
    assert {f"console/{name}" for name in files_in(FRONTEND)} <= names
    assert {"console/py.typed", "runtime/py.typed"} <= names


def test_a_wheel_from_the_source_distribution_is_the_same(tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    subprocess.run(["tar", "-xf", str(archive)], cwd=tmp_path, check=True)
    (source,) = tmp_path.glob("channelscope-*")

    direct = contents(build("wheel", ROOT, tmp_path / "direct"))
    assert contents(build("wheel", source, tmp_path / "by_sdist")) == direct


def test_the_repository_holds_no_links() -> None:
    """What carries a repository about does not always carry links; see the decision."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, check=True, capture_output=True)
    assert [line for line in listed.stdout.splitlines() if line.startswith(b"120000")] == []
