"""Rows of entries as another process would say them."""

from __future__ import annotations

import dataclasses
from typing import Any

from console.entry import spell
from console.entry_view import EntryView

_EMPTY: dict[str, Any] = {
    "str": "",
    "int": 0,
    "float": 0.0,
    "Kind": "in",
    "Direction": "in",
}


def an_entry(epoch: str, offset: int, **fields: Any) -> EntryView:
    """Return the row of an entry of which little is known."""
    blank = {field.name: _EMPTY.get(str(field.type)) for field in dataclasses.fields(EntryView)}
    place = {"position": spell(epoch, offset), "offset": offset, "at": float(offset)}
    return EntryView(**{**blank, **place, **fields})
