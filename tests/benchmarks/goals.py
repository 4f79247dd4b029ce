"""What each workload is to reach, in one table.

A goal is a factor (Channels' cost divided by ours is at least that) or a bound on our own cost.
"""

from __future__ import annotations

from dataclasses import dataclass

OBSERVED_AT_MOST = 1.1
"""Cost with an observer whose methods do nothing, divided by the cost without one."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of one workload.

    Attributes:
        factor: how many times less than Channels' its cost is to be.
        at_most: what its cost is to be at most, in `unit`.
        unit: of the cost of one operation.
        most_rounds: how often it is measured at most; for what takes Channels half a minute.
        is_observed: whether the cost of an observer is measured too.
    """

    factor: float | None = None
    at_most: float | None = None
    unit: str = "us"
    most_rounds: int = 1_000
    is_observed: bool = False

    def __str__(self) -> str:
        if self.factor is not None:
            return f"{self.factor:g}x"
        return f"{self.at_most:g} {self.unit}"


GOALS: dict[str, Goal] = {
    "async_echo": Goal(factor=10, is_observed=True),
    "async_echo_64": Goal(factor=25, is_observed=True),
    "json_echo": Goal(factor=6, is_observed=True),
    "json_echo_64": Goal(factor=12, is_observed=True),
    "sync_echo": Goal(factor=3.5, is_observed=True),
    "sync_echo_64": Goal(factor=8, is_observed=True),
    "sync_blocked_16": Goal(at_most=60, unit="ms"),
    "connect_close": Goal(factor=6, is_observed=True),
    "connect_close_auth": Goal(factor=8, is_observed=True),
    "idle_memory": Goal(at_most=8, unit="kB"),
    "broadcast_10": Goal(factor=25, is_observed=True),
    "broadcast_1000": Goal(factor=80, is_observed=True),
    "broadcast_5000": Goal(factor=200, most_rounds=2),
    "broadcast_10_of_100_groups": Goal(factor=60),
    "route_path": Goal(factor=50),
    "route_re_path": Goal(factor=50),
    "route_static": Goal(factor=50),
    "echo_daphne": Goal(factor=2),
    "echo_uvicorn": Goal(factor=4),
    "room_daphne": Goal(factor=9),
    "room_uvicorn": Goal(factor=10),
    "layer_group_10_pubsub": Goal(factor=6),
    "layer_group_10_streams": Goal(factor=8),
    "layer_group_1000_pubsub": Goal(factor=12),
    "layer_group_1000_streams": Goal(factor=15),
    "layer_group_1000_in_2_pubsub": Goal(factor=12),
    "layer_group_1000_in_2_streams": Goal(factor=12),
    "layer_send_pubsub": Goal(factor=2),
    "layer_send_streams": Goal(factor=6),
    "layer_send_32_pubsub": Goal(factor=8),
    "layer_send_32_streams": Goal(factor=30),
    # Three times the message, which is packed into 1,031 bytes, and 1 kB.
    "layer_bytes_pubsub": Goal(at_most=4.1, unit="kB"),
    "layer_bytes_streams": Goal(at_most=4.1, unit="kB"),
    # A handful for the layer, and none for a channel.
    "layer_idle_tasks_pubsub": Goal(at_most=8, unit="tasks"),
    "layer_idle_tasks_streams": Goal(at_most=8, unit="tasks"),
    # The lease, which is renewed every ten seconds.
    "layer_idle_commands_pubsub": Goal(at_most=1, unit="commands"),
    "layer_idle_commands_streams": Goal(at_most=1, unit="commands"),
    "layer_p99_pubsub": Goal(factor=2, unit="ms"),
    "layer_p99_streams": Goal(factor=2, unit="ms"),
}

LAYERED = frozenset(name for name in GOALS if name.startswith("layer_"))
"""Those that run on a Redis server."""
