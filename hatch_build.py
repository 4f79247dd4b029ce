"""Put the front end where Django looks for it: `frontend/` becomes a part of `console`.

A wheel gets the files themselves. An editable install gets links in the checkout, which Git does
not know, so that an edit shows at once. Called by hatchling for each build.

Source: docs/decisions/0004-frontend-in-wheel.md; https://hatch.pypa.io/latest/plugins/build-hook/reference/
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("static", "templates")


class FrontendHook(BuildHookInterface[Any]):
    """Adds `frontend/` to what is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Link the folders for an editable install, `version` "editable", and else include them."""
        root = Path(self.root)
        for folder in FOLDERS:
            if version == "editable":
                link(root / "console" / folder, root / "frontend" / folder)
            else:
                build_data["force_include"][str(root / "frontend" / folder)] = f"console/{folder}"


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
