from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from console.demo.accounts import NameTaken, ensure_staff, redeem, sign_in_path, tokens, visitor

pytestmark = pytest.mark.django_db


def parts(path: str) -> tuple[str, str]:
    query = QueryDict(path.partition("?")[2])
    return query["uid"], query["token"]


def test_the_staff_user_has_every_right_and_no_password() -> None:
    user = ensure_staff()
    assert (user.username, user.is_staff, user.is_superuser) == ("ada", True, True)
    assert not user.has_usable_password()


def test_a_staff_user_who_set_a_password_keeps_it() -> None:
    user = ensure_staff()
    user.set_password("chosen in the admin")
    user.save()
    assert ensure_staff().check_password("chosen in the admin")


def test_a_link_signs_its_user_in_once(client: Client) -> None:
    path = sign_in_path(ensure_staff())
    first = client.get(path)
    assert (first.status_code, first["Location"]) == (302, "/console/")
    assert client.session["_auth_user_id"] == str(User.objects.get(username="ada").pk)

    second = Client().get(path)
    assert second.status_code == 410
    assert "no longer works" in second.content.decode()


def test_of_two_requests_with_one_link_at_once_one_is_let_in() -> None:
    uid, token = parts(sign_in_path(ensure_staff()))
    # Both have seen that the token is valid before either has claimed it.
    with mock.patch.object(tokens, "check_token", return_value=True):
        stale = User.objects.get(username="ada")
        with mock.patch.object(User.objects, "get", return_value=stale):
            assert redeem(uid, token) is not None
            assert redeem(uid, token) is None


def test_a_link_dies_with_a_sign_in_of_the_same_second() -> None:
    user = ensure_staff()
    now = timezone.now().replace(microsecond=100)
    User.objects.filter(pk=user.pk).update(last_login=now)
    token = tokens.make_token(User.objects.get(pk=user.pk))
    later = now + timedelta(microseconds=1)
    User.objects.filter(pk=user.pk).update(last_login=later)
    assert not tokens.check_token(User.objects.get(pk=user.pk), token)


def test_a_link_of_a_user_who_was_deactivated_is_refused() -> None:
    user = ensure_staff()
    path = sign_in_path(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert redeem(*parts(path)) is None


@pytest.mark.parametrize("uid", ["", "!", "Mg", "bm9ib2R5", "/////"])
def test_a_link_of_nobody_is_refused(uid: str) -> None:
    assert redeem(uid, "whatever") is None


def test_a_token_of_one_user_does_not_open_another() -> None:
    uid, _ = parts(sign_in_path(ensure_staff()))
    _, token = parts(sign_in_path(visitor("grace")))
    assert redeem(uid, token) is None


def test_a_visitor_has_no_rights_and_comes_back_under_the_same_name() -> None:
    user = visitor("grace")
    assert not user.is_staff
    assert not user.is_superuser
    assert not user.has_usable_password()
    assert visitor("Grace") == user


@pytest.mark.parametrize("name", ["ada", "Ada", "ADA"])
def test_the_name_of_the_staff_user_is_reserved_even_before_it_exists(name: str) -> None:
    with pytest.raises(NameTaken) as caught:
        visitor(name)
    assert caught.value.name == name


@pytest.mark.parametrize("what", ["staff", "superuser", "password", "permission", "inactive"])
def test_a_visitor_cannot_become_a_user_with_anything_to_lose(what: str) -> None:
    user = User.objects.create_user("linus")
    match what:
        case "staff":
            user.is_staff = True
        case "superuser":
            user.is_superuser = True
        case "password":
            user.set_password("secret")
        case "permission":
            user.user_permissions.add(Permission.objects.earliest("pk"))
        case "inactive":
            user.is_active = False
    user.save()
    with pytest.raises(NameTaken):
        visitor("Linus")


@pytest.mark.parametrize(
    "name", ["", "x", "two words", "1st", "a" * 25, "<script>", "\u0430da", "ada\n", "grace\n"]
)
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        visitor(name)
    assert not User.objects.exists()
