"""Put the front end where Django looks for it, and the project template where the command does.

`frontend/` and `project_template/` become parts of `console`.

A wheel gets the files themselves. An editable install gets links in the checkout, which Git does
not know, so that an edit shows at once. Called by hatchling for each build.

Source: docs/decisions/0004-frontend-in-wheel.md; https://hatch.pypa.io/latest/plugins/build-hook/reference/
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACES = {
    "frontend/static": "console/static",
    "frontend/templates": "console/templates",
    "project_template": "console/project_template",
}

LEFT = ("__pycache__", "staticfiles")
"""Folders that are made by using what is beside them."""


class FrontendHook(BuildHookInterface[Any]):
    """Adds the folders that are apart in the repository to what is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Link the folders for an editable install, `version` "editable", and else include them."""
        root = Path(self.root)
        for folder, place in PLACES.items():
            if version == "editable":
                link(root / place, root / folder)
            else:
                build_data["force_include"].update(dict(files(root / folder, place)))


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
