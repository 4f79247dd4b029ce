"""The front end is found where Django looks, in a checkout and in a wheel.

Source: docs/decisions/0004-frontend-in-wheel.md
"""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from django.contrib.staticfiles import finders
from django.template.loader import get_template

from tests.support.packaging import ROOT, build, contents

FRONTEND = ROOT / "frontend"


def files_in(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_a_checkout_serves_the_files_of_the_frontend() -> None:
    template = get_template("console/base.html")
    assert Path(template.origin.name).samefile(FRONTEND / "templates/console/base.html")
    found = finders.find("console/css/tokens.css")
    assert found is not None
    assert Path(found).samefile(FRONTEND / "static/console/css/tokens.css")


def test_the_wheel_holds_two_packages_and_all_that_they_serve(wheel: Path) -> None:
    names = set(contents(wheel))

    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"console", "runtime"}
    assert {f"console/{name}" for name in files_in(FRONTEND)} <= names
    assert {"console/py.typed", "runtime/py.typed"} <= names


def tracked(*folders: str) -> set[str]:
    """Return the files that are under version control, or would be."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *folders]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def test_the_wheel_holds_nothing_that_is_not_in_the_repository(wheel: Path) -> None:
    served = {f"console/{name.removeprefix('frontend/')}" for name in tracked("frontend")}
    template = {f"console/{name}" for name in tracked("project_template")}
    packages = tracked("console", "runtime")
    names = {name for name in contents(wheel) if ".dist-info/" not in name}
    assert names == packages | served | template


def test_the_source_distribution_is_the_repository(tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path)
    with tarfile.open(archive) as sources:
        names = {name.partition("/")[2] for name in sources.getnames()}
    assert names == tracked(".") | {"PKG-INFO"}


def test_the_same_sources_make_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert build("wheel", ROOT, tmp_path / "wheel").read_bytes() == wheel.read_bytes()
    one, two = (build("sdist", ROOT, tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_wheel_from_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    subprocess.run(["tar", "-xf", str(archive)], cwd=tmp_path, check=True)
    (source,) = tmp_path.glob("channelscope-*")

    assert build("wheel", source, tmp_path / "by_sdist").read_bytes() == wheel.read_bytes()


def test_the_repository_holds_no_links() -> None:
    """What carries a repository about does not always carry links; see the decision."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, check=True, capture_output=True)
    assert [line for line in listed.stdout.splitlines() if line.startswith(b"120000")] == []
