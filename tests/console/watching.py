"""The console's own relay, bound to a recording for the length of a test; and who looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import QueryDict

from console.relay import relay
from tests.console.recording import Recording


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Return a recording that the pages read, in place of this process's own."""
    own = relay.recorder
    fresh = Recording()
    relay.bind(fresh.recorder)
    yield fresh
    relay.bind(own)


def user(name: str, **fields: Any) -> Any:
    """Return a new user; `is_staff=True` for one who may watch."""
    return get_user_model().objects.create_user(name, password="secret", **fields)


def params(query: str = "") -> QueryDict:
    """Return the parameters of an address."""
    return QueryDict(query)
