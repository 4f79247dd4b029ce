from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db.models.signals import post_save
from django.dispatch import receiver

from desk.models import Ticket


@receiver(post_save, sender=Ticket)
def tell_status(instance, **kwargs):
    async_to_sync(get_channel_layer().group_send)(
        "status",
        {"type": "ticket.status", "id": instance.pk, "status": instance.status},
    )
