"""The rooms of the console: what its navigation offers. A room that is not built is not here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Room:
    """One entry of the navigation.

    Attributes:
        name: what pages call it.
        label: what people call it.
        view: the name of its view.
        icon: its icon in the sprite.
        key: pressed after `g`, goes there.
    """

    name: str
    label: str
    view: str
    icon: str
    key: str


OVERVIEW = Room("overview", "Overview", "channelscope:overview", "overview", "o")
CONNECTIONS = Room("connections", "Connections", "channelscope:connections", "connections", "c")
TRAFFIC = Room("traffic", "Traffic", "channelscope:traffic", "traffic", "t")
TRACES = Room("traces", "Traces", "channelscope:traces", "trace", "x")
GROUPS = Room("groups", "Groups", "channelscope:groups", "groups", "g")
ROUTING = Room("routing", "Routing", "channelscope:routing", "routing", "r")
WORKERS = Room("workers", "Workers", "channelscope:workers", "workers", "w")
CLIENT = Room("client", "Client", "channelscope:client", "client", "l")
RECORDINGS = Room("recordings", "Recordings", "channelscope:recordings", "recordings", "e")
SETTINGS = Room("settings", "Settings", "channelscope:settings", "settings", "s")

ON_A_PHONE = frozenset({"overview", "connections", "traffic", "groups"})
"""Rooms in the bar of a narrow screen; a menu beside them leads to the others."""

SECTIONS = (
    ("Observe", (OVERVIEW, CONNECTIONS, TRAFFIC, TRACES, GROUPS, ROUTING, WORKERS)),
    ("Steer", (CLIENT, RECORDINGS)),
    ("Console", (SETTINGS,)),
)
