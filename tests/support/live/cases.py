"""Test cases that are run in a process of their own, by Django's runner and by pytest."""

from __future__ import annotations

import multiprocessing
import os
import urllib.error
import urllib.request

from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import expect, sync_playwright
from websockets.sync.client import connect

from runtime.testing import ChannelsLiveServerTestCase

if os.environ.get("LIVE_START_METHOD"):
    multiprocessing.set_start_method(os.environ["LIVE_START_METHOD"], force=True)


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.read().decode()


class Live(ChannelsLiveServerTestCase):
    def ask(self) -> str:
        origin = self.live_server_url
        with connect(f"{self.live_server_ws_url}/users/", origin=origin, open_timeout=30) as socket:
            socket.send("who")
            return socket.recv(timeout=30)

    def test_the_server_sees_what_the_test_has_saved(self) -> None:
        User.objects.create(username="grace")
        assert self.ask() == "grace"

    def test_the_server_sees_nothing_of_another_test(self) -> None:
        User.objects.create(username="linus")
        assert self.ask() == "linus"

    def test_pages_and_static_files_are_served(self) -> None:
        assert "<title>Users</title>" in read(f"{self.live_server_url}/")
        assert "new WebSocket" in read(f"{self.live_server_url}/static/page.js")

    def test_the_server_answers_to_its_host_alone(self) -> None:
        assert settings.ALLOWED_HOSTS == ["testserver", "localhost"]
        assert self.live_server_url == f"http://localhost:{self._port}"


class Bare(ChannelsLiveServerTestCase):
    serve_static = False

    def test_static_files_are_not_served_unless_wanted(self) -> None:
        with self.assertRaisesRegex(  # noqa: PT027 - Django's runner runs it too
            urllib.error.HTTPError, "404"
        ):
            read(f"{self.live_server_url}/static/page.js")


class InBrowser(ChannelsLiveServerTestCase):
    def test_a_page_talks_to_its_websocket(self) -> None:
        User.objects.create(username="grace")
        # Playwright runs an event loop on this thread, beside which Django wants no queries.
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ["LIVE_CHROMIUM"], args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page()
            page.goto(self.live_server_url)
            expect(page.locator("output")).to_have_text("grace")
            browser.close()


def fail() -> None:
    raise RuntimeError("this application cannot be made")


class Failing(ChannelsLiveServerTestCase):
    @classmethod
    def _served_project(cls):  # type: ignore[no-untyped-def]
        return fail

    def test_never_begins(self) -> None:
        raise AssertionError("it has")
