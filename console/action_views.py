"""Acting over HTTP: the question before an action, and the action itself.

Owns the two views and what they answer. A question is asked with GET and changes nothing; an
action is a POST with Django's CSRF token, by somebody who may steer, and by nobody else,
whatever the page has shown. The page's script asks for fragments; without it, the same
addresses are pages.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from console.action import Outcome, RefusedAction
from console.actions import MayNotSteer, steer
from console.pages.dialogs import DialogPage
from console.pages.shell import Shell
from console.policy import steering_obstacle
from console.relay import NoAnswer
from console.views import staff_only

FRAGMENT = "HX-Request"
"""The header by which htmx, and our own scripts, ask for a part of a page."""


@require_GET
@staff_only
async def dialog(request: HttpRequest, kind: str) -> HttpResponse:
    """Ask what is to be done, to how many, and with what."""
    user = await request.auser()
    if obstacle := await steering_obstacle(user):
        return await _refused(request, obstacle)
    try:
        page = DialogPage(request.GET, kind)
        await page.load()
    except NoAnswer as error:
        return await _refused(request, str(error), status=504)
    except LookupError:
        return await _refused(request, f"There is no action {kind!r}.", status=404)
    return await _asked(request, page)


@csrf_protect
@require_POST
@staff_only
async def act(request: HttpRequest, kind: str) -> HttpResponse:
    """Carry it out, and say what became of it."""
    user = await request.auser()
    # Asked before anything is read: whoever may not act learns nothing of what there is.
    if obstacle := await steering_obstacle(user):
        return await _refused(request, obstacle)
    try:
        page = DialogPage(request.POST, kind)
        await page.load()
        return await _carried_out(request, page, user)
    except MayNotSteer as refused:
        return await _refused(request, refused.reason)
    except RefusedAction as refused:
        page.error = refused.reason
        return await _asked(request, page, status=422)
    except NoAnswer as error:
        return await _refused(request, str(error), status=504)
    except LookupError:
        return await _refused(request, f"There is no action {kind!r}.", status=404)


async def _carried_out(request: HttpRequest, page: DialogPage, user: Any) -> HttpResponse:
    if page.error:
        raise RefusedAction(page.error)
    page.require_unchanged()
    if page.is_on_connections and not page.targets.count:
        raise RefusedAction("Expected at least one connection: none matches, or none is selected.")
    action = page.action()
    what, on = page.audit_words(action)
    targets = page.targets if page.is_on_connections else None
    outcome = await steer(user, action, targets, what=what, on=on)
    context = {"outcome": outcome, "said": _said(page, outcome), "tone": _tone(outcome)}
    return await _answer(request, page, "acted", context)


def _said(page: DialogPage, outcome: Outcome) -> str:
    """Return the first words of the result, such as "Close: 3 of 4"."""
    if not page.is_on_connections:
        verb = page.wording.verb
        return f"{verb} to {page.what}: done" if outcome.done else f"{verb} to {page.what}: failed"
    asked = page.targets.count
    if asked == 1:
        return f"{page.wording.verb}: {'done' if outcome.done else 'not done'}"
    return f"{page.wording.verb}: {outcome.done} of {asked}"


def _tone(outcome: Outcome) -> str:
    if outcome.failed:
        return "danger"
    return "warn" if outcome.gone else "ok"


async def _asked(request: HttpRequest, page: DialogPage, status: int = 200) -> HttpResponse:
    user = await request.auser()
    page.obstacle = ""
    is_part = FRAGMENT in request.headers
    template = "console/partials/dialog.html" if is_part else page.template
    shell = Shell.of(request, user, page.room)
    return await _rendered(request, template, {"page": page, "shell": shell}, status)


async def _answer(
    request: HttpRequest, page: DialogPage, name: str, context: dict[str, Any]
) -> HttpResponse:
    is_part = FRAGMENT in request.headers
    template = "console/parts/toast.html" if is_part else f"console/{name}.html"
    shell = Shell.of(request, await request.auser(), page.room)
    return await _rendered(request, template, {**context, "page": page, "shell": shell}, 200)


async def _refused(request: HttpRequest, reason: str, status: int = 403) -> HttpResponse:
    is_part = FRAGMENT in request.headers
    template = "console/parts/toast.html" if is_part else "console/refused.html"
    context = {"said": reason, "tone": "danger", "shell": Shell.of(request, None)}
    return await _rendered(request, template, context, status)


async def _rendered(
    request: HttpRequest, template: str, context: dict[str, Any], status: int
) -> HttpResponse:
    in_thread = sync_to_async(render, thread_sensitive=False)
    return await in_thread(request, template, context, status=status)
