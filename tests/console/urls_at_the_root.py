"""The URLs of a project that has mounted the console where it should not."""

from django.urls import include, path

urlpatterns = [path("", include("console.urls"))]
