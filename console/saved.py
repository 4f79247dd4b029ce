"""The messages that a project keeps for the Client: listed, saved, renamed, deleted.

Owns who may change which, and their bounds. They belong to the project: all of the staff
see and use them; whoever made one, or may change them in Django's admin, changes it.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError
from django.urls import reverse

from console.models import SavedMessage
from runtime.db import database_sync_to_async

logger = logging.getLogger("console.saved")

MOST = 500
BODY_CHARS = 200_000
PREVIEW_CHARS = 160
CHANGE = "channelscope_console.change_savedmessage"


class Unsaved(ValueError):
    """A message was not saved or changed; its text says why, to the person who tried."""


async def listed(viewer: Any) -> list[dict[str, Any]]:
    """Return all saved messages, as the page's script reads them; none without the table."""
    return await database_sync_to_async(_listed)(viewer)


async def save(viewer: Any, name: str, kind: str, body: str, consumer: str) -> None:
    """Keep a message. Raises Unsaved, which says why not."""
    await database_sync_to_async(_save)(viewer, name.strip(), kind, body, consumer)


async def rename(viewer: Any, number: int, name: str) -> None:
    """Give a message another name. Raises Unsaved."""
    await database_sync_to_async(_rename)(viewer, number, name.strip())


async def delete(viewer: Any, number: int) -> None:
    """Keep a message no longer. Raises Unsaved."""
    await database_sync_to_async(_delete)(viewer, number)


def _listed(viewer: Any) -> list[dict[str, Any]]:
    try:
        messages = list(SavedMessage.objects.select_related("made_by")[:MOST])
    except DatabaseError as error:
        logger.warning("Saved messages cannot be read: %s. Has `migrate` been run?", error)
        return []
    return [_shown(one, viewer) for one in messages]


def _shown(message: SavedMessage, viewer: Any) -> dict[str, Any]:
    return {
        "id": message.pk,
        "name": message.name,
        "kind": message.kind,
        "body": message.body,
        "preview": " ".join(message.body.split())[:PREVIEW_CHARS],
        "consumer": message.consumer,
        "by": message.made_by.get_username() if message.made_by is not None else "",
        "is_own": _may_change(viewer, message),
        "url": reverse("channelscope:saved-message", args=[message.pk]),
    }


def _save(viewer: Any, name: str, kind: str, body: str, consumer: str) -> None:
    _expect_name(name)
    if kind not in dict(SavedMessage.KINDS):
        raise Unsaved(f"Expected a kind of {', '.join(dict(SavedMessage.KINDS))}, got {kind!r}.")
    if len(body) > BODY_CHARS:
        raise Unsaved(f"A saved message has at most {BODY_CHARS} characters, not {len(body)}.")
    if SavedMessage.objects.count() >= MOST:
        raise Unsaved(f"A project keeps at most {MOST} messages: delete one first.")
    SavedMessage.objects.create(
        name=name, kind=kind, body=body, consumer=consumer[:200], made_by=viewer
    )


def _rename(viewer: Any, number: int, name: str) -> None:
    _expect_name(name)
    message = _changeable(viewer, number)
    message.name = name
    message.save(update_fields=["name"])


def _delete(viewer: Any, number: int) -> None:
    _changeable(viewer, number).delete()


def _changeable(viewer: Any, number: int) -> SavedMessage:
    message = SavedMessage.objects.filter(pk=number).first()
    if message is None:
        raise Unsaved("This message is not kept any more: reload the page.")
    if not _may_change(viewer, message):
        raise Unsaved(f"Only who saved it, or somebody with the permission {CHANGE}, changes it.")
    return message


def _may_change(viewer: Any, message: SavedMessage) -> bool:
    return message.made_by_id == viewer.pk or bool(viewer.has_perm(CHANGE))


def _expect_name(name: str) -> None:
    if not 0 < len(name) <= 80:
        raise Unsaved(f"A name has 1 to 80 characters, not {len(name)}.")
