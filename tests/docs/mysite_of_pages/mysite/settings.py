"""Settings of a project with a server for each protocol, none of which reaches anybody."""

from pathlib import Path

DEBUG = True
SECRET_KEY = "for tests alone"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "runtime",
    "console",
    "chat",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).resolve().parents[1] / "db.sqlite3",
    }
}
STATIC_URL = "static/"
ROOT_URLCONF = "mysite.urls"
ASGI_APPLICATION = "mysite.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "runtime.layers.InMemoryChannelLayer"}}

NOBODY = {"HOST": "127.0.0.1", "PORT": 9}
"""Nothing listens there: a server says that it serves, and goes on trying."""

CHANNELS_APRS = {"CALLSIGN": "N0CALL-10", **NOBODY}
CHANNELS_MQTT = NOBODY
CHANNELS_TELEGRAM = {"TOKEN": "1:for-tests-alone", "API_URL": "http://127.0.0.1:9"}
