"""A recorded WebSocket as a test that pytest runs in the project.

Owns the code. It sends what came in and expects what was answered, with ANY for what is
another each time. Answers that another connection caused are said in comments: alone, the
test could not bring them about. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from console.connection_view import ConnectionView
from console.exports.literals import Name, call, flat, literal
from console.exports.record import Record, iso
from console.recorded import Recorded, Segment, event_of, is_hidden
from console.volatile import Volatility

ANONYMOUS = ("", "anonymous")
INDENT = 8
"""Of what happens on the socket, inside the function and its `async with`."""

_SESSION = '''
@sync_to_async
def session_of(name):
    """Return the Cookie header of a user who is signed in."""
    users = get_user_model()
    user, _ = users.objects.get_or_create(**{users.USERNAME_FIELD: name})
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return f"{cookie.key}={cookie.value}".encode()

'''


def filename(recorded: Recorded) -> str:
    """Return what the test's file is called."""
    return f"{_function(recorded.name)}.py"


def pytest_case(recorded: Recorded, connection: str, *, application: str) -> str:
    """Return the code of the test.

    Args:
        connection: the id of a WebSocket of the recording.
        application: the dotted path of the project's, as ASGI_APPLICATION has it.
    """
    view = recorded.views[connection]
    body = "".join(_Case(recorded, view).lines())
    return "\n".join([*_head(recorded, view, application, body), *_test(recorded, view, body)])


def _head(recorded: Recorded, view: ConnectionView, application: str, body: str) -> Iterator[str]:
    module, _, name = application.rpartition(".")
    title = " ".join(recorded.name.replace("\\", "").replace('"', "'").split())
    path = "" if title == view.path else f", {view.path}"
    yield f'"""{title}{path}: recorded {iso(recorded.began_at)}."""\n'
    if re.search(r"\bANY\b", body):
        yield "from unittest.mock import ANY\n"
    yield "import pytest"
    if _is_signed_in(view):
        yield "from asgiref.sync import sync_to_async"
        yield "from django.conf import settings"
        yield "from django.contrib.auth import get_user_model"
        yield "from django.test import Client"
    yield "from runtime.testing import WebsocketCommunicator\n"
    renamed = "" if name == "application" else " as application"
    yield f"from {module} import {name}{renamed}\n"
    yield "TIMEOUT_S = 10"
    yield f"\n{_SESSION}" if _is_signed_in(view) else "\n"


def _test(recorded: Recorded, view: ConnectionView, body: str) -> Iterator[str]:
    yield "@pytest.mark.asyncio"
    yield "@pytest.mark.django_db(transaction=True)"
    yield f"async def {_function(recorded.name)}():"
    yield '    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver")]'
    if _is_signed_in(view):
        yield f'    headers.append((b"cookie", await session_of({flat(view.user)})))'
    path = f"{view.path}?{view.query_string}" if view.query_string else view.path
    yield f"    path = {flat(path)}"
    offered = [str(one) for one in view.scope.get("subprotocols") or ()]
    arguments = "application, path, headers"
    if offered:
        yield f"    subprotocols = {literal(offered, 19, 4)}"
        arguments += ", subprotocols"
    yield f"    socket = WebsocketCommunicator({arguments})"
    yield "    async with socket:"
    yield body


class _Case:
    """The lines of one test."""

    def __init__(self, recorded: Recorded, view: ConnectionView) -> None:
        self._recorded = recorded
        self._view = view
        self._volatility = Volatility(recorded.volatile)
        self._began_at = recorded.began_at

    def lines(self) -> Iterator[str]:
        """Yield what happens on the socket."""
        segments = self._recorded.segments(self._view.id)
        begins = bool(segments) and _is(segments[0].given, "websocket.connect")
        yield from self._connect(segments[0] if begins else None)
        for segment in segments[1 if begins else 0 :]:
            if _is(segment.given, "websocket.disconnect"):
                yield from self._disconnect(segment.given)
                break
            yield from self._segment(segment)
        yield from self._elsewhere()

    def _connect(self, segment: Segment | None) -> Iterator[str]:
        answers = list(segment.expected) if segment is not None else []
        if answers and answers[0].view.type == "websocket.close":
            yield _line("connected, _ = await socket.connect(timeout=TIMEOUT_S)")
            yield _line("assert not connected")
            return
        yield _line("connected, subprotocol = await socket.connect(timeout=TIMEOUT_S)")
        yield _line("assert connected")
        if segment is None:
            yield _line("# The recording began later: what is said first is passed over.")
            yield _line("while not await socket.receive_nothing():")
            yield _line("    await socket.receive_output()")
            return
        subprotocol = self._view.subprotocol
        compared = f"== {flat(subprotocol)}" if subprotocol else "is None"
        yield _line(f"assert subprotocol {compared}")
        yield from self._answers(one for one in answers if one.view.kind != "accept")

    def _segment(self, segment: Segment) -> Iterator[str]:
        if segment.given is not None:
            yield "\n"
            yield _line(f"# {segment.given.view.at - self._began_at:.3f} s")
            yield from self._give(segment.given)
        yield from self._answers(segment.expected)

    def _give(self, record: Record) -> Iterator[str]:
        if is_hidden(record):
            yield _line("# A part of this message is not in the recording: put it in.")
        if record.view.type != "websocket.receive":
            event = json.loads(json.dumps(event_of(record), default=str))
            yield _line(call("await socket.send_input(", event, INDENT))
        elif record.data is not None:
            yield _line(call("await socket.send_to(bytes_data=", record.data, INDENT))
        elif (said := _parsed(record.text)) is not None:
            yield _line(call("await socket.send_json_to(", said, INDENT))
        else:
            yield _line(call("await socket.send_to(text_data=", record.text, INDENT))

    def _answers(self, records: Any) -> Iterator[str]:
        for record in records:
            if record.view.type == "websocket.send":
                yield from self._message(record)
            else:
                yield from self._event(record)

    def _message(self, record: Record) -> Iterator[str]:
        if record.is_cut or record.is_hidden:
            yield _line("# Not compared: the recording has a part of it, or nothing.")
            yield _line("await socket.receive_from(timeout=TIMEOUT_S)")
            return
        said = _parsed(record.text) if record.data is None else None
        verb = "receive_json_from" if said is not None else "receive_from"
        expected = record.data if record.data is not None else record.text
        yield _line(f"said = await socket.{verb}(timeout=TIMEOUT_S)")
        yield from self._equal("said", said if said is not None else expected)

    def _event(self, record: Record) -> Iterator[str]:
        yield _line("event = await socket.receive_output(timeout=TIMEOUT_S)")
        yield from self._equal('event["type"]', record.view.type)
        for name, value in (_parsed(record.text) or {}).items():
            yield from self._equal(f"event[{flat(name)}]", value)

    def _equal(self, what: str, value: Any) -> Iterator[str]:
        marked = self._marked(value)
        head = f"assert {what} == "
        if isinstance(value, str) and INDENT + len(head) + len(flat(value)) > 88:
            yield _line(f"expected = {flat(marked)}")
            yield _line(f"assert {what} == expected")
        elif value is None or isinstance(value, bool):
            yield _line(f"assert {what} is {value}")
        else:
            yield _line(head + literal(marked, INDENT + len(head), INDENT))

    def _marked(self, value: Any, name: str = "") -> Any:
        """Return a payload with ANY in the places of what is volatile."""
        if self._volatility.is_volatile(name, value):
            return Name("ANY")
        if isinstance(value, dict):
            return {key: self._marked(item, key) for key, item in value.items()}
        return [self._marked(item) for item in value] if isinstance(value, list) else value

    def _disconnect(self, record: Record | None) -> Iterator[str]:
        said = _parsed(record.text) if record is not None else None
        code = said.get("code", 1000) if isinstance(said, dict) else 1000
        yield "\n"
        yield _line(f"await socket.disconnect(code={int(code or 1000)}, timeout=TIMEOUT_S)")

    def _elsewhere(self) -> Iterator[str]:
        foreign = self._recorded.elsewhere(self._view.id)
        if foreign:
            yield "\n"
            yield _line("# What other connections caused is not expected here:")
        for one in foreign:
            yield _line(f"# {one.view.type} {one.view.preview[:60]}".rstrip())


def _is(record: Record | None, type_: str) -> bool:
    return record is not None and record.view.type == type_


def _is_signed_in(view: ConnectionView) -> bool:
    return view.user not in ANONYMOUS


def _parsed(text: str) -> Any:
    """Return an object or a list that `text` says as JSON; None for all other text."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict | list) else None


def _line(text: str) -> str:
    return f"{' ' * INDENT}{text}\n"


def _function(name: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"test_{word[:60].strip('_') or 'recording'}"
