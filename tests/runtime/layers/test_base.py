import re

import pytest

from runtime.layers import BaseChannelLayer


@pytest.fixture
def layer():
    return BaseChannelLayer()


@pytest.mark.parametrize("name", ["jobs", "a.b-c_d", "specific.memory!abc", "specific!", "1"])
def test_these_are_channel_names(layer, name):
    assert layer.require_valid_channel_name(name)


@pytest.mark.parametrize(
    "name", ["", "a b", "a" * 100, b"jobs", None, "jobs\n", "é", "a!b!c", "!a"]
)
def test_these_are_no_channel_names(layer, name):
    with pytest.raises(TypeError, match="Channel name must be a str"):
        layer.require_valid_channel_name(name)


@pytest.mark.parametrize("name", ["room!1", "room\n", "", "römer", "a" * 100])
def test_these_are_no_group_names(layer, name):
    with pytest.raises(TypeError, match="Group name must be a str"):
        layer.require_valid_group_name(name)


def test_a_local_channel_is_received_by_its_process_part(layer):
    assert layer.require_valid_channel_name("specific.x!", receive=True)
    with pytest.raises(TypeError, match="up to its '!'"):
        layer.require_valid_channel_name("specific.x!abc", receive=True)


def test_the_non_local_name_ends_at_the_exclamation_mark(layer):
    assert layer.non_local_name("specific.x!abc") == "specific.x!"
    assert layer.non_local_name("jobs") == "jobs"


def test_the_first_pattern_that_matches_gives_the_capacity():
    layer = BaseChannelLayer(
        capacity=5, channel_capacity={"jobs.big": 1, "jobs.*": 2, re.compile(r"^mail"): 3}
    )
    channels = ["jobs.big", "jobs.small", "mail.out", "other"]
    assert [layer.get_capacity(channel) for channel in channels] == [1, 2, 3, 5]


def test_the_old_names_still_work_and_say_that_they_are_old(layer):
    with pytest.warns(DeprecationWarning, match="require_valid_channel_name"):
        assert layer.valid_channel_name("jobs")
    with pytest.warns(DeprecationWarning, match="require_valid_group_name"):
        assert layer.valid_group_name("room")


async def test_a_layer_must_say_how_it_sends(layer):
    with pytest.raises(NotImplementedError, match="BaseChannelLayer must implement send"):
        await layer.send("jobs", {"type": "job"})


@pytest.mark.parametrize("name", ["flush", "group_add", "group_discard", "group_send"])
async def test_an_extension_that_a_layer_lacks_says_so(layer, name):
    arguments = () if name == "flush" else ("room", "anything")
    with pytest.raises(NotImplementedError, match=f"BaseChannelLayer must implement {name}"):
        await getattr(layer, name)(*arguments)
