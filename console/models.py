"""What the console keeps in the project's database: who may do what, saved messages, recordings.

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


class Impersonation(models.Model):
    """One connection that was opened as another user, or could have been: what it took."""

    token = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    path = models.TextField()
    viewer_session = models.CharField(max_length=64, editable=False)
    made_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ("-made_at", "-pk")

    def __str__(self) -> str:
        return f"{self.made_by} as {self.user}"


class Recording(models.Model):
    """What happened on a connection, in a group or to a query, for as long as it was recorded."""

    SUBJECTS: ClassVar = (
        ("connection", "a connection"),
        ("group", "a group"),
        ("query", "a query"),
    )

    name = models.CharField(max_length=80)
    subject = models.CharField(max_length=10, choices=SUBJECTS)
    of = models.TextField(help_text="The connection's id, the group's name, or the query.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    process = models.CharField(max_length=200, blank=True, help_text="Where the console recorded.")
    began_at = models.DateTimeField(auto_now_add=True)
    heard_at = models.DateTimeField(help_text="When its recorder was last heard of.")
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=200, blank=True)
    should_end = models.BooleanField(default=False)
    connections = models.JSONField(default=dict, help_text="Those that are in it, by their ids.")
    volatile = models.JSONField(default=list, help_text="Names of values that no replay compares.")
    step_count = models.PositiveIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)
    missed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ("-began_at", "-pk")

    def __str__(self) -> str:
        return self.name


class RecordingStep(models.Model):
    """One recorded entry, redacted as it was shown."""

    recording = models.ForeignKey(Recording, models.CASCADE, related_name="steps")
    at = models.FloatField(help_text="Seconds since the Unix epoch.")
    kind = models.CharField(max_length=20)
    record = models.JSONField()

    class Meta:
        ordering: ClassVar = ("recording", "at", "pk")

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:.3f}"
