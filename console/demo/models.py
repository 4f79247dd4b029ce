"""What the demo remembers: visits, as its log consumer saw them, and the news."""

from __future__ import annotations

from django.db import models


class Log(models.Model):
    """The beginning or the end of one visit."""

    type = models.CharField(max_length=20)
    client = models.JSONField(help_text="The scope's client: a host and a port.", null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-at",)
        verbose_name = "log line"

    def __str__(self) -> str:
        return f"{self.type} {self.client} at {self.at:%Y-%m-%d %H:%M:%S}"


class Headline(models.Model):
    """One piece of news; its id is the cursor of those who wait for the next one."""

    text = models.CharField(max_length=140)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.text
