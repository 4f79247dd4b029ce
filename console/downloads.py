"""What the console hands over as a file: what a page's filter shows, in another tool's format.

Staff only, as the pages are, and redacted by the same readers. A file is made piece by piece in
a thread, so that a full ring neither holds up the application nor lies in memory twice. The
address for Prometheus has no session: it wants the token of the setting METRICS_TOKEN, and
without that setting it is not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from itertools import chain, islice

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
from console.gathering import PIECE, Gathered, Missing, scopes
from console.pages.query_field import QueryField
from console.query import Query
from console.reading import Listing
from console.relay import relay
from console.shielding import shield
from console.views import staff_only

SERVICE = "channelscope"

MOST_ROWS = 10_000
"""Connections of a process in one file."""


@staff_only
async def traffic_ndjson(request: HttpRequest) -> HttpResponseBase:
    """Hand over the entries that match the filter, a line each."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    gathered = await Gathered.of(relay, field.query, _connections(request))
    return _file(_lines(gathered), "application/x-ndjson", "traffic.ndjson")


@staff_only
async def traffic_har(request: HttpRequest) -> HttpResponseBase:
    """Hand over the connections of the entries that match, with those entries."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    gathered = await Gathered.of(relay, field.query, _connections(request))
    records = await gathered.all()
    ids = dict.fromkeys(one.view.connection for one in records if one.view.connection)
    return _archive(await scopes(relay, list(ids)), records, gathered.missing.sentences())


@staff_only
async def connections_ndjson(request: HttpRequest) -> HttpResponseBase:
    """Hand over the connections that match the filter, a line each."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    listed = await _listed(request, field.query)
    lines = chain(ndjson.connections(listed.rows), ndjson.notes(_missing_from(listed)))
    return _file(_pieces(lines), "application/x-ndjson", "connections.ndjson")


@staff_only
async def connections_har(request: HttpRequest) -> HttpResponseBase:
    """Hand over the connections that match the filter, with all that is held of them."""
    field = _field(request)
    if field.error is not None:
        return _not_understood(field)
    listed = await _listed(request, field.query)
    ids = [view.id for view in listed.rows]
    gathered = await Gathered.of(relay, None, ids)
    records = await gathered.all()
    missing = dict.fromkeys((*_missing_from(listed), *gathered.missing.sentences()))
    return _archive(await scopes(relay, ids), records, list(missing))


@staff_only
async def trace_otel(request: HttpRequest, trace_id: str) -> HttpResponseBase:
    """Hand over a trace as OpenTelemetry spans."""
    trace = await relay.trace(trace_id)
    if trace is None:
        return HttpResponseNotFound("Nothing of this trace is held any more.", "text/plain")
    try:
        spans = otel.spans(trace, service=SERVICE)
    except otel.OpenTelemetryMissing as missing:
        return HttpResponse(str(missing), "text/plain", status=501)
    written = iter([otel.as_json(spans)])
    return _file(_pieces(written), "application/json", f"{trace_id}.otel.json")


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
    return shield(
        request, HttpResponse(relay.reader.metrics(), content_type=prometheus.CONTENT_TYPE)
    )


def _field(request: HttpRequest) -> QueryField:
    params = request.GET
    return QueryField.read(params.get("q", ""), process=params.get("process", ""))


def _connections(request: HttpRequest) -> list[str] | None:
    """Return the only connection that is asked for, if one is: a page of one exports its own."""
    chosen = request.GET.get("connection", "")
    return [chosen] if chosen else None


def _not_understood(field: QueryField) -> HttpResponse:
    return HttpResponseBadRequest(f"The filter cannot be understood: {field.error}", "text/plain")


async def _listed(request: HttpRequest, query: Query) -> Listing:
    return await relay.listing(query, None, request.GET.getlist("hide"), MOST_ROWS)


def _missing_from(listed: Listing) -> list[str]:
    return Missing(silent=list(listed.silent)).sentences()


def _archive(
    views: list[ConnectionView], records: list[Record], missing: list[str]
) -> HttpResponseBase:
    chunks = har.chunks(views, records, version=version("channelscope"), comment=" ".join(missing))
    return _file(_pieces(chunks), "application/json", "channelscope.har")


def _file(pieces: AsyncIterator[bytes], content_type: str, name: str) -> HttpResponseBase:
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _lines(gathered: Gathered) -> AsyncIterator[bytes]:
    async for records in gathered.pieces():
        async for piece in _pieces(ndjson.entries(records)):
            yield piece
    async for piece in _pieces(ndjson.notes(gathered.missing.sentences())):
        yield piece


async def _pieces(chunks: Iterator[str]) -> AsyncIterator[bytes]:
    in_thread = sync_to_async(_piece, thread_sensitive=False)
    while piece := await in_thread(chunks):
        yield piece


def _piece(chunks: Iterator[str]) -> bytes:
    return "".join(islice(chunks, PIECE)).encode("utf-8", "replace")
