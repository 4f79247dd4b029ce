"""Settings of the demo: for one machine, for as long as somebody looks at it.

Runs from a checkout and from an installed wheel alike, because everything that it
writes goes to one folder (`data.data_directory`) and nothing else is assumed.

Environment:
    CHANNELSCOPE_DATA: the folder for the database and the secret key.
    CHANNELSCOPE_DEBUG: "0" turns DEBUG off, and with it signing in by a mere name.
    CHANNELSCOPE_DEMO_REDIS: joins several processes; without it the layer is this one's memory.
    CHANNELSCOPE_DEMO_PROCESS: what the console calls this process.
    CHANNELSCOPE_DEMO_TELEGRAM, CHANNELSCOPE_DEMO_MQTT, CHANNELSCOPE_DEMO_APRS: what the settings
        of these protocols say, as JSON.
"""

from __future__ import annotations

import json
import os
from importlib.util import find_spec

from console.demo.data import data_directory, secret_key

DATA = data_directory()
SECRET_KEY = secret_key(DATA)
DEBUG = os.environ.get("CHANNELSCOPE_DEBUG", "1") != "0"
HAS_TOOLBAR = DEBUG and find_spec("debug_toolbar") is not None

# Loopback only: the demo has no passwords, so no other machine may reach it.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
INTERNAL_IPS = ["127.0.0.1", "::1"]

INSTALLED_APPS = [
    "daphne",  # first: it replaces `runserver` by one that speaks ASGI
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *(["debug_toolbar"] if HAS_TOOLBAR else []),
    "runtime",
    "console",
    "console.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    *(["debug_toolbar.middleware.DebugToolbarMiddleware"] if HAS_TOOLBAR else []),
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
            ],
        },
    },
]

ROOT_URLCONF = "console.demo.urls"
ASGI_APPLICATION = "console.demo.asgi.application"
REDIS_URL = os.environ.get("CHANNELSCOPE_DEMO_REDIS")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "runtime.layers.redis.RedisChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": "channelscope-demo"},
        },
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "runtime.layers.InMemoryChannelLayer"}}

CHANNELS_TELEGRAM = json.loads(os.environ.get("CHANNELSCOPE_DEMO_TELEGRAM", "{}"))
CHANNELS_MQTT = json.loads(os.environ.get("CHANNELSCOPE_DEMO_MQTT", "{}"))
CHANNELS_APRS = json.loads(os.environ.get("CHANNELSCOPE_DEMO_APRS", "{}"))

CHANNELSCOPE = {"PROCESS_NAME": os.environ.get("CHANNELSCOPE_DEMO_PROCESS")}

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "demo.sqlite3",
        # Sync consumers write from several threads: with a write-ahead log readers never
        # wait, and a transaction that takes its lock at once cannot fail half way.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,  # seconds
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
}

LOGIN_URL = "channelscope:login"
LOGIN_REDIRECT_URL = "channelscope:index"
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60  # seconds: the life of a sign-in link that nobody used
# Cookies know no ports: another project on this host would sign its people out of here.
SESSION_COOKIE_NAME = "channelscope_demo_session"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"

DEBUG_TOOLBAR_CONFIG = {
    "ROOT_TAG_EXTRA_ATTRS": 'class="debug-toolbar"',
    "SHOW_COLLAPSED": True,
    "SHOW_TOOLBAR_CALLBACK": "console.demo.toolbar.is_shown",
}

if HAS_TOOLBAR:
    from debug_toolbar.settings import PANELS_DEFAULTS

    history, *others = PANELS_DEFAULTS
    DEBUG_TOOLBAR_PANELS = [history, "console.panel.LayerPanel", *others]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Django's own handlers would say everything a second time.
    "loggers": {"django": {"handlers": [], "level": "WARNING", "propagate": True}},
}
