"""What Daphne refuses to say, though the protocol knows it: close codes such as 1012.

Daphne closes by a method for applications in a browser's place, which takes 1000 and
3000 to 4999 alone and raises at any other; what a server has to say lies between.
Owns the one method that is replaced, if Daphne serves at all. Called by the drain
when it first hears of an event loop.

Source: RFC 6455, section 7.4; the IANA registry of WebSocket close codes
"""

from __future__ import annotations

import functools
import sys
from typing import Any, Final

SERVER_CODES: Final = frozenset({1001, 1002, 1003, *range(1007, 1015)})
"""Codes that may stand in a close frame, and that Daphne refuses."""


def allow_server_codes() -> None:
    """Let Daphne close with `SERVER_CODES`; nothing happens without Daphne, nor a second time."""
    module = sys.modules.get("daphne.ws_protocol")
    if module is None or hasattr(module.WebSocketProtocol.serverClose, "__wrapped__"):
        return
    original = module.WebSocketProtocol.serverClose

    @functools.wraps(original)
    def server_close(self: Any, code: int | None = None) -> None:
        if code in SERVER_CODES:
            self.sendCloseFrame(code=code)
        else:
            original(self, code)

    module.WebSocketProtocol.serverClose = server_close
