import pytest

from runtime.boundary import CONNECTION_KEY, Boundary, untapped
from runtime.routing import ProtocolTypeRouter
from runtime.taps import Observer, current_connection
from tests.support.observing import Notebook, observed
from tests.support.playbook import play


async def answering(scope, receive, send):
    event = await receive()
    await send({"type": "answer", "to": event["type"], "observed": CONNECTION_KEY in scope})


SCOPE = {"type": "bot"}


async def ask(application, scope=SCOPE):
    async with play(application, dict(scope)) as playbook:
        await playbook.put("question")
        reply = await playbook.expect("answer", to="question")
        await playbook.end()
        return reply


async def test_without_an_observer_the_scope_stays_as_it_is():
    assert (await ask(Boundary(answering)))["observed"] is False


async def test_an_observer_hears_a_connection_from_its_opening_to_its_end():
    with observed() as notebook:
        await ask(Boundary(answering))
    assert notebook.names() == ["scope_opened", "event_received", "event_sent", "scope_closed"]
    connections = {arguments[0] for _, arguments in notebook.heard}
    assert len(connections) == 1
    assert notebook.of("scope_closed")[0][1] is None


async def test_an_observer_hears_with_what_the_application_failed():
    async def failing(scope, receive, send):
        raise RuntimeError("broken")

    with observed() as notebook:
        async with play(Boundary(failing), dict(SCOPE)) as playbook:
            with pytest.raises(RuntimeError):
                await playbook.end()
    assert isinstance(notebook.of("scope_closed")[0][1], RuntimeError)


async def test_nested_boundaries_are_one():
    with observed() as notebook:
        await ask(Boundary(ProtocolTypeRouter({"bot": Boundary(answering)})))
    assert notebook.names().count("scope_opened") == 1


async def test_the_running_application_knows_its_connection():
    seen = []

    async def looking(scope, receive, send):
        seen.append((current_connection.get(), scope[CONNECTION_KEY]))
        await answering(scope, receive, send)

    with observed():
        await ask(Boundary(looking))
    assert seen[0][0] is seen[0][1]
    assert current_connection.get() is None


async def test_a_muted_connection_is_not_observed():
    class Muting(Notebook):
        def is_muted(self, scope):
            return scope["type"] == "bot"

    with observed(Muting()) as notebook:
        assert (await ask(Boundary(answering)))["observed"] is False
    assert notebook.heard == []


async def test_an_observer_can_serve_a_scope_itself():
    async def own(scope, receive, send):
        await send({"type": "answer", "to": "question", "observed": "by the observer"})

    class Claiming(Observer):
        def application_for(self, scope):
            return own

    with observed(Claiming()):
        assert (await ask(Boundary(answering)))["observed"] == "by the observer"


@pytest.mark.parametrize(
    "event", [None, 7, "bot.say", [], {}, {"type": None}, {b"type": "bot.say"}]
)
async def test_an_observer_hears_of_no_event_that_has_no_type(event):
    async def passing_on(scope, receive, send):
        await send(await receive())

    with observed() as notebook:
        async with play(Boundary(passing_on), dict(SCOPE)) as playbook:
            await playbook.inbox.put(event)
            await playbook.end()
    assert notebook.names() == ["scope_opened", "scope_closed"]


async def test_whoever_reads_behind_the_tap_is_told_whose_events_they_are():
    async def reading(scope, receive, send):
        behind, connection = untapped(receive)
        assert untapped(behind) == (behind, None)
        assert connection is scope[CONNECTION_KEY]
        event = await behind()
        await send({"type": "answer", "to": event["type"]})

    with observed() as notebook:
        await ask(Boundary(reading))
    assert notebook.names() == ["scope_opened", "event_sent", "scope_closed"]
