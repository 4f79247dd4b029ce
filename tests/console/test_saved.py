from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from console import saved
from console.models import SavedMessage
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = '{"type": "message", "text": "hello"}'


async def made_by(name: str, **fields: Any) -> Any:
    return await sync_to_async(user)(name, is_staff=True, **fields)


async def test_a_message_is_kept_with_who_made_it_and_what_it_is_for() -> None:
    ada = await made_by("ada")
    await saved.save(ada, " Say hello ", "json", HELLO, "ChatConsumer")
    (one,) = await saved.listed(ada)
    assert (one["name"], one["kind"], one["body"]) == ("Say hello", "json", HELLO)
    assert (one["consumer"], one["by"], one["is_own"]) == ("ChatConsumer", "ada", True)


async def test_all_of_the_staff_see_it_and_only_its_maker_changes_it() -> None:
    ada, grace = await made_by("ada"), await made_by("grace")
    await saved.save(ada, "Hello", "text", "hi", "")
    (one,) = await saved.listed(grace)
    assert not one["is_own"]
    with pytest.raises(saved.Unsaved, match="Only who saved it"):
        await saved.rename(grace, one["id"], "Mine")
    with pytest.raises(saved.Unsaved, match="Only who saved it"):
        await saved.delete(grace, one["id"])
    await saved.rename(ada, one["id"], "Greeting")
    assert [one["name"] for one in await saved.listed(grace)] == ["Greeting"]
    await saved.delete(ada, one["id"])
    assert await saved.listed(ada) == []


async def test_a_superuser_changes_anybody_s() -> None:
    ada, root = await made_by("ada"), await made_by("root", is_superuser=True)
    await saved.save(ada, "Hello", "text", "hi", "")
    (one,) = await saved.listed(root)
    await saved.rename(root, one["id"], "Greeting")
    assert await SavedMessage.objects.filter(name="Greeting").aexists()


@pytest.mark.parametrize(
    ("name", "kind", "body", "why"),
    [
        ("", "json", "{}", "1 to 80 characters"),
        ("x" * 81, "json", "{}", "1 to 80 characters"),
        ("Hello", "xml", "<a/>", "Expected a kind of"),
        ("Hello", "text", "x" * (saved.BODY_CHARS + 1), "at most"),
    ],
)
async def test_what_is_out_of_bounds_is_refused_with_a_reason(
    name: str, kind: str, body: str, why: str
) -> None:
    ada = await made_by("ada")
    with pytest.raises(saved.Unsaved, match=why):
        await saved.save(ada, name, kind, body, "")
    assert await saved.listed(ada) == []


async def test_what_is_kept_no_longer_says_so() -> None:
    ada = await made_by("ada")
    with pytest.raises(saved.Unsaved, match="not kept any more"):
        await saved.rename(ada, 4711, "Hello")
