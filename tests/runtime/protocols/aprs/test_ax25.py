import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.protocols.aprs import ax25
from runtime.protocols.aprs.packet import MalformedPacket, Packet
from tests.runtime.protocols.aprs.stations import packets

# As Dire Wolf hands it over: W1AW-7>APZCSC,WIDE1-1::N0CALL-10:hello
FRAME = bytes.fromhex("82a0b486a686e0ae6282ae4040eeae92888a624063 03f0") + b":N0CALL-10:hello"


def test_a_frame_of_another_program_is_read():
    packet = Packet("W1AW-7", "APZCSC", ("WIDE1-1",), b":N0CALL-10:hello")
    assert ax25.decode(FRAME) == packet


@given(packets())
def test_a_packet_comes_back_from_its_frame(packet):
    assert ax25.decode(ax25.encode(packet)) == packet


@given(st.binary(max_size=400))
def test_whatever_comes_is_a_packet_or_called_malformed(frame):
    try:
        packet = ax25.decode(frame)
    except MalformedPacket:
        return
    assert ax25.decode(ax25.encode(packet)) == packet


@given(st.integers(0, len(FRAME) - 1), st.integers(0, 255))
def test_one_byte_that_is_wrong_harms_nobody(position, byte):
    spoilt = bytearray(FRAME)
    spoilt[position] = byte
    try:
        packet = ax25.decode(bytes(spoilt))
    except MalformedPacket:
        return
    assert ax25.decode(ax25.encode(packet)) == packet


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b"", "2 to 10 addresses"),
        (FRAME[:10], "2 to 10 addresses"),
        (FRAME[:6] + b"\x61" + FRAME[21:], "a destination and a source"),
        (FRAME[:21] + b"\x3f\xf0x", "an unnumbered frame"),
        (FRAME[:23], "some information"),
        (b"\x40" * 6 + FRAME[6:], "a call sign of capital letters"),
        (FRAME[:7] * 11, "2 to 10 addresses"),
    ],
)
def test_a_malformed_frame_says_what_was_expected(frame, expected):
    with pytest.raises(MalformedPacket) as caught:
        ax25.decode(frame)
    assert expected in str(caught.value)


@pytest.mark.parametrize("source", ["TOOLONG", "A1B-16", "A1B-A", "a1b"])
def test_a_name_that_has_no_place_in_an_address_is_refused(source):
    with pytest.raises(MalformedPacket, match="SSID up to 15"):
        ax25.encode(Packet(source, "APRS", (), b"x"))
