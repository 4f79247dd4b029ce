"""The demo on a server, with all that Channelscope itself says in a file of its own."""

from __future__ import annotations

import os

from tests.support.demo_on_redis import *  # noqa: F403 - all of them

ASGI_APPLICATION = "tests.support.canary_app.application"

CHANNELSCOPE = {"METRICS_TOKEN": os.environ["METRICS_TOKEN"], "REDACT": ["iban"]}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "ours": {"class": "logging.FileHandler", "filename": os.environ["OUR_LOG"]},
    },
    # What a server or Django writes of a failed application is the project's own business.
    "loggers": {
        name: {"handlers": ["ours"], "level": "DEBUG", "propagate": False}
        for name in ("console", "runtime")
    },
}
