"""The front end is found where Django looks, in a checkout and in a wheel.

That the same sources make the same wheel where it is compiled is in `tests/test_hatch_build.py`.

Source: docs/decisions/0004-frontend-in-wheel.md
"""

from __future__ import annotations

import subprocess
import sysconfig
import tarfile
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template

from tests.support.packaging import ROOT, build, contents

FRONTEND = ROOT / "frontend"


@pytest.fixture(params=["0", "1"], ids=["pure", "compiled"])
def compiles(request: pytest.FixtureRequest) -> str:
    """Return whether the wheel of this test is compiled, as the variable says it."""
    return str(request.param)


@pytest.fixture
def built(compiles: str, wheel: Path, pure_wheel: Path) -> Path:
    """Return one of the two wheels that there are."""
    return wheel if compiles == "1" else pure_wheel


def files_in(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_a_checkout_serves_the_files_of_the_frontend() -> None:
    template = get_template("console/base.html")
    assert Path(template.origin.name).samefile(FRONTEND / "templates/console/base.html")
    found = finders.find("console/css/tokens.css")
    assert found is not None
    assert Path(found).samefile(FRONTEND / "static/console/css/tokens.css")


def test_the_wheel_holds_two_packages_and_all_that_they_serve(built: Path) -> None:
    names = set(contents(built))

    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"console", "runtime"}
    assert {f"console/{name}" for name in files_in(FRONTEND)} <= names
    assert {"console/py.typed", "runtime/py.typed"} <= names


def tracked(*folders: str) -> set[str]:
    """Return the files that are under version control, or would be."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *folders]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def test_the_wheel_holds_nothing_that_is_not_in_the_repository(built: Path, compiles: str) -> None:
    served = {f"console/{name.removeprefix('frontend/')}" for name in tracked("frontend")}
    template = {f"console/{name}" for name in tracked("project_template")}
    packages = tracked("console", "runtime")
    names = {name for name in contents(built) if ".dist-info/" not in name}
    extension = f"console/tape_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    made = {extension} if compiles == "1" else set()
    assert names == packages | served | template | made


def test_the_source_distribution_is_the_repository(tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path)
    with tarfile.open(archive) as sources:
        names = {name.partition("/")[2] for name in sources.getnames()}
    assert names == tracked(".") | {"PKG-INFO"}


def test_the_same_sources_make_the_same_bytes(pure_wheel: Path, tmp_path: Path) -> None:
    again = build("wheel", ROOT, tmp_path, CHANNELSCOPE_COMPILE="0")
    assert again.read_bytes() == pure_wheel.read_bytes()


def test_the_same_sources_make_the_same_source_distribution(tmp_path: Path) -> None:
    one, two = (build("sdist", ROOT, tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_wheel_from_the_source_distribution_is_the_same(pure_wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    subprocess.run(["tar", "-xf", str(archive)], cwd=tmp_path, check=True)
    (source,) = tmp_path.glob("channelscope-*")

    again = build("wheel", source, tmp_path / "by_sdist", CHANNELSCOPE_COMPILE="0")
    assert again.read_bytes() == pure_wheel.read_bytes()


def test_the_repository_holds_no_links() -> None:
    """What carries a repository about does not always carry links; see the decision."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, check=True, capture_output=True)
    assert [line for line in listed.stdout.splitlines() if line.startswith(b"120000")] == []
