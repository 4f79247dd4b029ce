"""Puts the compiled tape in the place of `console/tape.py`, before anybody imports that.

A plugin of pytest, named with `-p`. CHANNELSCOPE_TAPE is the extension.
"""

from __future__ import annotations

import importlib.util
import os
import sys

import console

NAME = "console.tape"

assert NAME not in sys.modules, "somebody has imported the tape already"
spec = importlib.util.spec_from_file_location(NAME, os.environ["CHANNELSCOPE_TAPE"])
assert spec is not None
assert spec.loader is not None
tape = importlib.util.module_from_spec(spec)
sys.modules[NAME] = tape
spec.loader.exec_module(tape)
console.tape = tape


def pytest_sessionfinish() -> None:
    """See that it is what was used, to the end."""
    from console import vitals

    assert sys.modules[NAME] is tape
    assert vitals.recorder() == "compiled"
