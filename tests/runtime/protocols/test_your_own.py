"""The example of the guide runs as printed."""

import asyncio
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest

from runtime.drops import drops
from runtime.routing import ProtocolTypeRouter
from tests.support.observing import observed
from tests.support.playbook import eventually

pytestmark = pytest.mark.usefixtures("layer")

PAGE = Path(__file__).resolve().parents[3] / "docs/protocols/your-own.md"
MOST_LINES = 80


def printed():
    """Return the files that the page prints, by their names."""
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return dict(blocks)


@pytest.fixture
def example(monkeypatch):
    """Return the modules of the page, imported in the order in which they are printed."""
    modules = {}
    monkeypatch.setitem(sys.modules, "lines", ModuleType("lines"))
    for file, code in printed().items():
        name = file.removesuffix(".py").replace("/", ".")
        module = modules[name] = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(code, file, "exec"), vars(module))
    return modules


@asynccontextmanager
async def serving(example, application=None):
    server = example["lines.server"].LineServer(
        application or example["asgi"].application, "127.0.0.1", 0, deadline_s=5
    )
    task = asyncio.ensure_future(server.serve())
    try:
        await eventually(lambda: server.port)
        yield server
    finally:
        server.stop()
        async with asyncio.timeout(30):
            await task


async def line(reader):
    async with asyncio.timeout(30):
        return await reader.readline()


def test_the_whole_example_has_under_80_lines():
    assert list(printed()) == [
        "lines/server.py",
        "lines/management/commands/runlines.py",
        "asgi.py",
    ]
    assert sum(code.count("\n") for code in printed().values()) < MOST_LINES


async def test_it_answers_and_ends_the_scope_of_a_client_that_is_gone(example):
    with observed() as notebook:
        async with serving(example) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write("good day, Zoë\r\n".encode())
            assert (await line(reader)).decode() == "good day, Zoë\n"
            writer.close()
            await eventually(lambda: not server.scopes)
    types = [event["type"] for _, event, _ in notebook.of("event_received")]
    assert types == ["line.receive", "line.disconnect"]


async def test_malformed_input_is_counted_and_the_next_line_is_served(example):
    async with serving(example) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\xff\xfe\nbetter\n")
        assert await line(reader) == b"better\n"
        assert drops.counts == {("line", "malformed"): 1}
        writer.write(b"x" * 100_000 + b"\n")
        assert await line(reader) == b""
        assert drops.counts == {("line", "malformed"): 2}
        writer.close()


async def test_an_event_that_it_does_not_know_is_the_consumers_error(example, caplog):
    async def wrong(scope, receive, send):
        await receive()
        await send({"type": "line.shout"})

    application = ProtocolTypeRouter({"line": wrong})
    async with serving(example, application) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"hello\nand again\n")
        assert await line(reader) == b""
        writer.close()
    assert "expected line.send with a text" in caplog.text


async def test_stopping_it_ends_its_clients(example):
    async with serving(example) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"hello\n")
        await line(reader)
        server.stop()
        assert await line(reader) == b""
        writer.close()


def test_its_command_says_what_it_serves(example):
    command = example["lines.management.commands.runlines"].Command()
    server = command.make_server(example["asgi"].application)
    assert server.describe() == "lines on 127.0.0.1:7000"
    assert server.scope_timeout_s == 600
