"""Which flavours there are, and Django set up for those that need it."""

from __future__ import annotations

import django
from django.conf import settings

from tests.benchmarks.bare import Bare
from tests.benchmarks.packaged import Package
from tests.benchmarks.work import Flavour

VARIABLE = "BENCH_FLAVOUR"
"""Names the flavour that a server's process is to serve."""


def flavour_of(name: str) -> Flavour:
    """Return the flavour `runtime`, `channels` or `bare`, in a process that has no other."""
    if name == "bare":
        return Bare()
    if not settings.configured:
        set_up_django(name)
    return Package(name)


def set_up_django(package: str) -> None:
    """Set Django up for `package`, with a layer in memory and a database that nobody asks."""
    settings.configure(
        SECRET_KEY="for benchmarks alone",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            package,
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        CHANNEL_LAYERS={"default": {"BACKEND": f"{package}.layers.InMemoryChannelLayer"}},
    )
    django.setup()
