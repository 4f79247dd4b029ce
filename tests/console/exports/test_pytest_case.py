from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.exports.pytest_case import filename, pytest_case
from console.recorded import Recorded
from console.relay import relay
from runtime.routing import get_default_application
from runtime.testing import WebsocketCommunicator
from tests.support.chatting import ORIGIN, recorded, recorded_chat, session_of

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[3]
APPLICATION = "console.demo.asgi.application"


def run(code: str, folder: Path, name: str = "test_recorded.py") -> tuple[int, str]:
    """Run generated code as a test of this project. Returns the exit code and what was said."""
    path = folder / name
    path.write_text(code, encoding="utf-8")
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    command += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def formatted(code: str) -> str:
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--stdin-filename",
        "x.py",
        "-",
    ]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
    return done.stdout


async def echoed(path: str) -> tuple[Recorded, str]:
    """Talk with the echo in text and in bytes, and be forgotten by it."""
    application = get_default_application()
    async with WebsocketCommunicator(application, path, ORIGIN, ["v2", "v1"]) as socket:
        assert (await socket.connect(timeout=10))[0]
        for text, data in (("/name ada", None), ('it says "hi"', None), (None, b"\x89PNG\x00")):
            await socket.receive_from(timeout=10)
            await socket.send_to(text_data=text, bytes_data=data)
        await socket.receive_from(timeout=10)
    return recorded("/ws/echo/", "Names, quotes and bytes: an echo")


async def test_a_recorded_chat_becomes_a_test_that_passes(tmp_path: Path) -> None:
    found, connection = await recorded_chat("ada", "as-a-test", "green on main", "x" * 90)
    code = pytest_case(found, connection, application=APPLICATION)
    assert '"id": ANY' in code
    assert 'session_of("ada")' in code
    status, said = run(code, tmp_path)
    assert (status, "1 passed" in said) == (0, True), said


async def test_text_bytes_subprotocols_and_a_query_string_do_too(tmp_path: Path) -> None:
    found, connection = await echoed("/ws/echo/?v=2&w=a%20b")
    code = pytest_case(found, connection, application=APPLICATION)
    assert 'path = "/ws/echo/?v=2&w=a%20b"' in code
    assert 'subprotocols = ["v2", "v1"]' in code
    assert r'bytes_data=b"\x89PNG\x00"' in code
    assert filename(found) == "test_names_quotes_and_bytes_an_echo.py"
    status, said = run(code, tmp_path)
    assert (status, "1 passed" in said) == (0, True), said


async def test_a_refusal_and_a_close_by_the_application_do_too(tmp_path: Path) -> None:
    application = get_default_application()
    async with WebsocketCommunicator(application, "/ws/chat/closed/", ORIGIN) as socket:
        assert (await socket.connect(timeout=10))[0]
        assert (await socket.receive_output(timeout=10))["code"] == 4401
    found, connection = recorded("/ws/chat/closed/")
    code = pytest_case(found, connection, application=APPLICATION)
    assert 'assert event["code"] == 4401' in code
    status, said = run(code, tmp_path)
    assert (status, "1 passed" in said) == (0, True), said


async def test_the_test_fails_when_the_application_answers_differently(tmp_path: Path) -> None:
    found, connection = await recorded_chat("ada", "changed", "green on main")
    code = pytest_case(found, connection, application=APPLICATION)
    assert code.count("green on main") == 2
    first = code.index("green on main")
    code = code[: first + 5] + code[first + 5 :].replace("green on main", "red on main")
    status, said = run(code, tmp_path)
    assert (status, "1 failed" in said) == (1, True), said


async def test_a_formatter_leaves_the_code_as_it_is() -> None:
    for found, connection in (
        await recorded_chat("ada", "formatted", "green on main", 'quo"te', "x" * 100),
        await echoed("/ws/echo/"),
    ):
        code = pytest_case(found, connection, application=APPLICATION)
        assert formatted(code) == code


async def test_what_another_connection_caused_is_said_and_not_expected() -> None:
    application = get_default_application()
    async with WebsocketCommunicator(
        application, "/ws/chat/two/", [*ORIGIN, await session_of("ada")]
    ) as ada:
        await ada.connect(timeout=10)
        for _ in range(2):
            await ada.receive_json_from(timeout=10)
        await recorded_chat("grace", "two")
        while (await ada.receive_json_from(timeout=10))["type"] != "left":
            pass
    (found,) = [
        one for one in _all("/ws/chat/two/") if next(iter(one.views.values())).user == "ada"
    ]
    code = pytest_case(found, next(iter(found.views)), application=APPLICATION)
    assert "# What other connections caused is not expected here:" in code
    assert '"name": "grace"' not in code.split("# What other connections")[0]


def _all(path: str) -> list[Recorded]:
    reader = relay.reader
    ids = [one.id for one in reader.recorder.state if one.path == path]
    views = [view for one in ids if (view := reader.connection(one)) is not None]
    return [
        Recorded(
            "Talk", {view.id: view}, tuple(reader.journal_reader.records(connections=[view.id]))
        )
        for view in views
    ]


async def test_a_hostile_name_stays_in_its_place(tmp_path: Path) -> None:
    found, connection = await recorded_chat("ada", "hostile")
    hostile = Recorded('"""; import os\nos.abort()  # \\', found.views, found.records)
    code = pytest_case(hostile, connection, application=APPLICATION)
    status, said = run(code, tmp_path)
    assert (status, "1 passed" in said) == (0, True), said
