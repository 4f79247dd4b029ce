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
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime import layers, routing
from runtime.auth import AuthMiddlewareStack
from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.generic import http, websocket
from tests.docs.blocks import (
    DOCS,
    PLACES,
    RUN_BY,
    Block,
    blocks_in,
    blocks_of,
    pages,
    unexplained,
)
from tests.support.packaging import ROOT

TYPED_IN = "tutorial/"
"""Run as a whole by `test_tutorial`."""

READERS = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
BLOCKS = [block for page in pages() for block in blocks_of(page)]
WITH_PYTHON = sorted(
    {
        block.page
        for block in BLOCKS
        if block.language == "python" and block.is_run_here and not block.page.startswith(TYPED_IN)
    }
)


class Project:
    """The reader's own project, as the pages take it for granted."""

    class ChatConsumer(websocket.AsyncJsonWebsocketConsumer):
        """One person in one room."""

    class ThumbnailConsumer(SyncConsumer):
        """Draws, in the worker."""

    class DoorConsumer(AsyncConsumer):
        """A door that says when it is opened."""


def granted() -> dict[str, Any]:
    """Return the names that a page may use without importing them."""
    offered = (http, layers, routing, websocket)
    names = {name: part for module in offered for name, part in vars(module).items()}
    return names | {
        "AsyncConsumer": AsyncConsumer,
        "AuthMiddlewareStack": AuthMiddlewareStack,
        "ChatConsumer": Project.ChatConsumer,
        "DoorConsumer": Project.DoorConsumer,
        "SyncConsumer": SyncConsumer,
        "ThumbnailConsumer": Project.ThumbnailConsumer,
        "__name__": "documentation",
        "admin": admin,
        "application": routing.URLRouter([]),
        "asyncio": asyncio,
        "handle": print,
        "exporter": InMemorySpanExporter(),
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
    """Let `chat.consumers` be there to import from, and what settings read."""
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:for tests alone")
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


@pytest.mark.parametrize("page", WITH_PYTHON)
async def test_the_python_of_a_page_runs(page: str, project: None) -> None:
    names = granted()
    await names["layer"].send("invoices", {"type": "send", "number": 42})  # one to take
    for block in BLOCKS:
        if block.page == page and block.language == "python" and block.is_run_here:
            await run(block, names)


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language in READERS], ids=str)
def test_data_in_a_page_can_be_read(block: Block) -> None:
    READERS[block.language](block.text)


def test_every_block_is_run_by_a_test_or_says_why_it_is_not() -> None:
    assert len(BLOCKS) > 100
    assert unexplained(BLOCKS) == []
    for block in BLOCKS:
        assert (ROOT / "tests/docs" / f"{RUN_BY.get(block.language, 'blocks')}.py").exists()
        assert block.place in PLACES, str(block)


def test_a_test_that_a_block_names_reads_its_page() -> None:
    named = [block for block in BLOCKS if block.elsewhere]
    assert named
    for block in named:
        text = (ROOT / block.elsewhere).read_text(encoding="utf-8")
        assert Path(block.page).name in text, str(block)


def test_html_is_a_file_of_the_tutorial() -> None:
    for block in BLOCKS:
        if block.language == "html+django":
            assert block.file, str(block)
            assert block.page.startswith(TYPED_IN), str(block)


PAGE = """
```python
x = 1
```

```nginx
server {}
```

<!-- not run: needs nginx -->
```nginx
server {}
```

```{toctree}
index
```

```text
said
```

```
of no language
```
"""


def test_a_block_that_nobody_runs_and_that_does_not_say_why_is_found() -> None:
    assert unexplained(blocks_in(PAGE, "one.md")) == ["one.md:6 (nginx)", "one.md:23 (no language)"]


def test_a_reason_is_that_of_the_block_right_below_it() -> None:
    reasons = [block.reason for block in blocks_in(PAGE, "one.md")]
    assert reasons == ["", "", "needs nginx", "", "", ""]
