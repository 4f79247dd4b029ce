from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.exports.prometheus import BOUNDS_S, render
from console.latency import BUCKETS, bound_of
from tests.console.exports.seen import CANARY, chat, request
from tests.console.recording import PROCESS, Layer, Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


def scraped(recording: Recording) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the samples as Prometheus's own client reads them, by name and labels."""
    recorder = recording.recorder
    text = render(PROCESS, recorder.state, recorder.journal)
    return {
        (sample.name, tuple(v for k, v in sorted(sample.labels.items()) if k != "process")): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_was_counted_is_what_prometheus_reads(recording):
    chat(recording)
    request(recording)
    recording.open()
    recording.recorder.message_dropped(None, "a", {"type": "x"}, "expired", None)
    recording.recorder.group_joined(Layer(), "lobby", "a")
    recording.recorder.route_missed(recording.open("/nowhere/"), "nowhere/", [])
    found = scraped(recording)
    assert found["channelscope_connections", ("websocket",)] == 2
    assert found["channelscope_connections_opened_total", ("websocket",)] == 3
    assert found["channelscope_events_total", ("in", "websocket")] == 1
    assert found["channelscope_events_total", ("out", "websocket")] == 2
    assert found["channelscope_event_bytes_total", ("out", "websocket")] == 8
    assert found["channelscope_dropped_total", ("expired",)] == 1
    assert found["channelscope_unrouted_total", ()] == 1
    assert found["channelscope_ring_entries", ()] == len(recording.recorder.journal)


def test_every_sample_names_its_process(recording):
    chat(recording)
    recorder = recording.recorder
    text = render(PROCESS, recorder.state, recorder.journal)
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert samples
    assert all('process="web-1"' in line for line in samples)


def test_the_times_of_handlers_are_a_histogram(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection)
    for took_s in (0.0001, 0.003, 0.003, 100.0):
        event = recording.receive(connection, text="hi")
        recorder.handler_started(connection, event, None, recorder.timer())
        recording.clock.advance(took_s)
        recorder.handler_finished(connection, event, None)
    found = scraped(recording)
    handler = ("Consumer", "websocket.receive")
    assert found["channelscope_handler_seconds_count", handler] == 4
    assert found["channelscope_handler_seconds_sum", handler] == pytest.approx(100.0061)
    # Labels in the order of their names: consumer, handler, le.
    buckets = {
        labels[2]: value
        for (name, labels), value in found.items()
        if name == "channelscope_handler_seconds_bucket"
    }
    assert buckets["0.000128"] == 1
    assert buckets["0.004096"] == 3
    assert buckets["16.777216"] == 3
    assert buckets["+Inf"] == 4
    assert len(buckets) == len(BOUNDS_S) + 1


def test_classes_of_one_name_are_one_series(recording):
    recorder = recording.recorder
    for number in range(3):
        connection = recording.open()
        recording.start(connection, type("Chat", (), {"scope": connection.scope})())
        event = recording.receive(connection, text="hi")
        recorder.handler_started(connection, event, None, recorder.timer())
        recording.clock.advance(number)
        recorder.handler_finished(connection, event, None)
    text = render(PROCESS, recorder.state, recorder.journal)
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))
    found = scraped(recording)
    assert found["channelscope_handler_seconds_count", ("Chat", "websocket.receive")] == 3
    assert found["channelscope_handler_seconds_sum", ("Chat", "websocket.receive")] == 3


def test_the_bounds_are_those_of_buckets_so_that_their_counts_are_exact():
    assert set(BOUNDS_S) <= {bound_of(bucket) for bucket in range(BUCKETS)}
    assert all(bound * 1e6 == 2 ** (6 + n) for n, bound in enumerate(BOUNDS_S))


def test_labels_that_a_client_can_choose_are_bounded_and_no_secret_is_one(recording):
    for number in range(100):
        recording.open(f"/{CANARY}/", type=f"protocol{number}")
    found = scraped(recording)
    assert len([name for name, _ in found if name == "channelscope_connections"]) == 21
    assert found["channelscope_connections", ("other",)] == 80
    assert CANARY not in repr(found)


def test_a_label_with_quotes_and_line_breaks_is_escaped(recording):
    recording.recorder.state.count_error('a"b\\c\nd', "KeyError")
    assert scraped(recording)["channelscope_errors_total", ('a"b\\c\nd', "KeyError")] == 1
