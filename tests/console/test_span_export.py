from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import ProxyTracerProvider, SpanKind, StatusCode

from console.exports import otel
from console.process import ProcessView
from console.span_export import MOST_AT_ONCE, SpanExport
from tests.console.recording import Recording

LAYER = object()
CANARY = "hunter2hunter2"


class Exporting:
    """Recordings whose spans end up in one list, as those of several processes in one backend."""

    def __init__(self, **options: Any) -> None:
        self.spans = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.spans))

    def export(self, *recordings: Recording) -> dict[str, Any]:
        """Return all spans so far, by name."""
        for recording in recordings:
            self.of(recording).export()
        return {span.name: span for span in self.spans.get_finished_spans()}

    def of(self, recording: Recording) -> SpanExport:
        return SpanExport(recording.relay.reader, interval_s=0.01, provider=lambda: self.provider)


@pytest.fixture
def exporting():
    return Exporting()


def chat(recording: Recording, *, error: Exception | None = None, **fields: Any) -> Any:
    """Let a client say something that its handler sends on; returns the cause of that."""
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection, channel="specific!a")
    event = recording.receive(connection, text="hi")
    recorder.handler_started(connection, event, None, recorder.timer() - 0.25)
    cause = recorder.group_sent(connection, LAYER, "lobby", {"type": "chat.message", **fields}, 1)
    recording.clock.advance(0.5)
    recorder.handler_finished(connection, event, error)
    return cause


def test_a_client_its_handler_and_what_that_sent_are_one_trace(recording, exporting):
    chat(recording)
    spans = exporting.export(recording)
    received = spans["in websocket.receive"]
    handler = spans["websocket_receive()"]
    sent = spans["group_send chat.message"]
    assert len({span.context.trace_id for span in spans.values()}) == 1
    assert received.parent is None
    assert handler.parent.span_id == received.context.span_id
    assert sent.parent.span_id == handler.context.span_id
    assert (received.kind, sent.kind) == (SpanKind.SERVER, SpanKind.PRODUCER)
    assert handler.end_time - handler.start_time == 500_000_000
    assert handler.attributes["channelscope.waited_s"] == 0.25
    assert sent.attributes["messaging.destination.name"] == "lobby"


def test_a_delivery_in_another_process_hangs_below_its_sending(recording, exporting):
    cause = chat(recording)
    other = Recording(ProcessView("web-2", 2, "example", 0.0, "0ther0ther00"))
    connection = other.open()
    other.start(connection, channel="specific!b")
    message = {"type": "chat.message"}
    other.recorder.message_delivered(connection, "specific!b", message, cause)
    other.begin(connection, message, cause)
    other.send(connection, text="hi")
    other.recorder.handler_finished(connection, message, None)
    spans = exporting.export(recording, other)
    delivered, answer = spans["deliver chat.message"], spans["out websocket.send"]
    assert delivered.context.trace_id == spans["in websocket.receive"].context.trace_id
    assert delivered.parent.span_id == spans["group_send chat.message"].context.span_id
    assert spans["chat_message()"].parent.span_id == delivered.context.span_id
    assert answer.parent.span_id == spans["chat_message()"].context.span_id


def test_what_a_view_did_hangs_below_its_request(recording, exporting):
    connection = recording.open("/news/", type="http", method="POST")
    recording.receive(connection, "http.request", body=b"")
    recording.recorder.message_sent(connection, LAYER, "jobs", {"type": "job"})
    spans = exporting.export(recording)
    assert spans["send job"].parent.span_id == spans["in http.request"].context.span_id


def test_a_handler_that_failed_is_an_error_and_says_why_without_secrets(recording, exporting):
    chat(recording, error=ValueError(f"password={CANARY}"), password=CANARY)
    spans = exporting.export(recording)
    status = spans["websocket_receive()"].status
    assert status.status_code is StatusCode.ERROR
    assert status.description.startswith("ValueError")
    assert CANARY not in "".join(span.to_json() for span in spans.values())


def test_each_entry_is_exported_once(recording, exporting):
    export = exporting.of(recording)
    chat(recording)
    assert export.export() == 3
    assert export.export() == 0
    chat(recording)
    assert export.export() == 3


def test_the_ids_are_those_of_the_trace_as_a_file(recording, exporting):
    cause = chat(recording)
    spans = exporting.export(recording)
    assert spans["in websocket.receive"].context.trace_id == otel.trace_number(cause[0])
    assert spans["group_send chat.message"].context.span_id == otel.span_number(cause[1])


def test_the_projects_sampler_decides_which_traces_are_exported(recording):
    exporting = Exporting(sampler=ParentBased(ALWAYS_OFF))
    chat(recording)
    assert exporting.export(recording) == {}


def test_other_spans_of_the_project_keep_their_own_ids(recording, exporting):
    chat(recording)
    exporting.export(recording)
    tracer = exporting.provider.get_tracer("shop")
    own = {tracer.start_span("own").get_span_context().span_id for _ in range(2)}
    assert len(own) == 2
    assert own.isdisjoint(span.context.span_id for span in exporting.spans.get_finished_spans())


def test_a_burst_is_cut_and_a_warning_says_how_much_was_left_out(exporting, caplog):
    recording = Recording(RING_ENTRIES=2 * MOST_AT_ONCE)
    connection = recording.open()
    for _ in range(MOST_AT_ONCE + 7):
        recording.receive(connection, text="hi")
    assert exporting.of(recording).export() == MOST_AT_ONCE
    assert "7 entries were not exported" in caplog.text


def test_a_thread_exports_and_what_is_last_is_exported_at_the_end(recording):
    exported = threading.Event()

    class Told(SpanProcessor):
        def on_end(self, span: Any) -> None:
            exported.set()

    exporting = Exporting()
    exporting.provider.add_span_processor(Told())
    export = exporting.of(recording)
    export.begin()
    export.begin()
    chat(recording)
    assert exported.wait(30)
    export.end()
    chat(recording)
    export.end()
    assert len(exporting.spans.get_finished_spans()) == 6


def test_an_exporter_that_raises_does_not_end_the_export(recording, exporting, caplog):
    raised = threading.Event()

    class Failing(SpanProcessor):
        def on_end(self, span: Any) -> None:
            if not raised.is_set():
                raised.set()
                raise RuntimeError("no room")

    exporting.provider.add_span_processor(Failing())
    export = exporting.of(recording)
    export.begin()
    chat(recording)
    assert raised.wait(30)
    chat(recording)
    export.end()
    assert len(exporting.spans.get_finished_spans()) >= 4
    assert "Spans were not exported" in caplog.text


def test_without_a_provider_a_warning_says_what_to_set(recording, caplog):
    export = SpanExport(recording.relay.reader, interval_s=0.01, provider=ProxyTracerProvider)
    chat(recording)
    assert export.export() == 0
    assert "set_tracer_provider()" in caplog.text


def test_without_its_package_the_log_says_what_to_install(recording, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    SpanExport(recording.relay.reader, interval_s=0.01).begin()
    assert "channelscope[otel]" in caplog.text


def test_a_project_that_switches_it_on_gets_spans_until_its_process_ends():
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.exporting"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stdout)
    assert "websocket_receive()" in names
    assert "out websocket.send" in names
