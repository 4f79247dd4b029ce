"""Every page: the chat, Django's admin and the console."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("chat.urls")),
    path("admin/", admin.site.urls),
    path("console/", include("console.urls")),
]
