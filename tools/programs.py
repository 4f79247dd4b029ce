"""The Debian programs that tests need: found, or installed where that is possible.

`make test` runs this before pytest. What cannot be installed is said on stderr and left to the
tests that need it: they fail, and say what to install.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from tools.browser import as_root, run

PACKAGES = {
    "mosquitto": ("mosquitto",),
    "direwolf": ("direwolf",),
    "gen_packets": ("direwolf",),
    "cc": ("gcc", "libc6-dev"),
    "Python.h": ("python3-dev",),
}
"""What has to be there, and what brings it."""

BESIDE_PATH = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Where servers are that are not on everybody's PATH."""


def main() -> int:
    """Install what is missing; an end without all of it is no failure."""
    absent = [packages for name, packages in PACKAGES.items() if find(name) is None]
    wanted = sorted({package for packages in absent for package in packages})
    if wanted and not install(wanted):
        print(
            f"Not installed: {', '.join(wanted)}. Tests that need them say so. Debian:"
            f" `sudo apt-get install {' '.join(wanted)}`.",
            file=sys.stderr,
        )
    return 0


def find(name: str) -> Path | None:
    """Return the program of that name that `CHANNELSCOPE_<NAME>` names, or the system's.

    Of a header the one that is for this interpreter.
    """
    if name.endswith(".h"):
        header = Path(sysconfig.get_path("include"), name)
        return header if header.exists() else None
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
