"""Connections as an HTTP Archive, with WebSocket messages as Chrome writes them.

Owns the format, which a browser's network panel opens. A message has Chrome's direction:
"send" left the browser, which is `in` to the application. Binary messages are base64 with
opcode 2. Only WebSocket and HTTP connections have a place in it. Pure.

Source: HAR 1.2 (W3C Web Performance Working Group, draft); Chrome DevTools, `_webSocketMessages`
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, quote

from console.connection_view import ConnectionView
from console.exports.record import Record, iso

SWITCHING_PROTOCOLS = 101
REFUSED = 403
UNKNOWN = -1
"""HAR's word for a size that nobody knows."""


def chunks(
    views: Iterable[ConnectionView],
    records: Iterable[Record],
    *,
    version: str,
    comment: str = "",
) -> Iterator[str]:
    """Yield the archive piece by piece.

    Args:
        views: the connections, with their scopes.
        records: their entries, oldest first; those of other connections are left out.
        version: of this console.
        comment: what is missing, if something is.
    """
    by_connection: dict[str, list[Record]] = {}
    for one in records:
        by_connection.setdefault(one.view.connection, []).append(one)
    creator = json.dumps({"name": "Channelscope", "version": version})
    said = f'"comment":{json.dumps(comment)},' if comment else ""
    yield f'{{"log":{{"version":"1.2","creator":{creator},{said}"pages":[],"entries":['
    comma = ""
    for view in sorted(views, key=lambda one: one.opened_at):
        if view.protocol in ("websocket", "http"):
            written = json.dumps(_entry(view, by_connection.get(view.id, ())), ensure_ascii=False)
            yield f"{comma}\n{written}"
            comma = ","
    yield "\n]}}\n"


def _entry(view: ConnectionView, records: Sequence[Record]) -> dict[str, Any]:
    ended_at = view.closed_at or max((one.view.at for one in records), default=view.opened_at)
    took_ms = max(ended_at - view.opened_at, 0.0) * 1_000
    entry = {
        "startedDateTime": iso(view.opened_at),
        "time": took_ms,
        "request": _request(view, records),
        "response": _response(view, records),
        "cache": {},
        "timings": {"send": 0, "wait": took_ms, "receive": 0},
        "connection": view.id,
        "_resourceType": view.protocol if view.protocol == "websocket" else "other",
    }
    if view.protocol == "websocket":
        messages = [one for one in records if _is_message(one)]
        entry["_webSocketMessages"] = [_message(one) for one in messages]
        missing = view.in_count + view.out_count - len(messages)
        if missing > 0:
            entry["comment"] = f"{missing} messages are not here: no longer held, or filtered out"
    return entry


def _is_message(record: Record) -> bool:
    # Handlers are called as what they handle: their entries are no messages.
    is_event = record.view.kind in ("in", "out")
    return is_event and record.view.type in ("websocket.receive", "websocket.send")


def _message(record: Record) -> dict[str, Any]:
    is_binary = record.data is not None
    message: dict[str, Any] = {
        "type": "send" if record.view.direction == "in" else "receive",
        "time": record.view.at,
        "opcode": 2 if is_binary else 1,
        "data": b64encode(record.data or b"").decode() if is_binary else record.text,
    }
    if record.is_cut:
        message["_size"] = record.view.size_bytes
    return message


def _request(view: ConnectionView, records: Sequence[Record]) -> dict[str, Any]:
    body = [one for one in records if one.view.type == "http.request"]
    request = {
        "method": str(view.scope.get("method") or "GET"),
        "url": _url(view),
        "httpVersion": f"HTTP/{view.scope.get('http_version') or '1.1'}",
        "cookies": [],
        "headers": _headers(view.scope.get("headers")),
        "queryString": _pairs(parse_qsl(view.query_string, keep_blank_values=True)),
        "headersSize": UNKNOWN,
        "bodySize": sum(one.view.size_bytes or 0 for one in body),
    }
    said = _body(body)
    if "text" in said and "encoding" not in said:  # the format has no place for other bytes
        request["postData"] = {"mimeType": _content_type(request["headers"]), **said}
    return request


def _response(view: ConnectionView, records: Sequence[Record]) -> dict[str, Any]:
    status = _status(view, records)
    start = _start_of(records)
    headers = _headers(start.get("headers"))
    body = [one for one in records if one.view.type.endswith("http.response.body")]
    content = {
        "size": sum(one.view.size_bytes or 0 for one in body),
        "mimeType": _content_type(headers),
        **_body(body),
    }
    return {
        "status": status,
        "statusText": responses.get(status, ""),
        "httpVersion": f"HTTP/{view.scope.get('http_version') or '1.1'}",
        "cookies": [],
        "headers": headers,
        "content": content,
        "redirectURL": next((one["value"] for one in headers if one["name"] == "location"), ""),
        "headersSize": UNKNOWN,
        "bodySize": content["size"],
    }


def _body(records: Sequence[Record]) -> dict[str, str]:
    """Return what is held of a body that came in parts, which may end within a character."""
    held = b"".join(
        one.text.encode("utf-8", "replace") if one.data is None else one.data for one in records
    )
    said = {}
    if held:
        try:
            said["text"] = held.decode()
        except UnicodeDecodeError:
            said = {"text": b64encode(held).decode(), "encoding": "base64"}
    if any(one.is_cut for one in records):
        said["comment"] = "Longer than what is held of it"
    return said


def _status(view: ConnectionView, records: Sequence[Record]) -> int:
    """Return the status of the answer; 0 if there was none, as Chrome writes it."""
    started = _start_of(records).get("status")
    if isinstance(started, int):
        return started
    if view.protocol == "http":
        return view.close_code or 0
    if view.state == "refused":
        return view.close_code if view.close_code in responses else REFUSED
    if view.state == "connecting":
        return 0
    was_open = view.in_count or view.out_count or any(one.view.kind == "accept" for one in records)
    return SWITCHING_PROTOCOLS if was_open or view.state != "error" else view.close_code or 0


def _start_of(records: Sequence[Record]) -> dict[str, Any]:
    """Return the event that began the answer: its status, if it has one, and its headers."""
    for one in records:
        if one.view.type.endswith("http.response.start") or one.view.kind == "accept":
            try:
                parsed = json.loads(one.text or "{}")
            except ValueError:
                return {}
            return parsed if isinstance(parsed, dict) else {}
    return {}


def _url(view: ConnectionView) -> str:
    named = {one["name"].lower(): one["value"] for one in _headers(view.scope.get("headers"))}
    plain = "ws" if view.protocol == "websocket" else "http"
    is_secure = view.scope.get("scheme") in ("wss", "https")
    host = named.get("host", "localhost")
    path = quote(view.path, safe="/:@!$&*+,;=~«»")
    query = f"?{view.query_string}" if view.query_string else ""
    return f"{plain}{'s' * is_secure}://{host}{path}{query}"


def _headers(found: object) -> list[dict[str, str]]:
    pairs = found if isinstance(found, list | tuple) else ()
    return _pairs(pair for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2)


def _pairs(found: Iterable[Any]) -> list[dict[str, str]]:
    return [{"name": str(name), "value": str(value)} for name, value in found]


def _content_type(headers: Any) -> str:
    return next(
        (one["value"] for one in headers if one["name"].lower() == "content-type"),
        "x-unknown",
    )
