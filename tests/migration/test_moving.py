"""A project written for Channels moves over with three additions, and back without them.

`helpdesk_site` knows nothing of this package. Its own suite is the judge, on both sides.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.packaging import ROOT
from tests.support.saying import said_by

SITE = Path(__file__).parent / "helpdesk_site"
CHANNELS = "channels==4.3.2"

ADDITIONS = {
    "helpdesk/__init__.py": ("", "import runtime\n\nruntime.install_as_channels()\n"),
    "helpdesk/settings.py": ('    "channels",\n', '    "channels",\n    "console",\n'),
    "helpdesk/urls.py": (
        '    path("admin/", admin.site.urls),\n',
        '    path("admin/", admin.site.urls),\n    path("console/", include("console.urls")),\n',
    ),
}
"""What the guide says to add: where, after what, and how it reads then."""

LOOK = """
import django
django.setup()
import channels, channels.layers, runtime.layers
from django.core.checks import run_checks
from django.test import Client
print(channels.__file__, channels.layers is runtime.layers, run_checks(), sep="\\t")
print(Client().get("/console/", headers={"host": "localhost"}).status_code)
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a copy of the project, as it was written."""
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    return folder


@pytest.fixture(scope="session")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the real Channels and nothing else, for a path before all others.

    It needs what is here already: Django and asgiref. It is never installed beside the runtime.
    """
    folder = tmp_path_factory.mktemp("channels")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    status, said = said_by([*command, "--no-deps", "--target", str(folder), CHANNELS])
    assert status == 0, said
    return folder


def move_over(site: Path) -> None:
    for name, (before, after) in ADDITIONS.items():
        text = (site / name).read_text()
        assert text.count(before) == 1 or text == before == ""
        (site / name).write_text(text.replace(before, after) if before else after)


def move_back(site: Path) -> None:
    for name, (before, after) in ADDITIONS.items():
        text = (site / name).read_text()
        assert text.count(after) == 1
        (site / name).write_text(text.replace(after, before))


def run(site: Path, *arguments: str, channels: Path | None = None) -> str:
    """Run Python in the project and return what it said; with the real Channels if it is given."""
    foreign = ("PYTEST_", "PYTHON", "DJANGO_", "CHANNELSCOPE_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    if channels is not None:
        environment["PYTHONPATH"] = str(channels)
    environment["DJANGO_SETTINGS_MODULE"] = "helpdesk.settings"
    status, said = said_by([sys.executable, *arguments], cwd=site, env=environment)
    assert status == 0, said
    return said


def passed(said: str) -> int:
    """Return how many tests ran, all of which passed."""
    assert re.search(r"^OK$", said, re.MULTILINE), said
    return int(re.findall(r"^Ran (\d+) tests", said, re.MULTILINE)[0])


def count_of_tests() -> int:
    sources = [file.read_text() for file in (SITE / "desk/tests").glob("test_*.py")]
    return len(re.findall(r"^    (?:async )?def test_", "".join(sources), re.MULTILINE))


def imported() -> set[str]:
    """Return the top-level names that the project imports."""
    names: set[str] = set()
    for file in SITE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names


def test_the_project_was_written_for_channels_alone() -> None:
    assert "channels" in imported()
    assert not imported() & {"runtime", "console"}


def test_its_suite_passes_on_the_runtime_with_three_additions(site: Path) -> None:
    move_over(site)
    assert passed(run(site, "manage.py", "test")) == count_of_tests()


def test_it_then_has_the_console_and_nothing_to_complain_of(site: Path) -> None:
    move_over(site)
    where, status = run(site, "-c", LOOK).splitlines()[-2:]
    module, is_ours, complaints = where.split("\t")
    assert Path(module).is_relative_to(ROOT / "runtime")
    assert is_ours == "True"
    assert complaints == "[]"
    assert status == "302"  # to the login of the console


def test_without_the_additions_it_is_the_project_that_it_was(site: Path) -> None:
    move_over(site)
    move_back(site)
    for file in SITE.rglob("*.py"):
        assert (site / file.relative_to(SITE)).read_bytes() == file.read_bytes()


def test_its_suite_passes_on_the_real_channels_without_them(site: Path, channels: Path) -> None:
    move_over(site)
    move_back(site)
    said = run(site, "manage.py", "test", channels=channels)
    assert passed(said) == count_of_tests()
    look = "import channels; print(channels.__file__, channels.__version__)"
    file, version = run(site, "-c", look, channels=channels).split()
    assert Path(file).is_relative_to(channels)
    assert f"channels=={version}" == CHANNELS


def test_beside_the_real_channels_it_is_the_runtime_that_it_runs_on(
    site: Path, channels: Path
) -> None:
    move_over(site)
    where = run(site, "-c", LOOK, channels=channels).splitlines()[-2]
    assert Path(where.partition("\t")[0]).is_relative_to(ROOT / "runtime")
    assert passed(run(site, "manage.py", "test", channels=channels)) == count_of_tests()


def test_the_guide_says_what_the_test_does() -> None:
    guide = (ROOT / "docs/migrating.md").read_text(encoding="utf-8")
    for _, after in ADDITIONS.values():
        for line in after.splitlines():
            assert line.strip() in guide
