"""The middleware of a project that has its own."""

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware


class Sessions(SessionMiddleware):
    """The project's sessions."""


class Users(AuthenticationMiddleware):
    """The project's users."""
