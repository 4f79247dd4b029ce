"""Strategies for stations and packets."""

from __future__ import annotations

from hypothesis import strategies as st

from runtime.protocols.aprs.packet import Packet

CALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@st.composite
def stations(draw: st.DrawFn) -> str:
    call = draw(st.text(CALL, min_size=1, max_size=6))
    ssid = draw(st.integers(0, 15))
    return f"{call}-{ssid}" if ssid else call


@st.composite
def packets(draw: st.DrawFn, most_hops: int = 8) -> Packet:
    hops = st.tuples(stations(), st.booleans()).map(
        lambda hop: hop[0] + "*" if hop[1] and len(hop[0]) < 9 else hop[0]
    )
    info = st.binary(min_size=1, max_size=256).filter(lambda info: not info.endswith(b"\n"))
    info = info.filter(lambda info: not info.endswith(b"\r"))
    path = tuple(draw(st.lists(hops, max_size=most_hops)))
    return Packet(draw(stations()), draw(stations()), path, draw(info))
