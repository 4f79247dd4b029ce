from __future__ import annotations

import sys

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import get_commands
from django.test import override_settings

from runtime.checks import (
    TAG,
    check_application,
    check_deployed_hosts,
    check_deployed_layers,
    check_hosts,
    check_layers,
    check_runserver,
)

MEMORY = {"default": {"BACKEND": "runtime.layers.InMemoryChannelLayer"}}
REDIS = {"default": {"BACKEND": "runtime.layers.redis.RedisChannelLayer"}}


def ids(messages) -> list[str]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


@pytest.fixture
def run(monkeypatch):
    """Let a management command of this name be what runs."""
    return lambda command: monkeypatch.setattr(sys, "argv", ["manage.py", command])


@override_settings(CHANNEL_LAYERS=MEMORY)
def test_a_project_that_is_set_up_passes():
    assert run_checks(tags=[TAG]) == []


@pytest.mark.parametrize("configured", [None, {"other": MEMORY["default"]}])
def test_a_project_without_a_default_layer_is_told(configured):
    with override_settings(CHANNEL_LAYERS=configured):
        assert ids(check_layers()) == ["runtime.W001"]


@override_settings(CHANNEL_LAYERS={})
def test_a_project_that_says_it_wants_no_layer_is_not_told():
    assert check_layers() == []
    assert check_deployed_layers() == []


@pytest.mark.parametrize(
    "config", [{"BACKEND": "runtime.layers.Missing"}, {"BACKEND": "nowhere.Layer"}, {}, None]
)
def test_a_layer_that_cannot_be_made_is_named(config):
    with override_settings(CHANNEL_LAYERS={**MEMORY, "second": config}):
        (message,) = check_layers()
    assert ids([message]) == ["runtime.E002"]
    assert "'second'" in message.msg


@override_settings(CHANNEL_LAYERS=MEMORY)
def test_several_servers_do_not_share_a_layer_in_memory(monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    assert check_layers() == []
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert ids(check_layers()) == ["runtime.W003"]


@override_settings(CHANNEL_LAYERS=MEMORY)
def test_a_worker_and_a_server_do_not_share_a_layer_in_memory(run):
    run("runworker")
    assert ids(check_layers()) == ["runtime.W003"]


def test_a_layer_on_redis_joins_them(run, monkeypatch):
    run("runworker")
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    with override_settings(CHANNEL_LAYERS=REDIS):
        assert check_layers() == []
        assert check_deployed_layers() == []


@override_settings(CHANNEL_LAYERS=MEMORY)
def test_a_deployment_is_told_that_its_layer_is_in_memory():
    assert ids(check_deployed_layers()) == ["runtime.W004"]
    found = run_checks(tags=[TAG], include_deployment_checks=True)
    assert "runtime.W004" in ids(found)
    assert "runtime.W004" not in ids(run_checks(tags=[TAG]))


@pytest.mark.parametrize("dotted", [None, ""])
def test_a_project_without_an_application_is_told(dotted):
    with override_settings(ASGI_APPLICATION=dotted):
        assert ids(check_application()) == ["runtime.W005"]


@pytest.mark.parametrize("dotted", ["nowhere.asgi.application", "tests.nowhere.app", "application"])
def test_an_application_in_no_module_is_an_error(dotted):
    with override_settings(ASGI_APPLICATION=dotted):
        (message,) = check_application()
    assert ids([message]) == ["runtime.E006"]
    assert repr(dotted) in message.msg


def test_runserver_without_daphne_is_told_that_it_serves_no_websockets(run):
    assert not apps.is_installed("daphne")
    assert get_commands()["runserver"] == "django.contrib.staticfiles"
    run("migrate")
    assert check_runserver() == []
    run("runserver")
    assert ids(check_runserver()) == ["runtime.W007"]


def test_runserver_of_daphne_is_as_it_should_be(run, monkeypatch):
    run("runserver")
    monkeypatch.setattr("runtime.checks.get_commands", lambda: {"runserver": "daphne"})
    assert check_runserver() == []


@override_settings(ALLOWED_HOSTS=[], DEBUG=False)
def test_without_hosts_and_debug_nobody_gets_in():
    assert ids(check_hosts()) == ["runtime.W008"]


@override_settings(ALLOWED_HOSTS=[], DEBUG=True)
def test_under_debug_django_knows_the_hosts_of_this_machine():
    assert check_hosts() == []


def test_a_deployment_is_told_that_pages_of_every_site_may_connect():
    with override_settings(ALLOWED_HOSTS=["*"]):
        assert ids(check_deployed_hosts()) == ["runtime.W009"]
    with override_settings(ALLOWED_HOSTS=[".example.com"]):
        assert check_deployed_hosts() == []
