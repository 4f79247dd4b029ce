import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.protocols.aprs.packet import MalformedPacket, Packet, is_station, parse_line, unwrap
from tests.runtime.protocols.aprs.stations import packets


@pytest.mark.parametrize(
    ("line", "packet", "kind"),
    [
        (
            b"N0CALL-7>APRS,WIDE1-1,qAR,N1GATE:!4903.50N/07201.75W-Test\r\n",
            Packet("N0CALL-7", "APRS", ("WIDE1-1", "qAR", "N1GATE"), b"!4903.50N/07201.75W-Test"),
            "position",
        ),
        (b"A1B>APZ001:>on the air", Packet("A1B", "APZ001", (), b">on the air"), "status"),
        (
            b"A1B>APRS,RELAY*::N0CALL   :hi",
            Packet("A1B", "APRS", ("RELAY*",), b":N0CALL   :hi"),
            "message",
        ),
        (b"A1B>APRS:\x80", Packet("A1B", "APRS", (), b"\x80"), "other"),
    ],
)
def test_a_line_is_a_packet(line, packet, kind):
    assert parse_line(line) == packet
    assert packet.kind == kind


@given(packets())
def test_a_packet_comes_back_from_its_line(packet):
    assert parse_line(packet.to_line() + b"\r\n") == packet


@given(st.binary(max_size=600))
def test_whatever_comes_is_a_packet_or_called_malformed(line):
    try:
        packet = parse_line(line)
    except MalformedPacket:
        return
    assert is_station(packet.source)
    assert packet.info


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"no packet at all", "a line like SOURCE>DESTINATION"),
        (b"A1B>APRS:", "a line like SOURCE>DESTINATION"),
        (b"A1B:x", "a '>' after the source"),
        (b"A1B\xff>APRS:x", "ASCII before the information"),
        (b"A B>APRS:x", "a station in place of 'A B'"),
        (b"A1B-123>APRS:x", "a station in place of 'A1B-123'"),
        (b"A1B>APRS,W*DE:x", "a path of at most 10 stations"),
        (b"A1B>APRS" + b",R" * 11 + b":x", "a path of at most 10 stations"),
    ],
)
def test_a_malformed_line_says_what_was_expected(line, expected):
    with pytest.raises(MalformedPacket) as caught:
        parse_line(line)
    assert expected in str(caught.value)


def test_a_packet_that_was_carried_over_is_the_one_inside():
    outer = parse_line(b"N1GATE>APRS,TCPIP*:}A1B>APRS,TCPIP,N1GATE*::N0CALL   :hi")
    assert unwrap(outer) == Packet("A1B", "APRS", ("TCPIP", "N1GATE*"), b":N0CALL   :hi")


def test_what_is_carried_over_and_is_none_is_malformed():
    with pytest.raises(MalformedPacket):
        unwrap(parse_line(b"N1GATE>APRS:}nothing"))


def test_text_is_utf_8_or_what_was_usual_before():
    assert Packet("A1B", "APRS", (), "zwölf".encode()).text == "zwölf"
    assert Packet("A1B", "APRS", (), "zwölf".encode("latin-1")).text == "zwölf"
