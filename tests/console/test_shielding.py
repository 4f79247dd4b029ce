from __future__ import annotations

from typing import Any

from console.shielding import content_security_policy


def directives(host: str = "example.test:8000") -> dict[str, list[str]]:
    policy = content_security_policy(host)
    return {name: values for name, *values in (part.split() for part in policy.split("; "))}


def test_a_page_may_open_the_sockets_of_its_own_host_and_no_others() -> None:
    assert directives()["connect-src"] == [
        "'self'",
        "ws://example.test:8000",
        "wss://example.test:8000",
    ]


def test_nothing_is_allowed_that_is_not_named() -> None:
    assert directives()["default-src"] == ["'none'"]
    assert directives()["frame-ancestors"] == ["'none'"]


def test_static_files_on_another_host_are_let_in(settings: Any) -> None:
    settings.STATIC_URL = "https://cdn.example.test/static/"
    assert directives()["script-src"] == ["'self'", "https://cdn.example.test"]
    assert "https://cdn.example.test" not in directives()["connect-src"]
