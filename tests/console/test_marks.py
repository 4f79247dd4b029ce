from __future__ import annotations

from types import SimpleNamespace

import pytest

from console.marks import COOKIE, is_marked, new_mark

ADA = SimpleNamespace(pk=1)


def scope(*cookies: str) -> dict[str, object]:
    return {"type": "websocket", "headers": [(b"cookie", one.encode()) for one in cookies]}


def test_a_handshake_with_the_cookie_is_the_consoles() -> None:
    assert is_marked(scope(f"sessionid=x; {COOKIE}={new_mark(ADA)}"))


@pytest.mark.parametrize("cookie", ["", "sessionid=x", f"{COOKIE}=", f"{COOKIE}=1:forged:mark"])
def test_any_other_handshake_is_not(cookie: str) -> None:
    assert not is_marked(scope(cookie))


def test_a_scope_without_headers_is_not() -> None:
    assert not is_marked({"type": "channel", "channel": "thumbnails"})
