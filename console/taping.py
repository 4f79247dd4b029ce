"""Which tape this process has: the compiled one, where a wheel brought it, else that in Python.

They have the same names and do the same; CHANNELSCOPE_TAPE=python asks for the one in Python.

Source: docs/decisions/0040-compiled-tape.md
"""

from __future__ import annotations

import os
from importlib.util import find_spec

IS_COMPILED = (
    os.environ.get("CHANNELSCOPE_TAPE") != "python" and find_spec("console.tape_native") is not None
)
"""Whether it is the compiled one."""

if IS_COMPILED:
    from console.tape_native import Counted as Counted
    from console.tape_native import Durations as Durations
    from console.tape_native import Numbers as Numbers
    from console.tape_native import Origin as Origin
    from console.tape_native import Running as Running
    from console.tape_native import Tape as Tape
    from console.tape_native import Written as Written
else:
    from console.captured import Counted as Counted
    from console.captured import Durations as Durations
    from console.captured import Numbers as Numbers
    from console.captured import Origin as Origin
    from console.captured import Running as Running
    from console.captured import Written as Written
    from console.tape import Tape as Tape
