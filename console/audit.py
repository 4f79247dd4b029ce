"""What somebody did through the console, left where Django's admin shows who did what.

Owns the one line that each action leaves. It is written before the action is carried
out, so that none goes without, and says afterwards what became of it. Without Django's
admin the line goes to the log `console.audit`. Called by whatever acts.
"""

from __future__ import annotations

import logging
from typing import Any

from django.apps import apps

from console.conf import settings
from console.redact import Redactor, dump
from runtime.db import database_sync_to_async

logger = logging.getLogger("console.audit")

DETAIL_CHARS = 2_000
ON_CHARS = 200


class Line:
    """One action, as it is written down.

    Attributes:
        text: what the entry says.
    """

    def __init__(self, text: str, entry_id: int | None) -> None:
        self.text = text
        self._entry_id = entry_id

    def __repr__(self) -> str:
        return f"<Line {self.text!r}>"

    async def add(self, outcome: str) -> None:
        """Say what became of the action."""
        self.text = f"{self.text} {outcome}"
        if self._entry_id is None:
            logger.info("%s", self.text)
        else:
            await database_sync_to_async(_amend)(self._entry_id, self.text)


async def record(user: Any, what: str, on: str, detail: Any = None) -> Line:
    """Write down that `user` does something, before it is done.

    Args:
        what: a sentence, such as "Closed it with code 4001."
        on: on what, such as "connection 5f00c2a1b7e4".
        detail: what was sent with it: text, bytes or what JSON can say; redacted here.

    Returns: the line, to `add()` what became of it.

    Raises:
        django.db.DatabaseError: the entry cannot be written; then nothing must be done.
    """
    text = f"Channelscope: {what}"
    if shown := _shown(detail):
        text = f"{text} {shown}"
    if not is_kept():
        logger.info("%s, on %s: %s", user, on, text)
        return Line(f"{user}, on {on}: {text}", None)
    return Line(text, await database_sync_to_async(_write)(user, text, on))


def is_kept() -> bool:
    """Return whether Django's admin is there to keep what is recorded."""
    return apps.is_installed("django.contrib.admin")


def _shown(detail: Any) -> str:
    if detail is None:
        return ""
    redactor = Redactor(settings.REDACT)
    if isinstance(detail, str | bytes):
        shown = redactor.payload(detail)
        text = f"<{len(shown.data)} bytes>" if shown.data is not None else shown.text
    else:
        text = dump(redactor.value(detail))
    return text if len(text) <= DETAIL_CHARS else f"{text[:DETAIL_CHARS]}…"


def _write(user: Any, text: str, on: str) -> int:
    # These need a project that has them.
    from django.contrib.admin.models import CHANGE, LogEntry
    from django.contrib.contenttypes.models import ContentType

    from console.models import Rights

    entry = LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(Rights),
        object_repr=on[:ON_CHARS],
        action_flag=CHANGE,
        change_message=text,
    )
    return int(entry.pk)


def _amend(entry_id: int, text: str) -> None:
    from django.contrib.admin.models import LogEntry

    LogEntry.objects.filter(pk=entry_id).update(change_message=text)
