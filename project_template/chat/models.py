"""What the chat keeps."""

from django.db import models
from django.utils import timezone

MAX_ROOM_CHARS = 50
MAX_TEXT_CHARS = 1000


class Message(models.Model):
    """What somebody said in a room."""

    room = models.SlugField(max_length=MAX_ROOM_CHARS)
    author = models.CharField(max_length=150)
    text = models.TextField(max_length=MAX_TEXT_CHARS)
    said_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("said_at", "pk")
        indexes = (models.Index(fields=["room", "said_at"], name="message_of_room"),)

    def __str__(self) -> str:
        return f"{self.author} in {self.room}: {self.text[:40]}"
