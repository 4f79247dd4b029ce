"""Every block of the documentation that can run is run, in the order of its page.

The blocks of a page share their names, as somebody reads them: what one defines, the next may
use. What a page takes for granted, of Django or of the reader's own project, is in `GRANTED`.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import sys
import textwrap
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from django.contrib import admin
from django.urls import include, path, re_path

from runtime import layers, routing
from runtime.auth import AuthMiddlewareStack
from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.generic import http, websocket
from tests.docs.blocks import DOCS, Block, blocks_of, pages
from tests.support.packaging import ROOT

TYPED_IN = "tutorial/"
"""Run as a whole by `test_tutorial`."""

ELSEWHERE = {
    "protocols/mqtt.md": "tests/runtime/protocols/test_docs.py",
    "protocols/telegram.md": "tests/runtime/protocols/test_docs.py",
    "protocols/your-own.md": "tests/runtime/protocols/test_your_own.py",
    "testing.md": "tests/runtime/test_testing_plugin.py",
}
"""Pages that a test of their own runs."""

CANNOT_RUN = {
    "OTLPSpanExporter": "sends to a collector, by a package that only a project chooses",
    "exporter.export": "is that exporter's",
}
"""What the text of a block has in it that cannot run here, and why."""

LANGUAGES = {
    "",
    "console",
    "html+django",
    "ini",
    "js",
    "json",
    "nginx",
    "python",
    "text",
    "toml",
    "yaml",
}

PAGES = [page for page in pages() if not page.relative_to(DOCS).as_posix().startswith(TYPED_IN)]
WITH_PYTHON = [
    page
    for page in PAGES
    if page.relative_to(DOCS).as_posix() not in ELSEWHERE
    and any(block.language == "python" for block in blocks_of(page))
]


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


class Project:
    """The reader's own project, as the pages take it for granted."""

    class ChatConsumer(websocket.AsyncJsonWebsocketConsumer):
        """One person in one room."""

    class ThumbnailConsumer(SyncConsumer):
        """Draws, in the worker."""


def granted() -> dict[str, Any]:
    """Return the names that a page may use without importing them."""
    offered = (http, layers, routing, websocket)
    names = {name: part for module in offered for name, part in vars(module).items()}
    return names | {
        "AsyncConsumer": AsyncConsumer,
        "AuthMiddlewareStack": AuthMiddlewareStack,
        "ChatConsumer": Project.ChatConsumer,
        "SyncConsumer": SyncConsumer,
        "ThumbnailConsumer": Project.ThumbnailConsumer,
        "__name__": "documentation",
        "admin": admin,
        "application": routing.URLRouter([]),
        "asyncio": asyncio,
        "handle": print,
        "include": include,
        "json": json,
        "layer": layers.InMemoryChannelLayer(acknowledged_channels=["invoices"]),
        "os": os,
        "path": path,
        "pytest": pytest,
        "re_path": re_path,
    }


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `chat.consumers` be there to import from."""
    consumers = ModuleType("chat.consumers")
    consumers.ChatConsumer = Project.ChatConsumer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chat", ModuleType("chat"))
    monkeypatch.setitem(sys.modules, "chat.consumers", consumers)


async def run(block: Block, names: dict[str, Any]) -> None:
    """Run a block, whose own line numbers an error then has."""
    source = "\n" * block.line + textwrap.dedent(block.text)
    code = compile(source, str(DOCS / block.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    made = eval(code, names)
    if inspect.iscoroutine(made):
        await asyncio.wait_for(made, 10)


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
async def test_the_python_of_a_page_runs(page: Path, project: None) -> None:
    names = granted()
    await names["layer"].send("invoices", {"type": "send", "number": 42})  # one to take
    for block in blocks_of(page):
        if block.language == "python" and not any(part in block.text for part in CANNOT_RUN):
            await run(block, names)


def test_what_is_run_elsewhere_and_what_cannot_run_is_there() -> None:
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8") or (
            Path(page).stem in (ROOT / test).read_text(encoding="utf-8")
        )
    texts = [block.text for page in PAGES for block in blocks_of(page)]
    for part in CANNOT_RUN:
        assert any(part in text for text in texts)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_data_in_a_page_can_be_read(page: Path) -> None:
    readers = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
    for block in blocks_of(page):
        assert block.language in LANGUAGES, str(block)
        if block.language in readers:
            readers[block.language](block.text)
