"""Who may enter the demo, and how, without a password in sight.

Owns two doors. Staff come in by a link that works once and is printed where the
server starts. Visitors of the chat choose a name, under DEBUG alone, and get a user
without any rights. Called by the views and by the command `channelscope demo`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

STAFF_NAME = "ada"

# ASCII, because names of other scripts can look exactly like somebody else's.
validate_name = RegexValidator(
    r"\A[A-Za-z][A-Za-z0-9_-]{1,23}\Z",
    "A name has 2 to 24 letters, digits, - or _, and begins with a letter.",
)


class NameTaken(ValidationError):
    """The name belongs to somebody whom a visitor must not be able to become."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The name {name} is reserved. Choose another one.", code="taken")


class SignInTokens(PasswordResetTokenGenerator):
    """Tokens that die with the user's next sign-in, whichever way that happens."""

    key_salt = "console.demo.accounts.SignInTokens"

    def _make_hash_value(self, user: AbstractBaseUser, timestamp: int) -> str:
        # Django's own value cuts the last sign-in to seconds: two within one second
        # would leave the token of the second alive.
        last_login: datetime | None = user.last_login
        return f"{user.pk}{user.password}{last_login and last_login.isoformat()}{timestamp}"


tokens = SignInTokens()


def ensure_staff() -> User:
    """Return the demo's staff user; make it, or give it its rights back, if need be.

    It has no usable password: the only way in is the link of `sign_in_path`.
    """
    user, is_new = User.objects.get_or_create(username=STAFF_NAME)
    if is_new:
        user.set_unusable_password()
    user.is_staff = user.is_superuser = user.is_active = True
    user.save()
    return user


def sign_in_path(user: User) -> str:
    """Return the path that signs `user` in once.

    The token is in the query string and not in the path: there the console hides it.
    """
    uid = urlsafe_base64_encode(str(user.pk).encode("ascii"))
    query = urlencode({"uid": uid, "token": tokens.make_token(user)})
    return f"{reverse('demo:sign-in-link')}?{query}"


def redeem(uid: str, token: str) -> User | None:
    """Return the user whom a sign-in link names, and end the link; None if it is not valid.

    The row is claimed by one conditional UPDATE: of two requests that carry the same
    link at the same moment, one gets the user.
    """
    user = _user_of(uid)
    if user is None or not user.is_active or not tokens.check_token(user, token):
        return None
    seen = User.objects.filter(pk=user.pk, last_login=user.last_login)
    claimed = seen.update(last_login=timezone.now())
    return user if claimed else None


def visitor(name: str) -> User:
    """Return the user without rights who goes by `name`; the first call makes it.

    Raises:
        ValidationError: the name is malformed.
        NameTaken: it belongs to staff, or to a user with a password or any right.
    """
    validate_name(name)
    user = User.objects.filter(username__iexact=name).first()
    if name.lower() == STAFF_NAME or (user is not None and not _is_visitor(user)):
        raise NameTaken(name)
    return user or User.objects.create_user(username=name)


def _is_visitor(user: User) -> bool:
    has_rights = user.is_staff or user.is_superuser or bool(user.get_all_permissions())
    return user.is_active and not has_rights and not user.has_usable_password()


def _user_of(uid: str) -> User | None:
    try:
        key: Any = urlsafe_base64_decode(uid).decode("ascii")
        return User.objects.get(pk=key)
    except (ValueError, OverflowError, User.DoesNotExist):
        return None
