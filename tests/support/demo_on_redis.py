"""The demo with a channel layer that joins processes, and a console of little patience."""

from __future__ import annotations

import json
import os

from console import relay_watching
from console.demo.settings import *  # noqa: F403 - all of them

# With it the servers leave the fixed channels to the workers, as they do in a project.
REDIS_URL = os.environ["DEMO_REDIS_URL"]
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": os.environ["DEMO_LAYER"],
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "several"},
    }
}

CHANNELSCOPE = json.loads(os.environ.get("DEMO_CHANNELSCOPE", "{}"))

# A test that waits half a minute for a process to be forgotten waits for nothing else.
relay_watching.STALE_S = 4.0
relay_watching.GONE_S = 9.0
