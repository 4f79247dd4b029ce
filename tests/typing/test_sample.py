"""What a typed project sees of this package: `mypy --strict` takes a file that uses all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The django-stubs plugin is left out: a project must not need it because of us. The cache
# of a project's own checks is used, because reading Django's stubs takes the most time.
CHECK = (
    "--strict",
    "--warn-unreachable",
    "--config-file=",
    "--cache-dir=.mypy_cache/sample",
    "--explicit-package-bases",
    # As for a project that has this package installed: what mypy says of our own modules is
    # the business of `make types`.
    "--follow-imports=silent",
)


def check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", *CHECK, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_project_that_uses_the_public_surface_is_accepted_in_strict_mode() -> None:
    checked = check(Path("tests/typing/sample.py"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_mistake_in_the_use_of_it_is_found(tmp_path: Path) -> None:
    mistaken = tmp_path / "mistaken.py"
    mistaken.write_text(
        "from runtime.testing import WebsocketCommunicator\n"
        "from runtime.generic.websocket import AsyncWebsocketConsumer\n"
        "WebsocketCommunicator(AsyncWebsocketConsumer.as_asgi(), b'/')\n"
    )
    checked = check(mistaken)
    assert "incompatible type" in checked.stdout, checked.stdout + checked.stderr
