"""Settings of a project that has nothing but a worker, whose layer is in the environment.

`worker_environment()` is what a test gives such a process.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

LAYER = "CHANNELSCOPE_TEST_LAYER"
ROOT = Path(__file__).resolve().parents[2]

SECRET_KEY = "for tests alone"
INSTALLED_APPS = ["runtime"]
ASGI_APPLICATION = "tests.support.worker_jobs.application"
CHANNEL_LAYERS = {"default": json.loads(os.environ.get(LAYER, "{}"))}


def worker_environment(backend: str, **config: object) -> dict[str, str]:
    """Return the environment of a process that has these settings, and this layer."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONASYNCIODEBUG"}
    return kept | {
        LAYER: json.dumps({"BACKEND": backend, "CONFIG": config}),
        "DJANGO_SETTINGS_MODULE": __name__,
        "PYTHONPATH": str(ROOT),
    }
