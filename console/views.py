"""The console's pages over HTTP: who may see them, and a page put into its template.

A view makes the page that its address asks for, loads it, and renders it; what the
page shows is in `console.pages`. Signing in and out is Django's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from asgiref.sync import sync_to_async
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from console import zones
from console.pages.client import ClientPage
from console.pages.connection import ConnectionPage
from console.pages.connections import ConnectionsPage
from console.pages.groups import GroupsPage
from console.pages.overview import OverviewPage
from console.pages.page import Page
from console.pages.recordings import RecordingsPage
from console.pages.routing import RoutingPage
from console.pages.settings import SettingsPage
from console.pages.shell import Shell
from console.pages.trace import TracePage
from console.pages.traces import TracesPage
from console.pages.traffic import TrafficPage
from console.pages.workers import WorkersPage
from console.policy import may_watch, steering_obstacle
from console.recordings import running
from console.relay import NoAnswer
from console.shielding import shield

P = ParamSpec("P")


def staff_only(
    view: Callable[Concatenate[HttpRequest, P], Awaitable[HttpResponseBase]],
) -> Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponseBase]]:
    """Let staff in; ask others to sign in, or tell them who they are signed in as."""

    @wraps(view)
    async def guarded(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        user = await request.auser()
        if not user.is_authenticated:
            login = reverse("channelscope:login")
            return shield(request, redirect_to_login(request.get_full_path(), login))
        if not may_watch(user):
            context = {"viewer": user.get_username(), "shell": Shell.of(request, None)}
            response = render(request, "console/forbidden.html", context, status=403)
            return shield(request, response)
        return shield(request, await view(request, *args, **kwargs))

    return guarded


@staff_only
async def index(request: HttpRequest) -> HttpResponse:
    """Lead to the first room."""
    return HttpResponseRedirect(reverse("channelscope:overview"))


@staff_only
async def overview(request: HttpRequest) -> HttpResponse:
    """Show whether anything is wrong."""
    return await _show(request, OverviewPage(request.GET))


@staff_only
async def connections(request: HttpRequest) -> HttpResponse:
    """Show who is connected."""
    return await _show(request, ConnectionsPage(request.GET))


@staff_only
async def connection(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Show one connection."""
    return await _show(request, ConnectionPage(request.GET, connection_id))


@staff_only
async def traffic(request: HttpRequest) -> HttpResponse:
    """Show what passes."""
    return await _show(request, TrafficPage(request.GET))


@staff_only
async def traces(request: HttpRequest) -> HttpResponse:
    """Show what events have caused lately."""
    return await _show(request, TracesPage(request.GET))


@staff_only
async def trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    """Show all that one event has caused."""
    return await _show(request, TracePage(request.GET, trace_id))


@staff_only
async def groups(request: HttpRequest, name: str = "") -> HttpResponse:
    """Show the groups, and one of them."""
    return await _show(request, GroupsPage(request.GET, name))


@staff_only
async def routing(request: HttpRequest) -> HttpResponse:
    """Show where every path goes."""
    return await _show(request, RoutingPage(request.GET))


@staff_only
async def recordings(request: HttpRequest) -> HttpResponse:
    """Show what is recorded."""
    page = RecordingsPage(request.GET)
    page.viewer = await request.auser()
    return await _show(request, page)


@staff_only
async def recording(request: HttpRequest, number: int) -> HttpResponse:
    """Show one recording."""
    page = RecordingsPage(request.GET, str(number))
    page.viewer = await request.auser()
    return await _show(request, page)


@staff_only
async def workers(request: HttpRequest) -> HttpResponse:
    """Show who does jobs, and what waits for them."""
    return await _show(request, WorkersPage(request.GET))


@staff_only
async def settings(request: HttpRequest) -> HttpResponse:
    """Show what is configured, and how the viewer sees it."""
    zones.choose(request.COOKIES)
    return await _show(request, SettingsPage(request.GET))


@staff_only
async def client(request: HttpRequest) -> HttpResponse:
    """Show the client."""
    page = ClientPage(request.GET)
    page.viewer = await request.auser()
    page.host = request.get_host()
    return await _show(request, page)


class SignIn(LoginView):
    """Django's own sign-in, in the console's design."""

    template_name = "console/login.html"
    next_page = "channelscope:index"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer as Django does, shielded as all of the console is."""
        return shield(request, super().dispatch(request, *args, **kwargs))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the console's templates expect."""
        shell = Shell.of(self.request, None)
        return super().get_context_data(shell=shell, host=self.request.get_host(), **kwargs)


class SignOut(LogoutView):
    """Django's own sign-out, which leads back to the door."""

    next_page = "channelscope:login"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer as Django does, shielded as all of the console is."""
        return shield(request, super().dispatch(request, *args, **kwargs))


async def _show(request: HttpRequest, page: Page) -> HttpResponse:
    zones.choose(request.COOKIES)
    try:
        await page.load()
    except NoAnswer as error:
        context = {"shell": Shell.of(request, None), "page": page, "no_answer": str(error)}
        return render(request, "console/no_answer.html", context, status=504)
    except LookupError:
        context = {"shell": Shell.of(request, None), "page": page}
        return render(request, page.gone_template, context, status=404)
    user = await request.auser()
    page.obstacle = await steering_obstacle(user)
    shell = replace(Shell.of(request, user, page.room), recordings=await running())
    context = {"page": page, "shell": shell}
    # In a thread: two hundred rows take longer to write than the event loop should stand still.
    in_thread = sync_to_async(render, thread_sensitive=False)
    return await in_thread(request, page.template, context)
