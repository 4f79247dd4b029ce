"""The room Groups: what it lists, and what it sends again."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from console.live import render
from console.pages import groups as module
from console.pages.dialogs import DialogPage
from console.pages.groups import GroupsPage
from runtime.layers import get_channel_layer
from tests.console.recording import Layer, Recording
from tests.console.watching import params, user

LAYER = Layer()
HOSTILE = '"><script>alert(1)</script>{{ 7 }}'


def join(recording: Recording, channel: str, *groups: str, path: str = "/ws/chat/lobby/") -> Any:
    connection = recording.open(path)
    recording.start(connection, channel=channel)
    for group in groups:
        recording.recorder.group_joined(LAYER, group, channel)
    return connection


async def loaded(query: str = "", subject: str = "") -> GroupsPage:
    page = GroupsPage(params(query), subject)
    await page.load()
    return page


def regions(update: Any) -> list[str]:
    return [partial.target for partial in update.partials if partial.target != "#status"]


async def test_groups_are_listed_narrowed_and_ordered(recording: Recording) -> None:
    join(recording, "specific!a", "chat.lobby", "user.ada")
    join(recording, "specific!b", "chat.lobby")
    page = await loaded()
    assert [(row.name, row.members) for row in page.rows] == [("chat.lobby", 2), ("user.ada", 1)]
    assert (page.memberships, page.note) == (3, "2 groups")
    assert [row.name for row in (await loaded("name=USER")).rows] == ["user.ada"]
    assert (await loaded("sort=nonsense")).rows[0].name == "chat.lobby"


async def test_a_group_shows_its_members_and_what_happened_in_it(recording: Recording) -> None:
    connection = join(recording, "specific!a", "chat.lobby", "user.ada")
    join(recording, "specific!b", "other")
    recording.recorder.group_sent(None, LAYER, "chat.lobby", {"type": "chat.message"}, 1)
    page = await loaded(subject="chat.lobby")
    assert [member.connection for member in page.members] == [connection.id]
    assert [entry.kind for entry in page.recent] == ["join", "group_send"]
    assert page.map.sentence == "1 member of chat.lobby; of them 1 in user.ada"


async def test_a_group_shows_what_was_sent_to_it_and_what_was_lost_of_that(
    recording: Recording,
) -> None:
    connection = join(recording, "specific!a", "chat.lobby", "user.ada")
    message = {"type": "chat.message"}
    cause = recording.recorder.group_sent(None, LAYER, "chat.lobby", message, 2)
    other = recording.recorder.group_sent(None, LAYER, "user.ada", message, 1)
    for why in (cause, other):
        recording.recorder.message_dropped(connection, "specific!a", message, "capacity", why)
    page = await loaded(subject="chat.lobby")
    assert page.dropped == 1
    assert page.detail.flow.addressed_lately == 2
    assert page.chart.sentence.startswith("Messages sent to chat.lobby, last 5 minutes. Now: 0.1")
    [line] = page.chart.data["signals"]
    assert (len(line["values"]), line["values"][-1]) == (30, 0.1)


async def test_only_the_regions_that_changed_are_sent_again(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.0)
    join(recording, "specific!a", "chat.lobby")
    page = await loaded(subject="chat.lobby")
    await page.update()
    assert regions(await page.update()) == []
    join(recording, "specific!b", "chat.lobby")
    changed = regions(await page.update())
    assert {"#groups", "#groups-foot", "#group-head", "#members", "#reach", "#happenings"} <= set(
        changed
    )
    recording.recorder.group_left(LAYER, "chat.lobby", "specific!b")
    update = await page.update()
    assert "#members" in regions(update)
    assert len(page.members) == 1


async def test_where_no_group_is_looked_at_it_says_what_can_be_done(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.0)

    def said(update: Any) -> str:
        return render([one for one in update.partials if one.target == "#group-none"])

    page, narrowed = await loaded(), await loaded("name=zzz")
    assert "No groups yet" in said(await page.update())
    assert "No group matches" in said(await narrowed.update())
    join(recording, "specific!a", "chat.lobby")
    assert "Choose a group" in said(await page.update())
    assert "#group-none" not in regions(await narrowed.update())


async def test_it_asks_at_most_twice_a_second(recording: Recording) -> None:
    join(recording, "specific!a", "chat.lobby")
    page = await loaded()
    assert "#groups" in regions(await page.update())
    join(recording, "specific!b", "chat.lobby")
    assert regions(await page.update()) == []
    page._read_at = float("-inf")
    assert "#groups" in regions(await page.update())


async def test_groups_that_only_the_layer_knows_are_listed_as_such(recording: Recording) -> None:
    layer = get_channel_layer()
    channels = [await layer.new_channel() for _ in range(2)]
    for channel in channels:
        await layer.group_add("workers", channel)
    await layer.group_add("channelscope.relay", channels[0])
    page = await loaded()
    [row] = page.rows
    assert (row.name, row.members, row.is_observed) == ("workers", 2, False)
    page = await loaded(subject="workers")
    assert {member.channel for member in page.members} == set(channels)
    assert all(not member.connection for member in page.members)


async def test_a_question_about_all_members_names_the_group_whatever_it_is_called(
    recording: Recording,
) -> None:
    for name in ("chat.lobby", 'a "b" OR c', "x&all=2"):
        member = join(recording, f"specific!{name}", name)
        join(recording, f"specific!other-{name}", "other")
        page = await loaded(subject=name)
        question = DialogPage(params(page.asked_of_all), "leave")
        await question.load()
        assert question.targets.words == [f"{recording.recorder.process.epoch}:{member.id}"]
        assert question.group == name
        recording.recorder.scope_closed(member, None)


async def test_who_is_present_is_shown_without_secrets(recording: Recording) -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.track("room", channel, {"name": "Ada", "token": "hunter2"}, key="user-1")
    page = await loaded(subject="room")
    [(key, metadata)] = page.known.presence
    assert key == "user-1"
    assert "Ada" in metadata
    assert "hunter2" not in metadata


async def test_a_group_that_nobody_is_in_can_be_waited_for(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.0)
    page = await loaded(subject="later")
    assert (page.detail.row.members, page.map) == (0, None)
    join(recording, "specific!a", "later")
    assert "#members" in regions(await page.update())
    assert page.detail.row.members == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["", "chat.lobby", HOSTILE, "a/b c"])
def test_the_room_is_shown_whatever_a_group_is_called(
    client: Any, recording: Recording, name: str
) -> None:
    client.force_login(user("ada", is_staff=True))
    join(recording, "specific!a", "chat.lobby", HOSTILE, "a/b c", path=f"/ws/{HOSTILE}/")
    path = reverse("channelscope:group", args=[name]) if name else reverse("channelscope:groups")
    response = client.get(path)
    page = response.content.decode()
    assert response.status_code == 200
    assert "chat.lobby" in page
    assert "<script>alert" not in page
    assert 'name="group"' not in page  # only watching: no form to broadcast with
    assert "channelscope_console.steer" in page or not name


async def test_who_joins_between_the_page_and_its_socket_is_sent_at_once(
    recording: Recording,
) -> None:
    join(recording, "specific!a", "chat.lobby")
    screen = await loaded(subject="chat.lobby")
    second = join(recording, "specific!b", "chat.lobby")
    live = await loaded(subject="chat.lobby")
    live.resume(screen.position)
    update = await live.update()
    assert {"#groups", "#group-head", "#members", "#happenings", "#note"} <= set(regions(update))
    assert second.id in [member.connection for member in live.members]
    assert [entry.connection for entry in live.recent][-1] == second.id
    assert regions(await live.update()) == []
