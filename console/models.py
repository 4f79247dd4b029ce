"""What the console keeps in the project's database: who may do what, and saved messages.

Owns the tables, and the permissions that an administrator gives. Who asks for them is
`policy`; who reads and writes the tables are modules of their own, and Django's admin.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Rights(models.Model):
    """No table: the permissions of the console, which Django knows only of models."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions: ClassVar = (
            ("steer", "May steer connections, groups and channels"),
            ("impersonate", "May open connections as other users"),
        )
        verbose_name = "console"
        verbose_name_plural = "console"

    def __str__(self) -> str:
        return "the console's permissions"


class SavedMessage(models.Model):
    """A message that the Client can send again, kept for all of the staff."""

    KINDS: ClassVar = (("json", "JSON"), ("text", "text"), ("binary", "binary, in hex"))

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=6, choices=KINDS, default="json")
    body = models.TextField(max_length=200_000)
    consumer = models.CharField(
        max_length=200, blank=True, help_text="The class that it is meant for, if it is for one."
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ("name", "pk")

    def __str__(self) -> str:
        return self.name
