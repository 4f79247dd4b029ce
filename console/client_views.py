"""What the room Client asks of the server besides its page: saved messages, and tokens.

Each answers its script with JSON, or with a sentence that says why not.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase

from console import impersonation, saved
from console.views import staff_only


@staff_only
async def save(request: HttpRequest) -> HttpResponseBase:
    """Keep a message, and list all."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    said: Any = request.POST
    fields = [str(said.get(name, "")) for name in ("name", "kind", "body", "consumer")]
    viewer = await request.auser()
    try:
        await saved.save(viewer, *fields)
    except saved.Unsaved as why:
        return _refused(why)
    return await _all(viewer)


@staff_only
async def change(request: HttpRequest, number: int) -> HttpResponseBase:
    """Rename or delete a message, and list all."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    said: Any = request.POST
    viewer = await request.auser()
    try:
        if said.get("delete"):
            await saved.delete(viewer, number)
        else:
            await saved.rename(viewer, number, str(said.get("name", "")))
    except saved.Unsaved as why:
        return _refused(why)
    return await _all(viewer)


@staff_only
async def open_as(request: HttpRequest) -> HttpResponseBase:
    """Give out a token with which this browser opens one connection as another user."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    said: Any = request.POST
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    path = unquote(str(said.get("path", "")))
    try:
        token = await impersonation.allow(
            await request.auser(), session, str(said.get("user", "")), path
        )
    except impersonation.Refused as why:
        return _refused(why, status=403)
    return JsonResponse({"token": token})


async def _all(viewer: Any) -> HttpResponseBase:
    return JsonResponse({"saved": await saved.listed(viewer)})


def _refused(why: Exception, status: int = 400) -> HttpResponseBase:
    return HttpResponse(str(why), "text/plain; charset=utf-8", status=status)
