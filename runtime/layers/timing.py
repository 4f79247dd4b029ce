"""How long a layer takes for what is sent, told to the observers that want to know.

Owns the telling, which the layers do at the end of a call, whatever ended it. Who asks for the
time at the beginning is the layer: in the line that tests whether anybody listens, so that a
send that nobody times costs that test::

    began = time.perf_counter() if taps.send_finished is not None else None
    try:
        ...
    finally:
        if began is not None:
            tell_finished(began, self, message, cause)

Called by the layers, and by the wrapping of those that know no taps.
"""

from __future__ import annotations

import time
from typing import Any

from runtime.taps import Cause, current_connection, is_muted, taps
from runtime.typing import Message


def tell_finished(began: float, layer: Any, message: Message, cause: Cause | None) -> None:
    """Tell the observers that a call that began at `began`, of `perf_counter()`, has ended."""
    took_s = time.perf_counter() - began
    if (tap := taps.send_finished) is not None and not is_muted():
        tap(current_connection.get(), layer, message, cause, took_s)
