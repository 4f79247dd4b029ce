"""Settings of a project that has nothing but a worker."""

SECRET_KEY = "for tests alone"
INSTALLED_APPS = ["runtime"]
ASGI_APPLICATION = "tests.support.worker_jobs.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "tests.support.wire_layer.WireChannelLayer"}}
