"""One demo behind Daphne, one Chromium, and as many people in it as a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, async_playwright, expect

from tests.e2e.people import People, sign_in
from tests.e2e.servers import DAPHNE, SOON_S, DemoServer, running_demo

NOT_NEEDED = (
    # Of two lists the last one counts, so what Playwright turns off is off here, too.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    # Each person has a window of the browser, whose field for addresses, which nobody sees, is made
    # of two pages in a process of their own: three quarters of what a person costs.
    "PreloadTopChromeWebUI",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
    # A process in reserve for each page that may come.
    "SpareRendererForSitePerProcess",
)
"""What a browser does for somebody who sits before it."""

CHROMIUM_ARGUMENTS = [
    f"--disable-features={','.join(NOT_NEEDED)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=SOON_S * 1_000)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    """Yield the demo, served by Daphne, with a database of its own."""
    with running_demo(DAPHNE, tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium(chromium_path: Path) -> AsyncIterator[Browser]:
    """Yield a running Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=CHROMIUM_ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def staff_session(chromium: Browser, demo: DemoServer) -> StorageState:
    """Return the cookies of the staff user."""
    return await sign_in(chromium, demo)


@pytest_asyncio.fixture(loop_scope="session")
async def people(
    chromium: Browser, demo: DemoServer, staff_session: StorageState
) -> AsyncIterator[People]:
    """Yield the people of this test; whatever went wrong in one of their browsers fails it."""
    async with People(chromium, demo.url, staff_session) as people:
        yield people
    assert people.problems == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any) -> Generator[None, Any, Any]:
    """Show what the server said beside a failure."""
    report = yield
    server = item.funcargs.get("demo")
    if report.failed and server is not None:
        report.sections.append(("What the demo's server said", server.read_log()))
    return report
