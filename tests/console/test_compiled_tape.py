"""The recorder does the same with its hot path compiled: its tests pass with the extension."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.support.packaging import ROOT
from tests.support.saying import said_by

OF_THE_RECORDER = (
    "test_captured.py",
    "test_connection.py",
    "test_flood.py",
    "test_folding.py",
    "test_handlers.py",
    "test_journal.py",
    "test_malformed_traffic.py",
    "test_recorder.py",
    "test_state.py",
    "test_taking.py",
    "test_tape.py",
)

FOREIGN = ("PYTEST_", "CHANNELSCOPE_TAPE")


def test_the_tests_of_the_recorder_pass_with_the_compiled_tape(compiled_tape: Path) -> None:
    plugins = ("-p", "tests.support.compiled", "-p", "no:cacheprovider", "-p", "no:xdist")
    tests = [str(Path(__file__).with_name(name)) for name in OF_THE_RECORDER]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    status, said = said_by(
        [sys.executable, "-m", "pytest", "-q", *plugins, *tests],
        cwd=ROOT,
        env=kept | {"CHANNELSCOPE_EXTENSION": str(compiled_tape)},
    )
    assert status == 0, said
    assert re.search(r"^\d+ passed", said, re.MULTILINE), said
