from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils.functional import SimpleLazyObject

from console.captured import PENDING
from console.connection import ConnectionState, Meter, name_of
from runtime.taps import Connection


def state(**scope) -> ConnectionState:
    return ConnectionState(Connection({"type": "websocket", "path": "/ws/", **scope}))


def test_a_meter_counts_in_buckets_oldest_first():
    meter = Meter(buckets=3, span_s=3)
    for now in (100.0, 100.9, 102.5):
        meter.mark(now)
    assert meter.read(102.5) == (2, 0, 1)


def test_a_meter_forgets_what_is_older_than_its_span():
    meter = Meter(buckets=3, span_s=3)
    meter.mark(100.0)
    meter.mark(102.0)
    assert meter.read(104.0) == (1, 0, 0)
    assert meter.read(200.0) == (0, 0, 0)
    meter.mark(200.0)
    assert meter.read(200.0) == (0, 0, 1)


def test_a_meter_survives_a_clock_that_is_set_back():
    meter = Meter(buckets=3, span_s=3)
    meter.mark(1_000.0)
    meter.mark(10.0)
    assert meter.read(10.0) == (0, 0, 1)


def test_a_lazy_user_that_nobody_has_resolved_is_left_alone():
    def resolve():
        raise AssertionError("looking must not resolve")

    assert name_of(SimpleLazyObject(resolve)) == ""


def test_a_resolved_user_is_named():
    lazy = SimpleLazyObject(lambda: User(username="ada"))
    str(lazy)
    assert name_of(lazy) == "ada"
    assert name_of(AnonymousUser()) == "anonymous"
    assert name_of(None) == ""


@pytest.mark.django_db
def test_a_field_that_was_not_loaded_is_not_fetched(django_assert_num_queries):
    User.objects.create_user("ada")
    partial = User.objects.only("id").get()
    with django_assert_num_queries(0):
        assert name_of(partial) == str(partial.pk)


def test_who_it_was_stays_known_after_the_scope_is_gone():
    known = state(user=User(username="ada"))
    known.end(10.0)
    known.forget()
    assert (known.scope, known.user_now()) == (None, "ada")


def test_whoever_asked_first_closed_it():
    known = state()
    known.phase = "open"
    known.close_begins("application", 4001, "enough")
    known.close_begins("client", 1006)
    assert (known.closed_by, known.close_code, known.close_reason, known.phase) == (
        "application",
        4001,
        "enough",
        "closing",
    )


def test_a_close_before_the_accept_is_a_refusal():
    known = state()
    known.close_begins("application", 1000)
    known.end(10.0)
    assert known.phase == "refused"


def test_an_event_is_found_by_identity_when_its_handler_begins():
    known = state()
    events = [{"type": "websocket.receive", "text": "same"} for _ in range(3)]
    waiting = [(event, 1, offset, "x") for offset, event in enumerate(events)]
    known.pending.extend(waiting)
    assert known.take_pending(events[1]) == waiting[1]  # its offset tells it from the others
    assert known.take_pending(events[0]) is None
    assert known.take_pending(events[2]) == waiting[2]


def test_a_message_that_nobody_announced_leaves_the_others_waiting():
    known = state()
    event = {"type": "websocket.receive"}
    known.pending.append((event, 1, 0, "x"))
    assert known.take_pending({"type": "websocket.receive"}) is None
    assert len(known.pending) == 1


def test_events_without_a_handler_do_not_pile_up():
    known = state()
    for _ in range(2 * PENDING):
        known.pending.append(({}, 1, 0, "x"))
    assert len(known.pending) == PENDING


def test_what_a_connection_does_is_counted_in_buckets():
    known = state()
    known.count_in(5, 100.0)
    known.count_out(5, 100.5)
    known.count_layer(160.0 - 1 / 3)
    assert (sum(known.activity(160.0 - 1 / 3)), known.activity(160.0 - 1 / 3)[-1]) == (3, 1)
    assert sum(known.activity(300.0)) == 0
