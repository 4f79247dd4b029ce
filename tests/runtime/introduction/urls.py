"""The URLs of a project that has one view."""

from django.http import HttpResponse
from django.urls import path


def plain_view(request):
    return HttpResponse("a view")


urlpatterns = [path("view/", plain_view)]
