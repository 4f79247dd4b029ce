from hypothesis import given
from hypothesis import strategies as st

from runtime.protocols.aprs import kiss

frames = st.lists(st.binary(min_size=1, max_size=60), max_size=6)


def decoded(data, *cuts):
    decoder = kiss.Decoder()
    whole, begin = [], 0
    for end in (*sorted(cuts), len(data)):
        whole += decoder.feed(data[begin:end])
        begin = end
    return whole


@given(frames, st.lists(st.integers(0, 500), max_size=6))
def test_frames_come_back_however_the_stream_is_cut(frames, cuts):
    data = b"".join(map(kiss.encode, frames))
    assert decoded(data, *(min(cut, len(data)) for cut in cuts)) == frames


@given(st.binary(max_size=3_000))
def test_whatever_comes_the_next_frame_is_read(noise):
    found = decoded(noise + bytes([kiss.FEND]) + kiss.encode(b"next"))
    assert found[-1] == b"next"
    assert all(isinstance(one, bytes | kiss.MalformedFrame) for one in found)


def test_the_marks_are_escaped_inside_a_frame():
    assert kiss.encode(b"\xc0\xdb") == b"\xc0\x00\xdb\xdc\xdb\xdd\xc0"


def test_frames_of_another_port_are_data_too_and_commands_are_none():
    assert decoded(b"\xc0\x30abc\xc0\x06\x01\xc0") == [b"abc"]


def test_a_frame_without_an_end_takes_no_memory():
    decoder = kiss.Decoder()
    assert [*decoder.feed(b"\xc0\x00" + b"x" * 100_000)] == []
    assert len(decoder._waiting) == kiss.LONGEST_FRAME
    [malformed] = decoder.feed(b"\xc0")
    assert "at most 1024 bytes" in str(malformed)


def test_an_escape_of_nothing_is_malformed():
    [first, second] = decoded(b"\xc0\x00a\xdbb\xc0\x00a\xdb\xc0")
    assert (first.expected, second.expected) == ("an escape that is one", "a whole frame")
