"""What the console hands over as a file: what a page's filter shows, in another tool's format.

Staff only, as the pages are, and redacted by the same readers. A file is made piece by piece in
a thread, so that a full ring neither holds up the application nor lies in memory twice. The
address for Prometheus has no session: it wants the token of the setting METRICS_TOKEN, and
without that setting it is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from itertools import islice

from asgiref.sync import sync_to_async
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseNotFound,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare

from console.conf import settings
from console.connection_view import ConnectionView
from console.exports import har, ndjson, otel, prometheus
from console.exports.record import Record
from console.pages.query_field import QueryField
from console.query import Query
from console.relay import relay
from console.shielding import shield
from console.views import staff_only

PIECE = 50
"""Entries that are made into text at once: a thread does not keep the interpreter for longer."""

SERVICE = "channelscope"


@staff_only
async def traffic_ndjson(request: HttpRequest) -> HttpResponseBase:
    """Hand over the entries that match the filter, a line each."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    records = relay.records(field.query, connections=_connections(request))
    return _file(ndjson.entries(records), "application/x-ndjson", "traffic.ndjson")


@staff_only
async def traffic_har(request: HttpRequest) -> HttpResponseBase:
    """Hand over the connections of the entries that match, with those entries."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    records = await _taken(field.query, _connections(request))
    ids = dict.fromkeys(one.view.connection for one in records)
    return _archive([view for one in ids if (view := await _seen(one))], records)


@staff_only
async def connections_ndjson(request: HttpRequest) -> HttpResponseBase:
    """Hand over the connections that match the filter, a line each."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    views = await _listed(request, field.query)
    return _file(ndjson.connections(views), "application/x-ndjson", "connections.ndjson")


@staff_only
async def connections_har(request: HttpRequest) -> HttpResponseBase:
    """Hand over the connections that match the filter, with all that is held of them."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    ids = {view.id for view in await _listed(request, field.query)}
    views = [view for one in ids if (view := await _seen(one))]
    return _archive(views, await _taken(None, ids))


@staff_only
async def trace_otel(request: HttpRequest, trace_id: str) -> HttpResponseBase:
    """Hand over a trace as OpenTelemetry spans."""
    trace = relay.trace(trace_id)
    if trace is None:
        return HttpResponseNotFound("Nothing of this trace is held any more.", "text/plain")
    try:
        spans = otel.spans(trace, service=SERVICE)
    except otel.OpenTelemetryMissing as missing:
        return HttpResponse(str(missing), "text/plain", status=501)
    return _file(iter([otel.as_json(spans)]), "application/json", f"{trace_id}.otel.json")


async def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus with the counts of this process."""
    token = settings.METRICS_TOKEN
    if token is None:
        return shield(request, HttpResponseNotFound("Not found.", "text/plain"))
    said = request.headers.get("Authorization", "")
    if not constant_time_compare(said.encode("utf-8", "replace"), f"Bearer {token}".encode()):
        refused = HttpResponse("Expected the token.", "text/plain", status=401)
        refused["WWW-Authenticate"] = "Bearer"
        return shield(request, refused)
    return shield(request, HttpResponse(relay.metrics(), content_type=prometheus.CONTENT_TYPE))


def _field(request: HttpRequest) -> QueryField:
    params = request.GET
    return QueryField.read(params.get("q", ""), process=params.get("process", ""))


def _connections(request: HttpRequest) -> set[str] | None:
    """Return the only connection that is asked for, if one is: a page of one exports its own."""
    chosen = request.GET.get("connection", "")
    return {chosen} if chosen else None


def _not_understood(field: QueryField) -> HttpResponse:
    return HttpResponseBadRequest(f"The filter cannot be understood: {field.error}", "text/plain")


async def _listed(request: HttpRequest, query: Query) -> list[ConnectionView]:
    hidden = set(request.GET.getlist("hide"))
    return [view for view in await relay.connections(query) if view.protocol not in hidden]


async def _seen(connection_id: str) -> ConnectionView | None:
    await asyncio.sleep(0)  # between two scopes the application has its turn
    return await relay.connection(connection_id) if connection_id else None


async def _taken(query: Query | None, connections: set[str] | None) -> list[Record]:
    in_thread = sync_to_async(_all, thread_sensitive=False)
    return await in_thread(relay.records(query, connections=connections))


def _archive(views: list[ConnectionView], records: list[Record]) -> HttpResponseBase:
    chunks = har.chunks(views, records, version=version("channelscope"))
    return _file(chunks, "application/json", "channelscope.har")


def _file(chunks: Iterator[str], content_type: str, name: str) -> HttpResponseBase:
    response = StreamingHttpResponse(_pieces(chunks), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _pieces(chunks: Iterator[str]) -> AsyncIterator[bytes]:
    in_thread = sync_to_async(_piece, thread_sensitive=False)
    while piece := await in_thread(chunks):
        yield piece


def _all(records: Iterator[Record]) -> list[Record]:
    return list(records)


def _piece(chunks: Iterator[str]) -> bytes:
    return "".join(islice(chunks, PIECE)).encode("utf-8", "replace")
