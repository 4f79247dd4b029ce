"""The URLs of a project that has not mounted the console."""

urlpatterns: list = []
