from __future__ import annotations

from console.exports.record import iso
from tests.console.exports.seen import CANARY, chat, records, request
from tests.console.recording import Recording


def test_a_record_has_the_whole_payload_and_none_of_its_secrets():
    recording = Recording()
    chat(recording)
    request(recording)
    found = records(recording)
    assert [one.text for one in found if one.view.direction == "in"][1] == (
        '{"text":"hi","password":"«redacted»"}'
    )
    assert [one.data for one in found if one.data is not None] == [b"\xff\x00\x01"]
    assert CANARY not in repr(found)


def test_a_payload_that_was_cut_says_so():
    recording = Recording(PAYLOAD_BYTES=10)
    recording.receive(recording.open(), text="x" * 25)
    record = records(recording)[-1]
    assert (record.text, record.is_cut, record.view.size_bytes) == ("x" * 10, True, 25)


def test_moments_are_written_in_utc():
    assert iso(0.0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_700_000_000.1234) == "2023-11-14T22:13:20.123Z"
