from __future__ import annotations

import sys

from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from console.checks import (
    TAG,
    check_audit,
    check_middleware,
    check_middleware_order,
    check_open_console,
    check_runtime,
    check_settings,
    check_spans,
)

NOT_MOUNTED = "tests.console.urls_without_console"


def ids(messages) -> list[str]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_a_project_that_is_set_up_passes():
    assert run_checks(tags=[TAG]) == []


def test_a_mistyped_key_is_an_error_with_the_nearest_name():
    with override_settings(CHANNELSCOPE={"RING_ENTRIS": 1, "IDLE_S": "long"}):
        first, second = check_settings()
    assert ids([first, second]) == ["channelscope.E001", "channelscope.E002"]
    assert "RING_ENTRIES" in first.hint


def test_without_the_runtime_there_is_nothing_to_watch():
    installed = [app for app in settings.INSTALLED_APPS if app not in ("runtime", "console.demo")]
    with override_settings(INSTALLED_APPS=installed):
        assert "channelscope.E003" in ids(check_runtime())


@override_settings(ASGI_APPLICATION=None)
def test_a_mounted_console_needs_an_asgi_application():
    assert ids(check_runtime()) == ["channelscope.W004"]


@override_settings(ROOT_URLCONF="tests.console.urls_at_the_root")
def test_the_root_of_the_site_is_no_place_for_the_console():
    assert ids(check_runtime()) == ["channelscope.W007"]


@override_settings(MIDDLEWARE=[])
def test_the_console_needs_sessions_and_users():
    assert ids(check_middleware()) == ["channelscope.E005", "channelscope.E006"]


@override_settings(MIDDLEWARE=[], ROOT_URLCONF=NOT_MOUNTED, ASGI_APPLICATION=None)
def test_a_console_that_is_not_mounted_needs_nothing():
    assert check_middleware() == []
    assert check_runtime() == []


@override_settings(
    MIDDLEWARE=["tests.console.own_middleware.Sessions", "tests.console.own_middleware.Users"]
)
def test_a_subclass_of_the_middleware_will_do():
    assert check_middleware() == []


def test_without_the_admin_nothing_keeps_what_is_done():
    assert check_audit() == []
    installed = [app for app in settings.INSTALLED_APPS if app != "django.contrib.admin"]
    with override_settings(INSTALLED_APPS=installed):
        assert ids(check_audit()) == ["channelscope.W008"]
        with override_settings(ROOT_URLCONF=NOT_MOUNTED):
            assert check_audit() == []


@override_settings(
    MIDDLEWARE=["tests.console.own_middleware.Users", "tests.console.own_middleware.Sessions"]
)
def test_users_come_after_sessions():
    assert ids(check_middleware_order()) == ["channelscope.E011"]
    with override_settings(ROOT_URLCONF=NOT_MOUNTED):
        assert check_middleware_order() == []


@override_settings(DEBUG=False)
def test_a_deployment_is_told_who_may_watch_and_act():
    assert ids(check_open_console()) == ["channelscope.W012"]
    with override_settings(CHANNELSCOPE={"STAFF_MAY_STEER": True}):
        assert ids(check_open_console()) == ["channelscope.W012", "channelscope.W013"]
    with override_settings(CHANNELSCOPE={"STAFF_MAY_STEER": True, "READ_ONLY": True}):
        assert ids(check_open_console()) == ["channelscope.W012"]
    found = run_checks(tags=[TAG], include_deployment_checks=True)
    assert "channelscope.W012" in ids(found)


def test_a_console_under_debug_or_none_is_open_to_nobody_in_production():
    with override_settings(DEBUG=True):
        assert check_open_console() == []
    with override_settings(ROOT_URLCONF=NOT_MOUNTED, DEBUG=False):
        assert check_open_console() == []


def test_spans_need_the_package_that_makes_them(monkeypatch):
    assert check_spans() == []
    with override_settings(CHANNELSCOPE={"OTEL": True}):
        assert check_spans() == []
        monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
        assert ids(check_spans()) == ["channelscope.E014"]
