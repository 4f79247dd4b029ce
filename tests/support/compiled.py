"""Gives the console the compiled tape, before anybody asks which there is.

A plugin of pytest, named with `-p`. CHANNELSCOPE_EXTENSION is the extension.
"""

from __future__ import annotations

import importlib.util
import os
import sys

NAME = "console.tape_native"

assert "console.taping" not in sys.modules, "somebody has asked already which tape there is"
spec = importlib.util.spec_from_file_location(NAME, os.environ["CHANNELSCOPE_EXTENSION"])
assert spec is not None
assert spec.loader is not None
native = importlib.util.module_from_spec(spec)
sys.modules[NAME] = native
spec.loader.exec_module(native)


def pytest_sessionfinish() -> None:
    """See that it is what was used, to the end."""
    from console.recorder import Recorder

    assert sys.modules[NAME] is native
    assert issubclass(Recorder, native.Tape)
