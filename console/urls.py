"""Where the console's pages are, below wherever a project includes this module."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path, reverse_lazy

from console import views

app_name = "channelscope"

urlpatterns = [
    path("", views.index, name="index"),
    path("connections/", views.connections, name="connections"),
    path("connections/<slug:connection_id>/", views.connection, name="connection"),
    path("traffic/", views.traffic, name="traffic"),
    path("routing/", views.routing, name="routing"),
    path("client/", views.client, name="client"),
    path("login/", views.SignIn.as_view(), name="login"),
    path(
        "logout/",
        LogoutView.as_view(next_page=reverse_lazy("channelscope:login")),
        name="logout",
    ),
]
