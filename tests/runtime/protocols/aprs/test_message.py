import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.protocols.aprs.message import (
    LONGEST_TEXT,
    Answer,
    Message,
    parse_message,
    split_text,
)
from runtime.protocols.aprs.packet import MalformedPacket
from tests.runtime.protocols.aprs.stations import CALL, stations

texts = st.text(st.characters(codec="utf-8", exclude_characters="{|~\r\n\0"), max_size=60).filter(
    lambda text: text == text.strip() and not text.startswith(("ack", "rej"))
)
numbers = st.text(CALL, min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        # The examples of chapter 14, and of the reply-acknowledgements.
        (b":WU2Z     :Testing", Message("WU2Z", "Testing")),
        (b":WU2Z     :Testing{003", Message("WU2Z", "Testing", "003")),
        (b":EMAIL    :msproul@ap.org Test email", Message("EMAIL", "msproul@ap.org Test email")),
        (b":KB2ICI-14:ack003", Answer("KB2ICI-14", "003")),
        (b":KB2ICI-14:rej003", Answer("KB2ICI-14", "003", "rej")),
        (b":WU2Z     :Hello{AB}", Message("WU2Z", "Hello", "AB")),
        (b":WU2Z     :Hello{AB}CD", Message("WU2Z", "Hello", "AB", "CD")),
        (b":WU2Z     :ackAB}CD", Answer("WU2Z", "AB")),
        (b":BLN3     :Snow expected", Message("BLN3", "Snow expected")),
        (b":WU2Z     :acknowledged", Message("WU2Z", "acknowledged")),
    ],
)
def test_the_examples_of_the_specification(info, message):
    assert parse_message(info) == message


def test_a_bulletin_is_for_everybody():
    assert Message("BLN3", "Snow").is_bulletin
    assert not Message("W1AW", "Snow").is_bulletin


@given(stations(), texts, numbers)
def test_a_message_comes_back_from_its_packet(to, text, number):
    assert parse_message(Message(to, text, number).to_info()) == Message(to, text, number)


@given(stations(), numbers, st.sampled_from(["ack", "rej"]))
def test_an_answer_comes_back_from_its_packet(to, number, kind):
    assert parse_message(Answer(to, number, kind).to_info()) == Answer(to, number, kind)


@given(st.binary(max_size=100))
def test_whatever_comes_is_a_message_or_called_malformed(info):
    try:
        message = parse_message(b":" + info)
    except MalformedPacket:
        return
    assert message.to == message.to.rstrip(" ") != ""


@given(st.text(max_size=300))
def test_a_text_is_cut_into_parts_that_fit_and_nothing_of_it_is_lost(text):
    parts = [*split_text(text)]
    assert all(0 < len(part.encode()) <= LONGEST_TEXT for part in parts)
    forbidden = str.maketrans(dict.fromkeys("|~{\r\n\0", " "))
    assert "".join("".join(parts).split()) == "".join(text.translate(forbidden).split())


def test_a_text_is_cut_between_words():
    parts = [*split_text("word " * 30)]
    assert all(part.replace("word", "").strip() == "" for part in parts)
    assert len(parts) == 3
