"""Settings of the project. The environment says where its test database is."""

import os

SECRET_KEY = "for tests alone"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "runtime",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.path.dirname(__file__)],
    }
]
ROOT_URLCONF = "tests.support.live.project"
ASGI_APPLICATION = "tests.support.live.project.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "runtime.layers.InMemoryChannelLayer"}}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "never-opened.sqlite3",
        "TEST": {"NAME": os.environ.get("LIVE_DATABASE")},
    }
}
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [os.path.join(os.path.dirname(__file__), "static")]
