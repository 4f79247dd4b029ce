from django.conf import settings
from django.db import models


class Ticket(models.Model):
    OPEN, CLOSED = "open", "closed"

    title = models.CharField(max_length=100)
    status = models.CharField(max_length=10, default=OPEN)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)

    def __str__(self):
        return self.title


class Comment(models.Model):
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.text
