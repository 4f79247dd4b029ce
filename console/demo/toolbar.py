"""Where django-debug-toolbar shows itself in the demo: on its pages, never in the console.

The console answers under a strict Content-Security-Policy and shows this very
traffic by itself. Called by the toolbar's middleware, through the settings.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def is_shown(request: HttpRequest) -> bool:
    """Return whether the toolbar belongs on the page that `request` asks for."""
    is_local = settings.DEBUG and request.META.get("REMOTE_ADDR") in settings.INTERNAL_IPS
    return is_local and not request.path.startswith(reverse("channelscope:index"))
