"""The Debian programs that tests speak with: found, or installed where that is possible.

`make test` runs this before pytest. What cannot be installed is said on stderr and left to the
tests that need it: they fail, and say what to install.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tools.browser import as_root, run

PROGRAMS = ("mosquitto", "direwolf", "gen_packets")
PACKAGES = {"mosquitto": "mosquitto", "direwolf": "direwolf", "gen_packets": "direwolf"}
BESIDE_PATH = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Where servers are that are not on everybody's PATH."""


def main() -> int:
    """Install what is missing; an end without all of it is no failure."""
    wanted = sorted({PACKAGES[name] for name in PROGRAMS if find(name) is None})
    if wanted and not install(wanted):
        print(
            f"Not installed: {', '.join(wanted)}. Tests that need them say so. Debian:"
            f" `sudo apt-get install {' '.join(wanted)}`.",
            file=sys.stderr,
        )
    return 0


def find(name: str) -> Path | None:
    """Return the program of that name that `CHANNELSCOPE_<NAME>` names, or the system's."""
    if chosen := os.environ.get(f"CHANNELSCOPE_{name.upper()}"):
        return Path(chosen) if Path(chosen).exists() else None
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *BESIDE_PATH))
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def install(packages: list[str]) -> bool:
    """Try to install Debian packages; return whether that worked."""
    root = as_root()
    apt = shutil.which("apt-get")
    if root is None or apt is None:
        return False
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    update = [*root, *quiet, apt, "update", "-q"]
    get = [*root, *quiet, apt, "install", "-q", "-y", "--no-install-recommends", *packages]
    return run(get) or (run(update) and run(get))


if __name__ == "__main__":
    sys.exit(main())
