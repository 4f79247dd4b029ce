"""Putting dead letters back, and deleting them: a POST by somebody who may steer.

Owns the view, and what it answers. As every action it is written down before it is done.
The page's script asks for a fragment; a form without one is led back to the room.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from console import audit
from console.layer_view import ANSWER_S, acknowledging
from console.pages.shell import Shell
from console.policy import steering_obstacle
from console.views import staff_only

FRAGMENT = "HX-Request"
LONGEST = 200
WORDS = {"put-back": ("Put back", "put_back"), "delete": ("Deleted", "discard_dead_letters")}


@csrf_protect
@require_POST
@staff_only
async def letters(request: HttpRequest, kind: str) -> HttpResponse:
    """Put back, or delete, the dead letters that the form names, or all of a channel."""
    user = await request.auser()
    if obstacle := await steering_obstacle(user):
        return await _refused(request, obstacle, 403)
    said: Any = request.POST
    alias, channel = str(said.get("layer", ""))[:LONGEST], str(said.get("channel", ""))[:LONGEST]
    ids = [str(one)[:LONGEST] for one in said.getlist("id")]
    if kind not in WORDS or not (ids or said.get("all")):
        return await _refused(request, "Expected letters to put back or to delete.", 400)
    try:
        layer = acknowledging(alias, channel)
    except LookupError as error:
        return await _refused(request, str(error.args[0]), 404)
    try:
        outcome = await _carried_out(user, kind, layer, channel, ids)
    except TimeoutError:
        return await _refused(request, "The channel layer did not answer: look again.", 504)
    except Exception as error:
        return await _refused(request, f"{type(error).__name__}: {error}"[:LONGEST], 502)
    return await _answered(request, f"{alias}", channel, outcome)


async def _carried_out(user: Any, kind: str, layer: Any, channel: str, ids: list[str]) -> str:
    word, method = WORDS[kind]
    which = f"{len(ids)} dead letter{'' if len(ids) == 1 else 's'}" if ids else "all dead letters"
    line = await audit.record(user, f"{word} {which}.", f"channel {channel}", ids or None)
    try:
        async with asyncio.timeout(ANSWER_S):
            done = await getattr(layer, method)(channel, *ids)
    except Exception as error:
        await line.add(f"Failed: {type(error).__name__}.")
        raise
    await line.add(f"{done} done.")
    return f"{word}: {done}"


async def _answered(request: HttpRequest, alias: str, channel: str, said: str) -> HttpResponse:
    if FRAGMENT in request.headers:
        return await _toast(request, said, "ok", 200)
    query = urlencode({"layer": alias, "channel": channel})
    return HttpResponseRedirect(f"{reverse('channelscope:workers')}?{query}")


async def _refused(request: HttpRequest, reason: str, status: int) -> HttpResponse:
    if FRAGMENT in request.headers:
        return await _toast(request, reason, "danger", status)
    context = {"said": reason, "shell": Shell.of(request, None)}
    in_thread = sync_to_async(render, thread_sensitive=False)
    return await in_thread(request, "console/refused.html", context, status=status)


async def _toast(request: HttpRequest, said: str, tone: str, status: int) -> HttpResponse:
    in_thread = sync_to_async(render, thread_sensitive=False)
    context = {"said": said, "tone": tone}
    return await in_thread(request, "console/parts/toast.html", context, status=status)
