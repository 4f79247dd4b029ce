"""The pages of the chat; what happens while one is open is the consumer's."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.models import MAX_ROOM_CHARS, MAX_TEXT_CHARS, Message

LATEST = 50
ROOMS = ("lobby", "workshop")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The rooms that there are to begin with."""
    return render(request, "chat/index.html", {"rooms": ROOMS})


@require_safe
def room(request: HttpRequest, room: str) -> HttpResponse:
    """One room, with what was said in it last."""
    if len(room) > MAX_ROOM_CHARS:
        raise Http404("No room has so long a name.")
    latest = list(Message.objects.filter(room=room).order_by("-said_at", "-pk")[:LATEST])[::-1]
    context = {"room": room, "messages_said": latest, "max_chars": MAX_TEXT_CHARS}
    return render(request, "chat/room.html", context)
