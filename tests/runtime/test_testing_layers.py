"""The contract of layers finds the layers that break it."""

import asyncio
import time

import pytest

from runtime.layers import InMemoryChannelLayer
from runtime.testing.layers import (
    AcknowledgementContract,
    ChannelLayerContract,
    LayerContract,
    PeersContract,
    PushContract,
    with_layer,
)
from runtime.testing.layers.acknowledged import SILENT_S


class Unordered(InMemoryChannelLayer):
    async def receive(self, channel):
        buffer = self.channels.get(channel)
        if buffer:
            buffer._messages.rotate(1)
        return await super().receive(channel)


class Careless(InMemoryChannelLayer):
    """Loses what a cancelled receiver was about to get."""

    async def receive(self, channel):
        message = await super().receive(channel)
        await asyncio.sleep(0)
        return message


class Shouting(InMemoryChannelLayer):
    async def group_send(self, group, message):
        await super().group_send(group, message)
        await super().group_send(group, message)


class Sharing(InMemoryChannelLayer):
    """Hands one and the same dict to every member."""

    async def group_send(self, group, message):
        for channel in list(self.groups.get(group, ())):
            self._deliver(channel, message, None)


class Sticky(InMemoryChannelLayer):
    async def group_discard(self, group, channel):
        pass

    async def release_channel(self, channel):
        pass


class Boundless(InMemoryChannelLayer):
    def get_capacity(self, channel):
        return 1_000_000


class Anything(InMemoryChannelLayer):
    def require_valid_channel_name(self, name, receive=False):
        return True

    def require_valid_group_name(self, name):
        return True


class Forgetful(InMemoryChannelLayer):
    async def send(self, channel, message):
        if channel in self.channels or "!" in channel:
            await super().send(channel, message)


class Eternal(InMemoryChannelLayer):
    def __init__(self, **options):
        super().__init__(**{**options, "expiry": 60})


FOUND = {
    Unordered: "test_messages_of_a_channel_keep_their_order",
    Careless: "test_a_message_is_not_lost_with_a_receiver_that_is_cancelled",
    Shouting: "test_a_message_reaches_each_member_once_and_nobody_else",
    Sharing: "test_what_one_member_changes_no_other_sees",
    Sticky: "test_who_left_gets_nothing",
    Boundless: "test_a_full_channel_refuses_until_something_is_taken",
    Anything: "test_names_are_required_to_be_valid",
    Forgetful: "test_a_message_waits_for_who_comes_later",
    Eternal: "test_a_message_that_nobody_took_expires",
}


@pytest.mark.parametrize(("layer_class", "name"), FOUND.items())
def test_a_layer_that_breaks_the_contract_is_found(layer_class, name):
    class Contract(ChannelLayerContract):
        patience_s = 0.3

        def make_layer(self, **options):
            return layer_class(**options)

    with pytest.raises((AssertionError, TimeoutError, KeyError)):
        getattr(Contract(), name)()


def test_a_layer_that_keeps_a_released_channel_is_found():
    class Contract(PushContract):
        def make_layer(self, **options):
            return Sticky(**options)

    with pytest.raises(AssertionError):
        Contract().test_a_released_channel_is_in_no_group_and_has_no_sink()


class Deaf(InMemoryChannelLayer):
    """Hears nothing of the workers that still work."""

    async def renew_job(self, job):
        return True


class Halting(InMemoryChannelLayer):
    """Stands still once, with all of its process, for longer than a worker may say nothing."""

    is_halted = False

    async def renew_job(self, job):
        if not self.is_halted:
            self.is_halted = True
            time.sleep(1.5 * SILENT_S)  # noqa: ASYNC251 (this is the thing)
        return await super().renew_job(job)


def jobs_stay(layer_class):
    class Contract(AcknowledgementContract):
        def make_layer(self, **options):
            return layer_class(**options)

    Contract().test_a_job_that_is_renewed_stays_with_its_worker()


def test_a_layer_that_gives_away_what_was_renewed_is_found():
    with pytest.raises(AssertionError, match="given to another after"):
        jobs_stay(Deaf)


def test_a_process_that_stands_still_is_no_fault_of_its_layer():
    jobs_stay(InMemoryChannelLayer)
    jobs_stay(Halting)


def test_peers_that_do_not_reach_each_other_are_found():
    class Contract(PeersContract):
        patience_s = 0.1

        def make_layer(self, **options):
            return InMemoryChannelLayer(**options)

        def make_peer(self, layer):
            return InMemoryChannelLayer()

    with pytest.raises(TimeoutError):
        Contract().test_a_message_crosses_to_the_channel_of_a_peer()


def test_a_contract_says_what_it_needs():
    with pytest.raises(NotImplementedError, match=r"PushContract must implement make_layer\(\)"):
        PushContract().test_a_sink_outlives_a_flush_without_its_groups()
    with pytest.raises(NotImplementedError, match=r"PeersContract must implement make_peer\(\)"):
        PeersContract().make_peer(None)


def test_a_layer_is_closed_also_when_its_test_fails():
    closed = []

    class Contract(LayerContract):
        def make_layer(self, **options):
            return options

        async def close_layer(self, layer):
            closed.append(layer)

        @with_layer(capacity=1)
        async def test_it(self, layer):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Contract().test_it()
    assert closed == [{"capacity": 1}]
