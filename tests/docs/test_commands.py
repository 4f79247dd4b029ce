"""Every command of the documentation is typed as it stands, where its page says.

A block is typed in the project that the pages take for granted (`mysite_of_pages`), in a clone of
this repository, or in an empty folder.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of, pages
from tests.docs.terminal import Terminal, at_port, copy_of, launcher
from tests.support.packaging import ROOT

SITE = Path(__file__).parent / "mysite_of_pages"
ORIGIN = "https://example.com/channelscope.git"

TYPED_IN = "tutorial/"

BLOCKS = [
    block
    for page in pages()
    for block in blocks_of(page)
    if block.language == "console" and block.is_run_here and not block.page.startswith(TYPED_IN)
]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with what this checkout has, in a folder whose name holds a space."""
    return copy_of(ROOT, tmp_path_factory.mktemp("the origin") / "channelscope")


@pytest.fixture(scope="module")
def clone(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of it, which the pages share as a person does: the first one installs."""
    return copy_of(origin, tmp_path_factory.mktemp("a folder") / "channelscope")


@pytest.fixture
def terminal(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    environment: Path,
    wheel: Path,
    chromium_path: Path,
) -> Callable[[Block], Terminal]:
    """Return what opens a terminal where the commands of a block are typed."""

    def open_at(block: Block) -> Terminal:
        if block.place == "a clone":
            folder = request.getfixturevalue("clone")
        else:
            folder = tmp_path / "a folder"
            folder.mkdir()
        if block.place == "the project":
            shutil.copytree(SITE, folder, dirs_exist_ok=True)
        return Terminal(folder, environment, tmp_path / "said.txt", variables_of(block))

    def variables_of(block: Block) -> dict[str, str]:
        at = request.getfixturevalue("origin") if "git clone" in block.text else ROOT
        return {
            "CHROMIUM": str(launcher(chromium_path, tmp_path)),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{at}.insteadOf",
            "GIT_CONFIG_VALUE_0": ORIGIN,
            "HOME": str(tmp_path),
            "PIP_FIND_LINKS": str(wheel.parent),
            "PIP_NO_BUILD_ISOLATION": "0",  # that is: without; what builds is lent as well
        }

    return open_at


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_commands_of_a_block_work(block: Block, terminal: Callable[[Block], Terminal]) -> None:
    commands = list(block.commands())
    assert commands, "a block of the language console begins what is typed with `$ `"
    desk = terminal(block)
    for command in commands:
        desk.type(command)


@pytest.fixture
def desk(tmp_path: Path, environment: Path) -> Terminal:
    """Return a terminal in the project."""
    shutil.copytree(SITE, tmp_path / "site")
    return Terminal(tmp_path / "site", environment, tmp_path / "said.txt", {})


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python -c 'raise SystemExit(3)'", "SystemExit"),
        ("python -c 'print(open)' && python -c 'import no_such_module' || true", "no_such_module"),
        ("python manage.py no_such_command", "Unknown command"),
        ("no-such-program", "not found"),
    ],
)
def test_a_command_that_fails_is_found(desk: Terminal, command: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        desk.type(command)


def test_a_server_is_seen_to_serve_and_is_ended(desk: Terminal) -> None:
    desk.type("exec python -m http.server --bind 127.0.0.1 $PORT")
    assert desk.last is not None
    assert desk.last.returncode == -signal.SIGTERM


def test_only_the_port_of_a_server_is_another() -> None:
    assert at_port("daphne -b 127.0.0.1 -p 8001 a:b", 5) == "daphne -b 127.0.0.1 -p 5 a:b"
    assert at_port("python manage.py runserver", 5) == "python manage.py runserver 5"
    assert at_port("mkdir -p 8001", 5) == "mkdir -p 8001"


def test_what_a_command_installs_does_not_reach_the_environment_of_the_tests(
    desk: Terminal, environment: Path
) -> None:
    desk.type("python -c 'import sys; print(sys.prefix)'")
    assert desk.log.read_text().strip() == str(environment)
    desk.type("pip --version")
    assert str(environment) in desk.log.read_text()
