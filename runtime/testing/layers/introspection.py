"""The contract of the extension `introspection`: what is in a layer can be asked.

Source: `runtime.layers.base.Introspection`
"""

from __future__ import annotations

from typing import Any

from runtime.testing.layers.harness import LayerContract, refused, with_layer


class IntrospectionContract(LayerContract):
    """What holds for a layer with the extension `introspection`."""

    @with_layer()
    async def test_the_groups_are_those_that_have_members(self, layer: Any) -> None:
        assert "introspection" in layer.extensions
        one, two = await layer.new_channel(), await layer.new_channel()
        assert await layer.groups() == []
        for group, channel in (("room", one), ("room", two), ("lobby", two)):
            await layer.group_add(group, channel)
        assert sorted(await layer.groups()) == ["lobby", "room"]
        await layer.group_discard("lobby", two)
        assert await layer.groups() == ["room"]

    @with_layer()
    async def test_the_members_of_a_group_are_listed_and_counted(self, layer: Any) -> None:
        one, two, three = [await layer.new_channel() for _ in range(3)]
        for channel in (one, two, three, one):
            await layer.group_add("room", channel)
        await layer.group_discard("room", two)
        assert sorted(await layer.group_channels("room")) == sorted([one, three])
        assert await layer.group_count("room") == 2

    @with_layer()
    async def test_a_group_without_members_is_empty(self, layer: Any) -> None:
        assert await layer.group_channels("nowhere") == []
        assert await layer.group_count("nowhere") == 0
        with refused(TypeError):
            await layer.group_channels("no group")
        with refused(TypeError):
            await layer.group_count("no group")

    @with_layer()
    async def test_the_depth_of_a_channel_is_what_waits_on_it(self, layer: Any) -> None:
        assert await layer.channel_depths() == {}
        for _ in range(3):
            await layer.send("jobs", {"type": "job"})
        await layer.send("mail", {"type": "job"})
        assert await layer.channel_depths() == {"jobs": 3, "mail": 1}
        await self.take(layer, "jobs")
        await self.take(layer, "mail")
        assert await layer.channel_depths() == {"jobs": 2}
