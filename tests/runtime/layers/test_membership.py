from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runtime.layers.membership import CHANGED, TURNED, UNCHANGED, Membership

groups = some.sampled_from(["room", "lobby", "news"])
channels = some.sampled_from(["one", "two", "three", "four"])


class Model(RuleBasedStateMachine):
    """Holds a membership against a set of pairs, and against a server that was only told turns."""

    def __init__(self):
        super().__init__()
        self.membership = Membership()
        self.pairs = {}
        self.announced = set()
        self.now = 0.0

    def of(self, group):
        return [channel for at_group, channel in self.pairs if at_group == group]

    def tell(self, group, change):
        if change.is_turn:
            assert group not in self.announced or not self.of(group)
            self.announced ^= {group}

    @rule(group=groups, channel=channels)
    def add(self, group, channel):
        is_new = (group, channel) not in self.pairs
        self.now += 1
        change = self.membership.add(group, channel, self.now)
        self.pairs.pop((group, channel), None)
        self.pairs[group, channel] = self.now
        assert change.is_change == is_new
        self.tell(group, change)

    @rule(group=groups, channel=channels)
    def discard(self, group, channel):
        change = self.membership.discard(group, channel)
        assert change.is_change == (self.pairs.pop((group, channel), None) is not None)
        self.tell(group, change)

    @rule(channel=channels)
    def release(self, channel):
        left = {group for group, member in self.pairs if member == channel}
        for group in left:
            del self.pairs[group, channel]
        changes = self.membership.release(channel)
        assert {group for group, _ in changes} == left
        for group, change in changes:
            assert change.is_change
            self.tell(group, change)

    @rule()
    def clear(self):
        self.membership.clear()
        self.pairs.clear()
        self.announced.clear()

    @rule(group=groups, age=some.integers(0, 5))
    def look_for_the_old(self, group, age):
        limit = self.now - age
        old = [
            channel
            for (at_group, channel), at in self.pairs.items()
            if at_group == group and at <= limit
        ]
        assert list(self.membership.joined_before(group, limit)) == old

    @invariant()
    def the_members_are_those_of_the_model(self):
        for group in ["room", "lobby", "news"]:
            assert sorted(self.membership.members(group)) == sorted(self.of(group))
            assert (group in self.membership) == bool(self.of(group))
        for channel in ["one", "two", "three", "four"]:
            joined = {group for group, member in self.pairs if member == channel}
            assert self.membership.groups_of(channel) == joined

    @invariant()
    def the_server_knows_exactly_the_groups_that_have_members(self):
        assert self.announced == {group for group, _ in self.pairs}
        assert set(self.membership.groups()) == self.announced
        assert len(self.membership) == len(self.announced)


TestMembership = Model.TestCase
TestMembership.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


def test_the_first_and_the_last_of_a_group_concern_the_other_nodes():
    membership = Membership()
    assert membership.add("room", "one") == TURNED
    assert membership.add("room", "two") == CHANGED
    assert membership.add("room", "two") == UNCHANGED
    assert membership.discard("room", "one") == CHANGED
    assert membership.discard("room", "one") == UNCHANGED
    assert membership.discard("room", "two") == TURNED


def test_a_member_that_joins_or_leaves_meanwhile_does_not_disturb_a_sender():
    membership = Membership()
    for channel in ("one", "two", "three"):
        membership.add("room", channel)
    sent = []
    for channel in membership.members("room"):
        sent.append(channel)
        membership.discard("room", "two")
        membership.add("room", "four")
    assert sent == ["one", "two", "three"]
    assert membership.members("room") == ("one", "three", "four")


def test_members_are_not_copied_for_each_sender():
    membership = Membership()
    membership.add("room", "one")
    assert membership.members("room") is membership.members("room")
    membership.add("room", "one")
    assert membership.members("room") is membership.members("room")
