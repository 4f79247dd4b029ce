"""What the room Recordings asks of the server besides its pages: begin, end, change, hand over.

Each is a form of a page, and leads back to one. To record takes the right to steer, because
what is recorded stays; each beginning and each removal leaves a line in the admin's log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, TypeAlias

from django.conf import settings as django_settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
    HttpResponseRedirect,
)
from django.http.response import HttpResponseBase
from django.urls import reverse

from console import audit, recordings, taking
from console.exports import har, ndjson
from console.exports.pytest_case import filename, pytest_case
from console.policy import steering_obstacle
from console.query import Field, Pattern, Query, QueryError, parse
from console.recorded import Recorded
from console.recordings import Unrecorded
from console.relay import relay
from console.views import staff_only

Doing: TypeAlias = Callable[[Any, Any], Awaitable[str]]
"""Does what a form asks for, given the viewer and the fields. Returns where to go then."""


@staff_only
async def begin(request: HttpRequest) -> HttpResponseBase:
    """Begin to record a connection, a group or a query."""

    async def do(viewer: Any, said: Any) -> str:
        subject, of = str(said.get("subject", "")), str(said.get("of", "")).strip()
        _expect(subject, of)
        name = str(said.get("name", "")).strip() or _name(subject, of)
        line = await audit.record(viewer, f"Began to record {subject} {of}.", f"recording {name}")
        process = relay.reader.process.name
        number = await recordings.begin(viewer, name[:80], subject, of, process)
        await taking.start(number, subject, of)
        await line.add(f"It has the number {number}.")
        return _page(number)

    return await _do(request, do)


@staff_only
async def keep(request: HttpRequest) -> HttpResponseBase:
    """Keep what is held of one connection of the console's client, and go on with nothing."""

    async def do(viewer: Any, said: Any) -> str:
        pane = str(said.get("pane", ""))
        _expect("connection", pane)
        listing = await relay.listing(Query((Field("id", (Pattern((pane,)),)),)), limit=1)
        if not listing.rows:
            raise Unrecorded("Nothing is held of this connection any more.")
        [view] = listing.rows
        name = str(said.get("name", "")).strip() or _name("connection", view.id)
        await audit.record(viewer, f"Kept connection {view.id}.", f"recording {name[:80]}")
        process = relay.reader.process.name
        number = await recordings.begin(viewer, name[:80], "connection", view.id, process)
        taking_now = await taking.start(number, "connection", view.id)
        taking_now.stop()
        return _page(number)

    return await _do(request, do)


@staff_only
async def end(request: HttpRequest, number: int) -> HttpResponseBase:
    """End a recording that runs."""

    async def do(viewer: Any, said: Any) -> str:
        await taking.stop(number)
        return _page(number)

    return await _do(request, do)


@staff_only
async def change(request: HttpRequest, number: int) -> HttpResponseBase:
    """Rename a recording, or say which values no replay compares."""

    async def do(viewer: Any, said: Any) -> str:
        if "name" in said:
            await recordings.rename(number, str(said["name"]))
        if "volatile" in said:
            names = str(said["volatile"]).replace(",", " ").split()
            await recordings.mark_volatile(number, names)
        return _page(number)

    return await _do(request, do)


@staff_only
async def remove(request: HttpRequest, number: int) -> HttpResponseBase:
    """Delete a recording."""

    async def do(viewer: Any, said: Any) -> str:
        name = (await recordings.summary(number)).name
        await audit.record(viewer, f"Deleted the recording {name!r}.", f"recording {number}")
        await taking.stop(number)
        await recordings.remove(number)
        return reverse("channelscope:recordings")

    return await _do(request, do)


@staff_only
async def as_ndjson(request: HttpRequest, number: int) -> HttpResponseBase:
    """Hand over all steps, a line each."""
    found = await _found(number)
    if found is None:
        return _gone()
    body = "".join(ndjson.entries(found.records))
    return _file(body, "application/x-ndjson", f"recording-{number}.ndjson")


@staff_only
async def as_har(request: HttpRequest, number: int) -> HttpResponseBase:
    """Hand over the WebSockets and requests as an HTTP Archive."""
    found = await _found(number)
    if found is None:
        return _gone()
    views = list(found.views.values())
    body = "".join(har.chunks(views, found.records, version=version("channelscope")))
    return _file(body, "application/json", f"recording-{number}.har")


@staff_only
async def as_test(request: HttpRequest, number: int) -> HttpResponseBase:
    """Hand over one of its WebSockets as a test for pytest."""
    found = await _found(number)
    view = found.views.get(str(request.GET.get("connection", ""))) if found is not None else None
    if found is None or view is None or view.protocol != "websocket":
        return _gone()
    application = str(getattr(django_settings, "ASGI_APPLICATION", "asgi.application"))
    body = pytest_case(found, view.id, application=application)
    return _file(body, "text/x-python; charset=utf-8", filename(found))


async def _do(request: HttpRequest, do: Doing) -> HttpResponseBase:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    viewer = await request.auser()
    if obstacle := await steering_obstacle(viewer):
        return HttpResponse(obstacle, "text/plain; charset=utf-8", status=403)
    try:
        return HttpResponseRedirect(await do(viewer, request.POST))
    except (Unrecorded, QueryError) as why:
        return HttpResponse(str(why), "text/plain; charset=utf-8", status=400)
    except LookupError:
        return _gone()


def _expect(subject: str, of: str) -> None:
    if not of:
        raise Unrecorded("Say what to record: a connection, a group or a query.")
    if subject == "query":
        parse(of)


def _name(subject: str, of: str) -> str:
    return of[:80] if subject == "query" else f"{subject} {of}"[:80]


def _page(number: int) -> str:
    return reverse("channelscope:recording", args=[number])


async def _found(number: int) -> Recorded | None:
    try:
        return await recordings.recorded(number)
    except LookupError:
        return None


def _gone() -> HttpResponse:
    return HttpResponseNotFound("This is not recorded, or not any more.", "text/plain")


def _file(body: str, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(body.encode("utf-8", "replace"), content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
