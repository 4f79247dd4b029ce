from __future__ import annotations

import json
import sys

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from console.exports.otel import OpenTelemetryMissing, as_json, spans
from console.traces import build
from tests.console.test_traces import ALL, chat, entry


def test_a_trace_is_spans_that_an_exporter_takes():
    made = spans(build("t1", chat(), ALL), service="shop")
    exporter = InMemorySpanExporter()
    assert exporter.export(made) is SpanExportResult.SUCCESS
    by_position = {one.attributes["channelscope.position"]: one for one in made}
    assert len(by_position) == len(made) == 9
    assert len({one.context.trace_id for one in made}) == 1
    received, handler = by_position["e1:0"], by_position["e1:3"]
    assert received.parent is None
    assert handler.parent.span_id == received.context.span_id
    assert (received.kind, handler.kind) == (SpanKind.SERVER, SpanKind.INTERNAL)
    assert by_position["e1:1"].kind is SpanKind.PRODUCER
    assert by_position["e2:7"].kind is SpanKind.CONSUMER
    assert handler.name == "chat_message()"
    assert handler.end_time - handler.start_time == pytest.approx(30_000_000, abs=1_000)
    assert by_position["e2:7"].resource.attributes["service.instance.id"] == "e2"
    assert received.resource.attributes["service.name"] == "shop"


def test_the_same_trace_has_the_same_ids_again():
    once, twice = (spans(build("t1", chat(), ALL), service="shop") for _ in range(2))
    assert [one.context.span_id for one in once] == [one.context.span_id for one in twice]


def test_a_failed_handler_is_an_error():
    failed = [entry("e1:0", "in", 1.0), entry("e1:1", "error", 2.0, "e1:0", took_ms=1.0)]
    assert [one.status.status_code for one in spans(build("t1", failed, ALL), service="shop")] == [
        StatusCode.UNSET,
        StatusCode.ERROR,
    ]


def test_what_is_missing_is_no_span_and_its_effects_hang_below_its_cause():
    without = [one for one in chat() if one.position not in ("e1:0", "e1:1")]
    made = spans(build("t1", without, ALL), service="shop")
    assert len(made) == 7
    positions = {one.attributes["channelscope.position"]: one for one in made}
    assert positions["e2:7"].parent is None


def test_spans_as_json_are_what_the_sdk_writes():
    written = json.loads(as_json(spans(build("t1", chat(), ALL), service="shop")))
    assert len(written) == 9
    assert written[0]["kind"] == "SpanKind.SERVER"


def test_without_its_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(OpenTelemetryMissing, match=r"channelscope\[otel\]"):
        spans(build("t1", chat(), ALL), service="shop")
