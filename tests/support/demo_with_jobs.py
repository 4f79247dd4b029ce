"""The demo on Redis, with a channel whose jobs are acknowledged, and tried once."""

from __future__ import annotations

from tests.support.demo_on_redis import *  # noqa: F403 - all of them

CHANNEL_LAYERS["default"]["CONFIG"]["acknowledged_channels"] = {  # noqa: F405
    "thumbnails": {"attempts": 1}
}
