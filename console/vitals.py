"""How this process is: its memory, its server, and the versions of what matters in it.

Owns the ways to ask the operating system and the installed packages. Each answer is cheap,
and none fails: what cannot be known is said as nothing.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

import django

from console import taping

_PROCESS_OF_ITS_OWN = re.compile(r"run(?!server)([a-z]+)")
"""A management command that serves: `runworker`, or the server of a protocol such as `runmqtt`."""

SERVERS = ("uvicorn", "hypercorn", "granian")
"""Servers that are imported by nothing but themselves; Daphne may be installed beside them."""


def rss_bytes() -> int:
    """Return the memory that this process holds, as of this second; 0 if nobody can say."""
    return _rss_bytes(int(time.monotonic()))


@lru_cache(maxsize=1)
def _rss_bytes(second: int) -> int:
    """Ask for it, once in a second: each page that is open shows it again and again."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return _peak_rss_bytes()


def server() -> str:
    """Return what serves here, such as "daphne 4.2.0" or "runmqtt"; "" if nobody knows."""
    if command := _PROCESS_OF_ITS_OWN.fullmatch("".join(sys.argv[1:2])):
        return command[0]
    for name in SERVERS:
        if f"{name}.server" in sys.modules or f"{name}.run" in sys.modules:
            return f"{name} {_version(name)}".strip()
    return f"daphne {_version('daphne')}".strip() if "daphne.server" in sys.modules else ""


def kind(server: str) -> str:
    """Return what a process is called, before its pid: "worker", "mqtt", or "web"."""
    command = _PROCESS_OF_ITS_OWN.fullmatch(server)
    return command[1] if command else "web"


def versions() -> dict[str, str]:
    """Return the versions of Python, Django and Channelscope, and how the recorder runs."""
    return {
        "python": platform.python_version(),
        "django": django.get_version(),
        "channelscope": _version("channelscope"),
        "recorder": recorder(),
    }


def recorder() -> str:
    """Return whether the recorder's hot path is "compiled" or "pure Python"."""
    return "compiled" if taping.IS_COMPILED else "pure Python"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout
        return ""


def _peak_rss_bytes() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
