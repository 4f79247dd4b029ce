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
ROUTING = Room("routing", "Routing", "channelscope:routing", "routing", "r")
CLIENT = Room("client", "Client", "channelscope:client", "client", "l")

SECTIONS = (("Observe", (OVERVIEW, CONNECTIONS, TRAFFIC, ROUTING)), ("Steer", (CLIENT,)))
