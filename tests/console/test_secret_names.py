from __future__ import annotations

import pytest

from console.secret_names import SecretNames


@pytest.mark.parametrize(
    "name",
    [
        *("password", "user_password", "newPassword", "PASSWORD1", "pass", "pwd"),
        *("token", "access_token", "accessToken", "csrfmiddlewaretoken", "X-CSRFToken"),
        *("secret", "client-secret", "api_key", "X-API-Key", "apiKey", "api key"),
        *("sessionid", "session", "auth", "oauth_state", "Authorization", "Set-Cookie"),
        *("credentials", "jwt", "privateKey", "signature", "pin", "otp", "aws.secret.key"),
    ],
)
def test_names_that_promise_a_secret(name):
    assert SecretNames().is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["", "text", "key", "code", "author", "pinned", "passenger", "compass", "type", "user", "side"],
)
def test_names_that_promise_none(name):
    assert not SecretNames().is_secret(name)


@pytest.mark.parametrize("name", ["code", "key", "ticket", "auth", "%74oken", "a+token"])
def test_query_arguments_promise_more(name):
    assert SecretNames().is_secret_argument(name)


def test_names_of_the_project_are_compared_without_case_and_separators():
    names = SecretNames(["card_number"])
    assert names.is_secret("cardNumber")
    assert names.is_secret("Card-Number")
    assert not names.is_secret("card")


def test_long_names_are_found_in_binary_data_and_short_ones_are_not():
    names = SecretNames(["iban_number"])
    assert names.occur_in(b"\x81\xa8password\xa7hunter2")
    assert names.occur_in(b"\x00API_KEY\x00")
    assert names.occur_in(b"\xffiban_number\xff")
    assert not names.occur_in(b"\x89PNG pin jwt sid")
