from __future__ import annotations

import ast

from console.exports.scope_literal import scope_literal
from console.redact import REDACTED

SHOWN = {
    "type": "websocket",
    "path": "/ws/caf\u00e9/",
    "raw_path": "/ws/caf%C3%A9/",
    "query_string": "a=1",
    "headers": [["host", "example.com"], ["cookie", REDACTED]],
    "client": ["127.0.0.1", 4],
    "user": {"pk": 1, "is_staff": None},
}


def test_a_scope_is_written_as_an_application_gets_it() -> None:
    scope = ast.literal_eval(scope_literal(SHOWN))
    assert scope["raw_path"] == b"/ws/caf%C3%A9/"
    assert scope["query_string"] == b"a=1"
    assert scope["headers"] == [[b"host", b"example.com"], [b"cookie", REDACTED.encode()]]
    assert {key: scope[key] for key in ("type", "path", "client", "user")} == {
        key: SHOWN[key] for key in ("type", "path", "client", "user")
    }


def test_what_is_hostile_stays_a_literal() -> None:
    evil = "\"'); import os; ('\\\n\udc80"
    shown = {"path": evil, "query_string": evil, "headers": [[evil, evil]]}
    scope = ast.literal_eval(scope_literal(shown))
    assert scope["path"] == evil
    assert (
        scope["query_string"] == scope["headers"][0][1] == evil.encode("utf-8", "surrogateescape")
    )
    assert scope_literal({}) == "{}"


def test_a_long_scope_has_a_line_for_each_of_its_parts() -> None:
    assert scope_literal(SHOWN).startswith('{\n    "type": "websocket",\n    "path": ')
