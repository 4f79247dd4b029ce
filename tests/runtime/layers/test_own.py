import asyncio

import pytest

from runtime.layers.own import OwnTraffic

PATIENCE_S = 30


@pytest.fixture
def own():
    return OwnTraffic()


async def done(waiting):
    async with asyncio.timeout(PATIENCE_S):
        await waiting


def test_what_has_arrived_is_not_under_way(own):
    for number in (1, 2, 4):
        own.sent("one", number)
    assert own.count("one") == 3
    own.arrived("one", 2)  # the first was lost before it
    assert own.count("one") == 1
    own.not_sent("one", 4)
    assert own.count("one") == own.count("other") == 0


def test_messages_to_groups_are_counted_until_they_arrive(own):
    for number, group in enumerate(("room", "room", "lobby")):
        own.group_sent(group, number)
    assert own.count_to_groups(["room", "lobby", "nowhere"]) == 3
    own.group_arrived("room", 1)
    own.group_arrived("nowhere", 1)
    assert own.count_to_groups(["room", "lobby"]) == 1


def test_a_channel_is_quiet_when_nothing_can_arrive_there(own):
    assert own.is_quiet("one", ["room"])
    own.group_sent("room", 1)
    assert not own.is_quiet("one", ["lobby", "room"])
    assert own.is_quiet("one", ["lobby"])
    own.group_arrived("room", 1)
    own.sent("one", 2)
    assert not own.is_quiet("one", ["room"])
    assert own.is_quiet("other", ["room"])


async def test_what_became_of_a_message_is_said_once_it_is_known(own):
    lost, outcome = own.outcome(1), own.outcome(2)
    own.delivered(2, False)
    assert await lost is True
    assert await outcome is False


def test_after_an_outage_nobody_knows_what_comes(own):
    own.sent("one", 1)
    assert not own.is_unsure
    own.lose_all()
    assert own.is_unsure
    assert own.is_quiet("one", [])


async def test_who_waits_for_a_group_waits_for_what_was_sent_until_then_and_no_longer(own):
    await done(own.wait_for_group("room", PATIENCE_S))
    own.group_sent("room", 1)
    waiting = asyncio.ensure_future(own.wait_for_group("room", 60))
    await asyncio.sleep(0)
    own.group_sent("room", 2)
    later = asyncio.ensure_future(own.wait_for_group("room", 60))
    await asyncio.sleep(0)
    own.group_arrived("room", 1)
    await done(waiting)
    assert not later.done()
    own.lose_all()
    await done(later)
    assert own.is_quiet("one", ["room"])


async def test_who_waits_for_what_never_comes_waits_for_a_while(own):
    own.group_sent("room", 1)
    await done(own.wait_for_group("room", 0.01))
