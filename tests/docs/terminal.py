"""A terminal that types the commands of the documentation, as a person would who reads it.

What it adds is what a person has and a test has not: somebody who answers questions, and a look at
whether a server has come up, which is then told to end. Servers get ports that are free. The
packages that the tests run with are there already when a command installs them, so that only what
is new is fetched: a wheel in an environment with nothing else is `tests/project_template`'s part.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.support.packaging import UNCOMPILED
from tests.support.redis_server import free_port, until

COMMAND_S = 300.0
STOP_S = 60.0

FOREIGN = (
    "ARGS",
    "JOBS",
    "PYTEST_",
    "PYTHON",
    "DJANGO_",
    "CHANNELSCOPE_",
    "VIRTUAL_ENV",
    "MAKE",
    "MFLAGS",
    "PIP_",
)
ANSWERS = {
    "DJANGO_SUPERUSER_USERNAME": "ada",
    "DJANGO_SUPERUSER_PASSWORD": "for this test alone",
    "DJANGO_SUPERUSER_EMAIL": "ada@example.com",
}
"""What a person would answer."""

FEW_TESTS = ("chat/tests/test_consumers.py", "tests/test_conftest.py")
"""What `make test` runs here: the first of them that is there."""

SERVES = re.compile(r"^Serving ", re.MULTILINE)
"""How a process says that it serves, if it is not by a port."""


class Terminal:
    """A shell in a folder.

    Args:
        folder: where it begins.
        environment: the virtual environment whose `python` and `pip` are typed.
        log: the file that what is said goes to.
        variables: what is in the environment besides what the tests' own has.

    Attributes:
        last: the process of the command that was typed last.
    """

    def __init__(
        self, folder: Path, environment: Path, log: Path, variables: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.log = log
        self.last: subprocess.Popen[bytes] | None = None
        kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        path = (str(environment / "bin"), sysconfig.get_path("scripts"), kept["PATH"])
        own = {"PATH": os.pathsep.join(path), "PY": sys.executable}
        self.variables = kept | ANSWERS | own | UNCOMPILED | variables
        lend_packages(folder / ".venv")

    def type(self, command: str) -> None:
        """Type a command and see it end well, or serve.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        first, _, rest = command.partition(" ")
        if first == "cd":
            self.folder = (self.folder / rest).resolve(strict=True)
            lend_packages(self.folder / ".venv")
        elif first == "export":
            name, _, value = rest.partition("=")
            self.variables[name] = value.strip("'\"")
        elif first == ".":
            scripts = (self.folder / rest).resolve(strict=True).parent
            self.variables["PATH"] = f"{scripts}{os.pathsep}{self.variables['PATH']}"
        else:
            self._run(command)

    def _run(self, command: str) -> None:
        port = free_port()
        with self.log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-c", at_port(answered(self._brief(command)), port)],
                cwd=self.folder,
                env=self.variables | {"PORT": str(port), "UVICORN_PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a server and its children end by one signal
            )
        self.last = process
        try:
            until(
                lambda: process.poll() is not None or self._is_served(port),
                f"`{command}` ends or serves",
                told=self.log.read_text,
                within_s=COMMAND_S,
            )
        finally:
            self._stop(process, command)
        said = self.log.read_text()
        assert "Traceback" not in said, f"$ {command}\n{said}"

    def _is_served(self, port: int) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0 or bool(
                SERVES.search(self.log.read_text())
            )

    def _stop(self, process: subprocess.Popen[bytes], command: str) -> None:
        if process.poll() is not None:
            assert process.returncode == 0, f"$ {command}\n{self.log.read_text()}"
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def _brief(self, command: str) -> str:
        """Return a command for a few tests, if it is that for all of them."""
        if command != "make test":
            return command
        tests = next(name for name in FEW_TESTS if (self.folder / name).exists())
        return f"{command} ARGS={tests}"


def lend_packages(environment: Path) -> None:
    """Let an environment, which may not be made yet, see the packages that the tests run with."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    place = environment / "lib" / version / "site-packages"
    place.mkdir(parents=True, exist_ok=True)
    lent = sysconfig.get_path("purelib")
    # The last of its kind by its name, so that what is installed here comes first.
    (place / "zz_lent.pth").write_text(f"import site; site.addsitedir({lent!r})\n")


def answered(command: str) -> str:
    """Return a command as it is when a person's answers are in the environment."""
    return command.replace("createsuperuser", "createsuperuser --noinput")


def at_port(command: str, port: int) -> str:
    """Return a command with a free port in the place of its usual one."""
    if re.search(r"manage\.py runserver$", command):
        return f"{command} {port}"
    return re.sub(r"^(daphne .*-p )\d+", rf"\g<1>{port}", command)


def launcher(chromium: Path, folder: Path) -> Path:
    """Return a script that starts the browser as a test machine has to."""
    # A root has no sandbox of its own in a container.
    script = folder / "chromium"
    script.write_text(f'#!/bin/sh\nexec "{chromium}" --no-sandbox "$@"\n')
    script.chmod(0o700)
    return script


def copy_of(root: Path, folder: Path) -> Path:
    """Make a repository with what is in the checkout now, committed or not; return it."""
    git("clone", "--quiet", "--no-hardlinks", str(root), str(folder), cwd=root)
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=root)
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    git("add", "--all", cwd=folder)
    who = ("-c", "user.name=A test", "-c", "user.email=test@example.com")
    git(*who, "commit", "--quiet", "--allow-empty", "--message", "As it is now", cwd=folder)
    return folder


def git(*arguments: str, cwd: Path) -> str:
    """Run git and return what it said."""
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=COMMAND_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
