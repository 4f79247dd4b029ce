from __future__ import annotations

import pytest
from django.test import RequestFactory, override_settings

from console.demo.toolbar import is_shown


@pytest.mark.parametrize(
    ("path", "is_expected"),
    [("/", True), ("/chat/lobby/", True), ("/console/", False), ("/console/traffic/", False)],
)
@override_settings(DEBUG=True, INTERNAL_IPS=["127.0.0.1"])
def test_the_toolbar_keeps_out_of_the_console(path: str, is_expected: bool) -> None:
    assert is_shown(RequestFactory().get(path)) is is_expected


@override_settings(DEBUG=True, INTERNAL_IPS=["127.0.0.1"])
def test_the_toolbar_is_for_this_machine_alone() -> None:
    assert not is_shown(RequestFactory().get("/", REMOTE_ADDR="192.0.2.1"))
