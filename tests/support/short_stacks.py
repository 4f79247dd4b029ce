"""Fewer lines of the stack that asyncio's debug mode notes for each callback, future and task.

It notes where each was made, to say so if one is never awaited or ends unheard. Down through
pytest and Django that is sixty lines, for each of whose files the file system is asked: half of
the time that the tests took. The innermost say where it was made.
"""

from __future__ import annotations

import asyncio.constants
import os
import traceback

LINES = int(os.environ.get("CHANNELSCOPE_STACK_LINES", "4"))


def shorten() -> None:
    """Let this process note `LINES` of them from now on."""
    asyncio.constants.DEBUG_STACK_DEPTH = LINES
    # What is written in C asks without a limit, and there is no setting for one: `f`, `limit`.
    traceback.extract_stack.__defaults__ = (None, LINES)
