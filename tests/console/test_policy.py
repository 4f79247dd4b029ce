from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User

from console.policy import may_watch


@pytest.mark.parametrize(
    ("user", "may"),
    [
        (User(username="ada", is_staff=True), True),
        (User(username="grace"), False),
        (User(username="gone", is_staff=True, is_active=False), False),
        (AnonymousUser(), False),
        (None, False),
    ],
)
def test_active_staff_may_watch_and_nobody_else(user, may):
    assert may_watch(user) is may
