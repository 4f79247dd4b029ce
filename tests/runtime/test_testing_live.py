"""The live test case, in processes with a database that is a file."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import ConnectionHandler

from console.demo.asgi import application
from runtime.testing import live

ROOT = Path(__file__).resolve().parents[2]
DJANGO = ("-m", "django", "test", "--noinput", "-v", "2")
PYTEST = ("-m", "pytest", "-v", "-p", "no:cacheprovider", "--ds", "tests.support.live.settings")


def run(tmp_path, *arguments, **environment):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    kept.pop("PYTHONASYNCIODEBUG", None)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={
            **kept,
            "DJANGO_SETTINGS_MODULE": "tests.support.live.settings",
            "LIVE_DATABASE": str(tmp_path / "test.sqlite3"),
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_server_shares_files_hosts_and_database_with_the_tests(tmp_path, method):
    labels = [f"tests.support.live.cases.{case}" for case in ("Live", "Bare")]
    done = run(tmp_path, *DJANGO, *labels, LIVE_START_METHOD=method)
    assert done.returncode == 0, done.stderr
    assert "Ran 5 tests" in done.stderr
    assert not (ROOT / "never-opened.sqlite3").exists()


def test_pytest_runs_the_same_cases(tmp_path):
    cases = [f"tests/support/live/cases.py::{case}" for case in ("Live", "Bare")]
    done = run(tmp_path, *PYTEST, *cases)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_a_browser_opens_a_page_that_talks_to_its_websocket(tmp_path, chromium_path):
    label = "tests.support.live.cases.InBrowser"
    environment = {"LIVE_CHROMIUM": str(chromium_path), "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
    done = run(tmp_path, *DJANGO, label, **environment)
    assert done.returncode == 0, done.stderr


def test_a_server_that_does_not_start_is_an_error_with_its_reason(tmp_path):
    done = run(tmp_path, *DJANGO, "tests.support.live.cases.Failing")
    assert done.returncode == 1
    assert "RuntimeError: The server ended before it listened" in done.stderr
    assert "this application cannot be made" in done.stderr


def test_a_database_in_memory_is_refused_in_one_sentence(tmp_path):
    done = run(tmp_path, *DJANGO, "tests.support.live.cases.Live", LIVE_DATABASE="")
    assert done.returncode == 1
    refusal = "ChannelsLiveServerTestCase can not be used with in memory databases"
    assert f"ImproperlyConfigured: {refusal}" in done.stderr.replace("django.core.exceptions.", "")


def test_the_application_is_the_projects_own_with_static_files_around_it_if_wanted():
    assert live.make_application(static_wrapper=None) is application
    assert live.make_application(static_wrapper=lambda inner: [inner]) == [application]


@pytest.mark.parametrize(
    ("database", "name"),
    [
        ({"NAME": "shop", "TEST": {"NAME": None}}, "test_shop"),
        ({"NAME": "test_shop", "TEST": {"NAME": None}}, "test_shop"),
        ({"NAME": "shop", "TEST": {"NAME": "other"}}, "other"),
    ],
)
def test_a_process_without_a_word_from_the_tests_takes_their_database(monkeypatch, database, name):
    databases = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", **database}})
    monkeypatch.setattr(live, "connections", databases)
    monkeypatch.setattr(live, "settings", SimpleNamespace(DATABASES=databases.settings))
    live.set_database_connection()
    assert databases["default"].settings_dict["NAME"] == name
