"""What the console's answers tell the browser to refuse.

Payloads are hostile, and staff look at them. So no page of the console runs a
script or applies a style that is not a file of its own, is framed, is cached, or
tells another site where it was.

Source: W3C, "Content Security Policy Level 3"
"""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

R = TypeVar("R", bound=HttpResponseBase)


def shield(request: HttpRequest, response: R) -> R:
    """Add the headers that hold for every answer of the console, and return it."""
    response["Content-Security-Policy"] = content_security_policy(request.get_host())
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Frame-Options"] = "DENY"
    response["Referrer-Policy"] = "same-origin"
    response["Cache-Control"] = "no-store"
    return response


def content_security_policy(host: str) -> str:
    """Return the policy for pages of `host`, which may open its WebSockets and no others."""
    files = " ".join(["'self'", *_static_origin()])
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {files}",
            f"style-src {files}",
            f"img-src {files} data:",
            # 'self' alone does not mean ws: in older browsers.
            f"connect-src 'self' ws://{host} wss://{host}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _static_origin() -> list[str]:
    """Return where static files come from, if that is another host."""
    parts = urlsplit(settings.STATIC_URL or "")
    return [f"{parts.scheme or 'https'}://{parts.netloc}"] if parts.netloc else []
