"""The console of a running demo, as somebody of the staff asks for its pages: without a browser."""

from __future__ import annotations

import http.cookiejar
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from tests.e2e.servers import SOON_S, DemoServer

PAUSE_S = 0.2


class Console:
    """Somebody of the staff at the console of one process."""

    def __init__(self, demo: DemoServer) -> None:
        self.url = demo.url
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self._opener.open(demo.new_sign_in_link(), timeout=SOON_S).close()

    def cookies(self) -> str:
        """Return the header that says who this is."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)

    def see(self, path: str) -> str:
        """Return the page at `path`, as it is now."""
        try:
            with self._opener.open(f"{self.url}/console/{path}", timeout=SOON_S) as response:
                page: str = response.read().decode()
                return page
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()

    def wait_to_see(self, path: str, is_there: Callable[[str], object]) -> str:
        """Return the page at `path` once it shows what is waited for."""
        until = time.monotonic() + SOON_S
        while not is_there(page := self.see(path)):
            assert time.monotonic() < until, f"Not seen at {path}: {words(page)}"
            time.sleep(PAUSE_S)  # a pause between two looks at another process
        return page


def words(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())
