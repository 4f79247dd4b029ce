"""The demo's pages: ordinary Django views beside the consumers.

Own no live data: each page brings a module of `static/demo/js` that opens the
connection which the page is about.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from console.demo.accounts import redeem
from console.demo.consumers.chat import MAX_ROOM_CHARS, MAX_TEXT_CHARS
from console.demo.consumers.news import announce
from console.demo.forms import HeadlineForm, NameForm, RoomForm
from console.demo.models import Headline

ROOMS = ("lobby", "django", "random")
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"

# What visitors say ends up in these pages: nothing in them may run that we did not serve.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What there is to try, and the way to the console."""
    return _home(request, RoomForm())


@require_safe
def open_room(request: HttpRequest) -> HttpResponse:
    """Go to the room that the form of the home page names, or to the first of all."""
    form = RoomForm(request.GET or {"room": ROOMS[0]})
    if not form.is_valid():
        return _home(request, form, status=400)
    return redirect("demo:chat", room=form.cleaned_data["room"])


@require_safe
@never_cache
def chat(request: HttpRequest, room: str) -> HttpResponse:
    """One chat room; a visitor without a name is asked for one first."""
    if len(room) > MAX_ROOM_CHARS:
        raise Http404("No room has so long a name.")
    if not request.user.is_authenticated:
        return _ask_for_name(request, NameForm(), next_path=request.path)
    return _page(request, "chat", {"room": room, "rooms": ROOMS, "max_chars": MAX_TEXT_CHARS})


@require_safe
def echo(request: HttpRequest) -> HttpResponse:
    """A visitor and their echo."""
    return _page(request, "echo")


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """The number of visits."""
    return _page(request, "log")


@require_safe
def ticker(request: HttpRequest) -> HttpResponse:
    """A tick each second."""
    return _page(request, "ticker")


def news(request: HttpRequest) -> HttpResponse:
    """The latest headlines, and a form that publishes one to all who wait for it."""
    form = HeadlineForm(request.POST or None)
    if form.is_valid():
        async_to_sync(announce)(form.save())
        return redirect("demo:news")
    latest = list(Headline.objects.all()[:10])[::-1]
    context = {"form": form, "headlines": latest, "cursor": latest[-1].pk if latest else 0}
    return _page(request, "news", context, status=400 if form.is_bound else 200)


@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Let a visitor in by a mere name: where there is nothing to protect, and nowhere else.

    Raises:
        Http404: DEBUG is off.
    """
    if not settings.DEBUG:
        raise Http404("Signing in by a name needs DEBUG.")
    next_path = request.POST.get("next") or request.GET.get("next") or ""
    form = NameForm(request.POST or None)
    if not form.is_valid():
        return _ask_for_name(request, form, next_path)
    login(request, form.user, backend=MODEL_BACKEND)
    is_ours = url_has_allowed_host_and_scheme(next_path, allowed_hosts=None)
    return redirect(next_path if is_ours else reverse("demo:home"))


@require_GET
@never_cache
def sign_in_by_link(request: HttpRequest) -> HttpResponse:
    """Sign staff in by the link that the server printed, once, and show the console."""
    user = redeem(request.GET.get("uid", ""), request.GET.get("token", ""))
    if user is None:
        return _page(request, "link_expired", status=410)
    login(request, user, backend=MODEL_BACKEND)
    return redirect("channelscope:index")


def _home(request: HttpRequest, form: RoomForm, status: int = 200) -> HttpResponse:
    return _page(request, "home", {"rooms": ROOMS, "room_form": form}, status)


def _ask_for_name(request: HttpRequest, form: NameForm, next_path: str) -> HttpResponse:
    context = {"name_form": form, "next": next_path, "can_choose_name": settings.DEBUG}
    return _page(request, "sign_in", context, status=400 if form.is_bound else 200)


def _page(
    request: HttpRequest, name: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    response = render(request, f"demo/{name}.html", context, status=status)
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["Referrer-Policy"] = "same-origin"
    return response
