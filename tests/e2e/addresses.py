"""The addresses of the console, found as a person finds them: the rooms, and where they lead.

Owns the walk. A room that is added to the navigation is walked by itself, and so is the page of
one thing that its rows or links lead to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from playwright.async_api import Page

from console.pages.rooms import SECTIONS

ROOMS = [room for _, section in SECTIONS for room in section]

NO_PAGES = ("/export/", "/logout/", "/login/", "/metrics")

MOST = 40
"""Addresses that a walk finds at most: a loop of links must not be endless."""


async def walk(page: Page, look: Callable[[], Awaitable[None]]) -> list[str]:
    """Return one address for each view of the console, and for each way to open something there.

    Args:
        page: of somebody who may see all of it.
        look: what to do at each of them.
    """
    found: dict[str, str] = {}
    waiting = [f"/console/{room.name}/" for room in ROOMS]
    seen: set[str] = set()
    while waiting and len(found) < MOST:
        address = waiting.pop(0)
        if address in seen:
            continue
        seen.add(address)
        if (kind := _kind(address)) is None or kind in found:
            continue
        found[kind] = address
        await page.goto(address)
        await look()
        waiting += await page.evaluate(
            """() => [...document.querySelectorAll("main a[href]:not([download])")]
                .map((link) => new URL(link.getAttribute("href"), location.href))
                .filter((url) => url.origin === location.origin)
                .map((url) => url.pathname + url.search)"""
        )
    return list(found.values())


def _kind(address: str) -> str | None:
    """Return the view that an address leads to and what it opens there; None for no page."""
    parts = urlsplit(address)
    if not parts.path.startswith("/console/") or any(one in parts.path for one in NO_PAGES):
        return None
    try:
        view = resolve(parts.path, "console.demo.urls").view_name
    except Resolver404:
        return None
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&") if pair})
    # A filter or an order shows the same room with other rows.
    opens = [one for one in names if one not in ("q", "sort", "page", "before", "process", "hide")]
    return " ".join((view, *opens))
