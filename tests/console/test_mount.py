from __future__ import annotations

import pytest
from django.conf import settings
from django.test import override_settings

from console import mount

NOT_MOUNTED = "tests.console.urls_without_console"


def scope(path: str, kind: str = "http", **fields) -> dict:
    return {"type": kind, "path": path, **fields}


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        ("/console/", True),
        ("/console/connections/?q=x", True),
        ("/static/console/js/live.js", True),
        ("/static/demo/chat.js", False),
        ("/", False),
        ("/consoles/", False),
        ("/ws/chat/lobby/", False),
    ],
)
def test_what_lies_below_the_console_is_its_own(path, is_own):
    assert mount.is_own(scope(path)) is is_own


def test_a_root_path_is_taken_off_first():
    assert mount.is_own(scope("/app/console/", root_path="/app"))
    assert not mount.is_own(scope("/app/ws/", root_path="/app"))


def test_a_scope_without_a_path_is_not_the_console_s():
    assert not mount.is_own({"type": "channel", "channel": "thumbnails"})


def test_only_a_websocket_is_the_live_one():
    assert mount.is_live(scope("/console/live/", "websocket"))
    assert not mount.is_live(scope("/console/live/"))
    assert not mount.is_live(scope("/console/other/", "websocket"))


@override_settings(ROOT_URLCONF=NOT_MOUNTED)
def test_a_console_that_is_not_mounted_owns_nothing_but_its_files():
    assert mount.root() is None
    assert not mount.is_own(scope("/console/"))
    assert not mount.is_live(scope("/console/live/", "websocket"))


@override_settings(ROOT_URLCONF="tests.console.urls_at_the_root")
def test_a_console_at_the_root_of_the_site_does_not_mute_the_site():
    assert mount.root() == "/"
    assert not mount.is_own(scope("/shop/"))
    assert mount.is_own(scope("/live/", "websocket"))


@override_settings()
def test_a_project_without_pages_has_no_console():
    del settings.ROOT_URLCONF
    assert mount.root() is None
    assert not mount.is_own(scope("/console/"))
