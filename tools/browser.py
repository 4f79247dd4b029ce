"""Find a Chromium that starts, or install one: what `make test` asks for before it runs pytest.

Prints the browser's path on stdout and everything else on stderr. Owns where to look
and what to try; the tests ask `find()` too, so that a bare `pytest` finds the same one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "CHANNELSCOPE_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "The browser tests need Chromium, and none was found that starts. Run `make test`, which"
    " tries to install one; or install it yourself (Debian: `sudo apt-get install chromium`);"
    f" or set {VARIABLE} to the path of a Chromium or Chrome."
)


def main() -> int:
    """Print the path of a Chromium; return 1 after a sentence if there is none to be had."""
    path = find() or install()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    print(path)
    return 0


def find() -> Path | None:
    """Return a Chromium that starts: the one that the variable names, or the first that is found.

    A variable that names no working browser is an error of whoever set it: nothing
    else is tried in its place.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named) if starts(Path(named)) else None
    return next((path for path in candidates() if starts(path)), None)


def candidates() -> Iterator[Path]:
    """Yield the system's browsers, then the one that Playwright keeps, if it has one."""
    yield from (Path(found) for name in NAMES if (found := shutil.which(name)))
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    if path.exists():
        yield path


def starts(path: Path) -> bool:
    """Return whether the file is a browser whose libraries are there too."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def install() -> Path | None:
    """Try each way to install a Chromium until one starts; return it, or None."""
    if VARIABLE in os.environ:
        return None
    for commands in ways():
        if all(run(command) for command in commands) and (path := find()):
            return path
    return None


def ways() -> Iterator[list[list[str]]]:
    """Yield the ways to get a Chromium, each as the commands that it takes."""
    yield [[sys.executable, "-m", "playwright", "install", "chromium"]]
    apt, root = shutil.which("apt-get"), as_root()
    if apt is None or root is None:
        return
    yield [
        [*root, apt, "update", "-q"],
        [*root, apt, "install", "-q", "-y", "--no-install-recommends", "chromium"],
    ]


def as_root() -> list[str] | None:
    """Return what makes a command root's: nothing for root, or sudo; None if neither is there."""
    if os.geteuid() == 0:
        return []
    # -n: a password that nobody is there to type must fail, not wait.
    return [sudo, "-n"] if (sudo := shutil.which("sudo")) else None


def run(command: list[str]) -> bool:
    """Run one command with its output on stderr; return whether it succeeded."""
    print("+", *command, file=sys.stderr, flush=True)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
