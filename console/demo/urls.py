"""Every page of the demo: its own, Django's admin, the console, and the toolbar if it is there."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path

from console.demo import views

pages: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("chat/", views.open_room, name="open-room"),
    path("chat/<slug:room>/", views.chat, name="chat"),
    path("echo/", views.echo, name="echo"),
    path("log/", views.log, name="log"),
    path("ticker/", views.ticker, name="ticker"),
    path("news/", views.news, name="news"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/once/", views.sign_in_by_link, name="sign-in-link"),
    path("sign-out/", LogoutView.as_view(next_page="demo:home"), name="sign-out"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((pages, "demo"))),
    path("admin/", admin.site.urls),
    path("console/", include("console.urls")),
]

if "debug_toolbar" in settings.INSTALLED_APPS:
    urlpatterns.append(path("__debug__/", include("debug_toolbar.urls")))
