import inspect
import logging

import pytest

from runtime.taps import HOOKS, Connection, Observer, Taps, is_muted, muted
from tests.support.observing import Notebook


@pytest.fixture
def taps() -> Taps:
    return Taps()


@pytest.fixture
def connection() -> Connection:
    return Connection({"type": "websocket"})


def test_a_hook_is_none_while_nobody_listens(taps):
    assert taps.scope_opened is None
    assert taps.message_sent is None


def test_a_hook_that_an_observer_leaves_alone_stays_none(taps, connection):
    class OnlyOpened(Observer):
        def scope_opened(self, connection):
            pass

    taps.attach(OnlyOpened())
    assert taps.scope_opened is not None
    assert taps.scope_closed is None


def test_an_attached_observer_hears_the_arguments(taps, connection):
    notebook = Notebook()
    taps.attach(notebook)
    taps.event_received(connection, {"type": "websocket.connect"}, 0.0)
    assert notebook.heard == [("event_received", (connection, {"type": "websocket.connect"}, 0.0))]


def test_attaching_twice_is_hearing_once(taps, connection):
    notebook = Notebook()
    taps.attach(notebook)
    taps.attach(notebook)
    taps.scope_opened(connection)
    assert notebook.names() == ["scope_opened"]


def test_a_detached_observer_hears_nothing(taps, connection):
    notebook = Notebook()
    taps.attach(notebook)
    taps.detach(notebook)
    assert taps.scope_opened is None


def test_a_failing_observer_is_detached_and_logged_and_the_others_go_on(taps, connection, caplog):
    class Failing(Observer):
        def scope_opened(self, connection):
            raise RuntimeError("broken observer")

    notebook = Notebook()
    taps.attach(Failing())
    taps.attach(notebook)
    with caplog.at_level(logging.ERROR, "runtime.taps"):
        taps.scope_opened(connection)
        taps.scope_opened(connection)
    assert notebook.names() == ["scope_opened", "scope_opened"]
    assert len(caplog.records) == 1
    assert taps.observers == (notebook,)


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_hands_on_its_arguments_and_outlives_its_observer(taps, hook):
    names = list(inspect.signature(getattr(Observer, hook)).parameters)[1:]
    arguments = tuple({"type": "x"} if name == "event" else name for name in names)
    heard = []

    def fail(self, *given):
        heard.append(given)
        raise RuntimeError("broken observer")

    taps.attach(type("Failing", (Observer,), {hook: fail})())
    assert getattr(taps, hook)(*arguments) is None
    assert heard == [arguments]
    assert taps.observers == ()


@pytest.mark.parametrize("event", [{}, {"type": None}, "text", None, 7, ["type"]], ids=repr)
def test_observers_hear_of_no_event_without_a_type(taps, connection, event):
    notebook = Notebook()
    taps.attach(notebook)
    taps.event_received(connection, event, 0.0)
    taps.event_sent(connection, event)
    assert notebook.heard == []
    assert taps.observers == (notebook,)


def test_a_hook_that_handles_its_own_faults_is_called_without_a_guard(taps, connection):
    class Careful(Observer):
        never_raise = frozenset({"event_received"})

        def event_received(self, connection, event, at):
            raise RuntimeError("its own affair")

        def event_sent(self, connection, event):
            raise RuntimeError("guarded")

    careful = Careful()
    taps.attach(careful)
    assert taps.event_received == careful.event_received
    with pytest.raises(RuntimeError, match="its own affair"):
        taps.event_received(connection, {"type": "websocket.connect"}, 0.0)
    assert taps.observers == (careful,)
    taps.event_sent(connection, {"type": "websocket.accept"})
    assert taps.observers == ()


def test_an_observer_that_fails_when_asked_is_detached_and_mutes_nothing(taps):
    class Failing(Observer):
        def is_muted(self, scope):
            raise RuntimeError("broken observer")

        def application_for(self, scope):
            raise RuntimeError("broken observer")

    taps.attach(Failing())
    assert not taps.is_muted({"type": "websocket"})
    assert taps.observers == ()
    taps.attach(Failing())
    assert taps.application_for({"type": "websocket"}) is None
    assert taps.observers == ()


def test_the_first_observer_that_knows_a_cause_gives_it(taps):
    class Knowing(Observer):
        def message_sent(self, sender, layer, channel, message):
            return ("trace", "epoch:1")

    taps.attach(Notebook())
    taps.attach(Knowing())
    assert taps.message_sent(None, None, "jobs", {"type": "job"}) == ("trace", "epoch:1")


def test_muting_ends_with_its_block():
    with muted():
        assert is_muted()
    assert not is_muted()


def test_connections_have_different_ids():
    assert len({Connection({"type": "http"}).id for _ in range(1_000)}) == 1_000
