"""Put the front end where Django looks for it, and the project template where the command does.

`frontend/` and `project_template/` become parts of `console`.

A wheel gets the files themselves, and the recorder's hot path compiled, where that can be done. An
editable install gets links in the checkout, which Git does not know, so that an edit shows at
once. Called by hatchling for each build.

Source: docs/decisions/0004-frontend-in-wheel.md; docs/decisions/0040-compiled-tape.md;
https://hatch.pypa.io/latest/plugins/build-hook/reference/
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACES = {
    "frontend/static": "console/static",
    "frontend/templates": "console/templates",
    "project_template": "console/project_template",
}

LEFT = ("__pycache__", "staticfiles")
"""Folders that are made by using what is beside them."""

WISH = "CHANNELSCOPE_COMPILE"
"""The variable that decides: "0" never compiles, "1" fails if it cannot; else it is tried."""


class NotCompiled(RuntimeError):
    """The hot path of the recorder cannot be compiled here; the message says why."""


class WheelHook(BuildHookInterface[Any]):
    """Adds what is apart in the repository to what is built, and what has to be made for it."""

    workshop: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Link the folders for an editable install, `version` "editable", and else include them."""
        root = Path(self.root)
        for folder, place in PLACES.items():
            if version == "editable":
                link(root / place, root / folder)
            else:
                build_data["force_include"].update(dict(files(root / folder, place)))
        if version != "editable" and is_wanted():
            self._compile(root, build_data)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made for the wheel."""
        if self.workshop is not None:
            self.workshop.cleanup()

    def _compile(self, root: Path, build_data: dict[str, Any]) -> None:
        self.workshop = TemporaryDirectory(prefix="channelscope-")
        try:
            extension = compile_into(Path(self.workshop.name), root)
        except NotCompiled as why:
            if os.environ.get(WISH) == "1":
                raise
            self.app.display_warning(f"The recorder stays pure Python. {why}")
            return
        build_data["force_include"][str(extension)] = f"console/{extension.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def is_wanted() -> bool:
    """Return whether to try to compile."""
    wish = os.environ.get(WISH, "")
    if wish not in ("", "0", "1"):
        raise ValueError(f'{WISH} is {wish!r}: expected "0", "1" or nothing')
    return wish != "0"


def compile_into(folder: Path, root: Path) -> Path:
    """Compile the hot path of the recorder into `folder` and return the file.

    Raises:
        NotCompiled: something that it needs is missing, or the compiler failed.
    """
    # In a process of its own: it works within a folder, and what it uses is loud.
    command = [sys.executable, str(root / "tools/native.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        raise NotCompiled(said if os.environ.get(WISH) == "1" else said.splitlines()[-1])
    (extension,) = folder.iterdir()
    return extension


def files(folder: Path, place: str) -> Iterator[tuple[str, str]]:
    """Yield each file of `folder` and where it goes; nothing that a tool has left there."""
    for file in sorted(folder.rglob("*")):
        inner = file.relative_to(folder)
        is_left = any(part.startswith(".") or part in LEFT for part in inner.parts[:-1])
        if file.is_file() and not is_left:
            yield str(file), f"{place}/{inner.as_posix()}"


def link(place: Path, folder: Path) -> None:
    """Make `place` lead to `folder`. On Windows by a junction, which needs no privilege."""
    if place.is_symlink() or place.is_file():
        place.unlink()
    if place.exists():
        return  # a junction of an earlier install
    if sys.platform == "win32":
        import _winapi

        _winapi.CreateJunction(str(folder), str(place))
    else:
        place.symlink_to(os.path.relpath(folder, place.parent), target_is_directory=True)
