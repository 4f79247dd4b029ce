"""What a viewer prefers, kept in cookies: for who has no script, which sets them itself.

Owns the names and the values that are taken; anything else changes nothing.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from console import zones
from console.pages.shell import DENSITIES, THEMES
from console.views import staff_only

YEAR_S = 31_536_000


@csrf_protect
@require_POST
@staff_only
async def preferences(request: HttpRequest) -> HttpResponse:
    """Keep what the form says, and lead back."""
    said: Any = request.POST
    response = HttpResponseRedirect(reverse("channelscope:settings"))
    _keep(response, "channelscope_theme", said.get("theme", ""), said.get("theme") in THEMES)
    _keep(response, "channelscope_density", said.get("density"), said.get("density") in DENSITIES)
    zone = str(said.get("zone", ""))
    _keep(response, zones.COOKIE, zone, zones.is_zone(zone))
    return response


def _keep(response: HttpResponse, name: str, value: str, is_value: bool) -> None:
    path = reverse("channelscope:index")
    if is_value:
        response.set_cookie(name, value, max_age=YEAR_S, path=path, samesite="Lax")
    else:
        response.delete_cookie(name, path=path, samesite="Lax")
