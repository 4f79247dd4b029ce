from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import override_settings

from console.policy import (
    impersonation_obstacle,
    may_impersonate,
    may_steer,
    may_watch,
    steering_obstacle,
)

RIGHTS = [(may_steer, "steer"), (may_impersonate, "impersonate")]


def staff(*codenames: str, **more: bool) -> User:
    user = User.objects.create_user("ada", is_staff=True, **more)
    user.user_permissions.set(
        Permission.objects.get(content_type__app_label="channelscope_console", codename=name)
        for name in codenames
    )
    return user


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


@pytest.mark.parametrize(("may", "codename"), RIGHTS)
@pytest.mark.django_db
def test_each_right_needs_its_own_permission(may, codename):
    other = {"steer": "impersonate", "impersonate": "steer"}[codename]
    user = staff(other)
    assert not may(user)
    user.user_permissions.add(Permission.objects.get(codename=codename))
    assert may(User.objects.get(pk=user.pk))


@pytest.mark.parametrize(("may", "codename"), RIGHTS)
@pytest.mark.django_db
def test_the_permission_is_of_no_use_to_who_may_not_watch(may, codename):
    user = staff(codename)
    user.is_staff = False
    assert not may(user)
    assert not may(AnonymousUser())
    assert not may(None)


@pytest.mark.parametrize(("may", "codename"), RIGHTS)
@pytest.mark.django_db
def test_under_debug_all_staff_may_unless_the_settings_say_otherwise(may, codename):
    user = staff()
    with override_settings(DEBUG=True):
        assert may(user)
        with override_settings(CHANNELSCOPE={"STAFF_MAY_STEER": False}):
            assert not may(user)
    assert not may(user)
    with override_settings(CHANNELSCOPE={"STAFF_MAY_STEER": True}):
        assert may(user)


@pytest.mark.parametrize(("may", "codename"), RIGHTS)
@pytest.mark.django_db
def test_nobody_may_in_a_console_that_is_read_only(may, codename):
    user = staff(codename, is_superuser=True)
    assert may(user)
    with override_settings(CHANNELSCOPE={"READ_ONLY": True}, DEBUG=True):
        assert not may(user)


@pytest.mark.django_db(transaction=True)
async def test_whoever_may_not_is_told_why():
    user = await User.objects.acreate(username="ada", is_staff=True)
    assert "channelscope_console.steer" in await steering_obstacle(user)
    assert "channelscope_console.impersonate" in await impersonation_obstacle(user)
    with override_settings(CHANNELSCOPE={"READ_ONLY": True}):
        assert "read-only" in await steering_obstacle(user)
    with override_settings(DEBUG=True):
        assert await steering_obstacle(user) == ""
        assert "staff" in await steering_obstacle(AnonymousUser())
