"""One supervised connection, against a real server, and a wire that can be cut."""

import asyncio
import gc
import socket
from contextlib import asynccontextmanager, suppress

import pytest

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.addresses import Address, parse_hosts
from runtime.layers.connection import LONGEST_PAUSE_S, Link
from tests.support.listening import listening
from tests.support.playbook import eventually
from tests.support.redis_server import free_port
from tests.support.tcp_proxy import proxied


def place_of(host):
    return parse_hosts([host])[0]


@asynccontextmanager
async def linked(place, **options):
    link = Link(place, **options)
    try:
        async with asyncio.timeout(20):
            yield link
    finally:
        await link.close()


async def why_refused(link):
    """Return why commands fail, once the server has been tried: its silence is not the reason."""
    while True:
        with pytest.raises(LayerUnavailable) as refused:
            await link.call("PING")
        if "it has not been reached yet" not in str(refused.value):
            return str(refused.value)


REFUSED = {"timeout_s": 0.2, "silence_s": 20}
"""Of a link whose commands fail soon, by a server that may take its time to say why."""


@pytest.fixture
def proxy(redis_server):
    with proxied((redis_server.host, redis_server.port)) as proxy:
        yield proxy


@pytest.fixture
def wire(proxy):
    return Address(proxy.host, proxy.port)


async def test_answers_come_to_who_asked_in_order(redis_server):
    async with linked(place_of(redis_server.url)) as link:
        said = [str(n).encode() for n in range(500)]
        assert await asyncio.gather(*(link.call("ECHO", one) for one in said)) == said
        assert await link.call("PING") == b"PONG"
        assert link.is_up


async def test_commands_of_one_turn_are_written_together(proxy, wire):
    async with linked(wire) as link:
        await link.call("PING")
        first = asyncio.gather(*(link.call("INCR", "link:together") for _ in range(100)))
        numbers = await first
        assert numbers == list(range(numbers[0], numbers[0] + 100))
        await link.call("DEL", "link:together")
        assert proxy.connections == 1


async def test_an_error_comes_to_who_asked_and_to_nobody_else(redis_server):
    async with linked(place_of(redis_server.url)) as link:
        good, bad, better = link.call("PING"), link.call("NONSENSE"), link.call("PING")
        assert await good == b"PONG"
        with pytest.raises(ServerRefusal, match="unknown command") as refusal:
            await bad
        assert refusal.value.code == "ERR"
        assert await better == b"PONG"


async def test_an_answer_can_be_taken_by_a_plain_call(redis_server):
    async with linked(place_of(redis_server.url)) as link:
        taken = []
        link.tell(taken.append, "ECHO", "one")
        link.tell(taken.append, "NONSENSE")
        await link.call("PING")
        assert taken[0] == b"one"
        assert isinstance(taken[1], ServerRefusal)


async def test_what_is_told_behind_goes_with_what_is_asked_for_next(redis_server):
    async with linked(place_of(redis_server.url)) as link:
        await link.call("PING")
        taken = []
        link.tell_behind(taken.append, "ECHO", "behind")
        await asyncio.sleep(0)
        assert link.is_idle  # nothing has taken it along yet
        link.tell(taken.append, "ECHO", "before")
        link.tell(taken.append, "ECHO", "later")
        await link.call("PING")
        assert taken == [b"before", b"behind", b"later"]


async def test_what_is_told_behind_fails_with_its_connection(proxy, wire):
    async with linked(wire) as link:
        await link.call("PING")
        proxy.stall()
        taken = []
        link.tell_behind(taken.append, "INCR", "link:behind")
        kept = link.call("ECHO", "kept")
        link.tell_behind(taken.append, "INCR", "link:behind")  # nothing takes this one along
        proxy.cut()
        assert await kept == b"kept"
        assert [type(one) for one in taken] == [LayerUnavailable, LayerUnavailable]
        assert await link.call("GET", "link:behind") is None


async def test_who_waits_for_answers_is_called_behind_those_whom_they_wake(redis_server):
    async with linked(place_of(redis_server.url)) as link:
        await link.call("PING")
        order = []

        async def ask():
            await link.call("PING")
            order.append("woken")

        asking = asyncio.ensure_future(ask())
        await asyncio.sleep(0)
        link.call_when_heard(lambda: order.append("heard"))
        await asking
        await eventually(lambda: order == ["woken", "heard"])


async def test_who_waits_for_answers_is_called_when_none_will_come(proxy, wire):
    async with linked(wire) as link:
        await link.call("PING")
        called = []
        link.call_when_heard(lambda: called.append("nothing was asked"))
        await eventually(lambda: called == ["nothing was asked"])
        proxy.stall()
        kept = link.call("PING")
        link.call_when_heard(lambda: called.append("the connection was lost"))
        await asyncio.sleep(0)
        assert len(called) == 1
        proxy.cut()
        await kept
        assert called[1:] == ["the connection was lost"]


async def test_each_opening_is_greeted_before_anything_else_is_sent(proxy, wire):
    greeted = []

    async def greet(link):
        greeted.append(await link.ask_first("GET", "link:greeted"))

    async with linked(wire, setup=[("CLIENT", "SETNAME", "greeter")], greet=greet) as link:
        await link.call("SET", "link:greeted", "1")
        assert await link.call("CLIENT", "GETNAME") == b"greeter"
        assert await link.call("CLIENT", "ID") == link.client_id
        proxy.cut()
        assert await link.call("CLIENT", "GETNAME") == b"greeter"
        await link.call("DEL", "link:greeted")
    assert greeted == [None, b"1"]


async def test_the_servers_clock_is_known(redis_server):
    async with linked(place_of(redis_server.url)) as link:
        seconds, microseconds = await link.call("TIME")
        here_ms = asyncio.get_running_loop().time() * 1000 + link.offset_ms
        assert abs(int(seconds) * 1000 + int(microseconds) / 1000 - here_ms) < 1000


async def test_what_was_unanswered_is_sent_again_in_order(proxy, wire):
    async with linked(wire) as link:
        await link.call("PING")
        proxy.stall()
        calls = [link.call("RPUSH", "link:list", n) for n in range(50)]
        proxy.cut()
        later = link.call("RPUSH", "link:list", "later")
        await asyncio.gather(*calls, later)
        kept = await link.call("LRANGE", "link:list", 0, -1)
        await link.call("DEL", "link:list")
    assert kept == [str(n).encode() for n in range(50)] + [b"later"]


async def test_what_must_not_be_sent_twice_fails_with_its_connection(proxy, wire):
    async with linked(wire) as link:
        await link.call("PING")
        proxy.stall()
        answers = []
        link.tell(answers.append, "INCR", "link:once", is_kept=False)
        proxy.cut()
        await eventually(lambda: bool(answers))
        assert isinstance(answers[0], LayerUnavailable)
        assert await link.call("GET", "link:once") is None


async def test_who_listens_hears_that_the_server_went_and_came(proxy, wire):
    heard = []

    async with linked(wire, on_change=lambda link, error: heard.append(error)) as link:
        await link.call("PING")
        proxy.cut()
        await link.call("PING")
    came, went, back = heard
    assert came is back is None
    assert isinstance(went, Exception)


async def test_a_server_that_is_killed_and_started_again_is_found_again(own_redis_server):
    async with linked(place_of(own_redis_server.url)) as link:
        await link.call("PING")
        for _ in range(3):
            own_redis_server.kill()
            calls = [link.call("ECHO", n) for n in range(10)]
            own_redis_server.launch()
            assert await asyncio.gather(*calls) == [str(n).encode() for n in range(10)]


async def test_a_forgotten_script_is_loaded_again(redis_server):
    setup = [("SCRIPT", "LOAD", "return ARGV[1]")]
    async with linked(place_of(redis_server.url), setup=setup) as link:
        sha = await link.call(*setup[0])
        await link.call("SCRIPT", "FLUSH")
        said = await asyncio.gather(*(link.call("EVALSHA", sha, 0, n) for n in range(5)))
        assert said == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_command_for_a_server_that_is_away_fails_in_time():
    nowhere = Address("127.0.0.1", free_port())
    async with linked(nowhere, timeout_s=0.2) as link:
        with pytest.raises(LayerUnavailable, match=f"127.0.0.1:{nowhere.port}.*for 0.2 s"):
            await link.call("PING")
        with pytest.raises(ConnectionError):
            await link.call("PING")


LONGER_S = LONGEST_PAUSE_S * 1.2
"""A `timeout` that is longer than the pause between two attempts, as it is by default."""


async def test_a_command_for_a_server_that_takes_connections_and_hangs_up_fails_in_time(
    proxy, wire
):
    proxy.refuse()
    async with linked(wire, timeout_s=LONGER_S) as link:
        with pytest.raises(LayerUnavailable, match=f"for {LONGER_S:g} s"):
            await link.call("PING")
        proxy.heal()
        assert await link.call("PING") == b"PONG"
        proxy.refuse()
        with pytest.raises(LayerUnavailable, match=f"for {LONGER_S:g} s"):
            await link.call("PING")


async def test_a_command_that_a_server_will_not_take_for_now_fails_in_time(own_redis_server):
    async with linked(place_of(own_redis_server.url), timeout_s=LONGER_S) as link:
        await link.call("REPLICAOF", "127.0.0.1", free_port())
        with pytest.raises(LayerUnavailable, match="READONLY"):
            await link.call("SET", "link:replica", 1)
        await link.call("REPLICAOF", "NO", "ONE")
        assert await link.call("SET", "link:replica", 1) == b"OK"


async def test_a_command_that_ends_each_connection_fails_in_time_and_holds_up_no_other(
    own_redis_server,
):
    async with linked(place_of(own_redis_server.url), timeout_s=LONGER_S) as link:
        await link.call("CONFIG", "SET", "client-query-buffer-limit", 1_048_576)
        too_much, behind = link.call("ECHO", bytes(4_000_000)), link.call("PING")
        with pytest.raises(LayerUnavailable):
            await too_much
        with suppress(LayerUnavailable):  # it may have been lost with the other as often
            await behind
        assert await link.call("PING") == b"PONG"


async def test_a_peer_that_has_vanished_is_noticed(proxy, wire):
    async with linked(wire, timeout_s=5, silence_s=0.3) as link:
        await link.call("PING")
        proxy.silence()
        call = link.call("PING")
        await eventually(lambda: not link.is_up)
        proxy.heal()
        assert await call == b"PONG"


async def test_a_read_that_waits_on_the_server_is_not_taken_for_silence(redis_server):
    async with linked(place_of(redis_server.url), timeout_s=0.1, silence_s=5) as link:
        assert await link.call("BLPOP", "link:nothing", 0.5) is None
        assert link.is_up


async def test_an_idle_connection_sends_nothing_and_stays(proxy, wire):
    # Long enough for a machine that is busy to open the connection; an answer is missed sooner.
    async with linked(wire, timeout_s=5, silence_s=0.5) as link:
        await link.call("PING")
        sent = proxy.sent_bytes
        # Three times as long as it takes to notice a server that is silent.
        await asyncio.sleep(1.5)
        assert proxy.sent_bytes == sent
        assert await link.call("PING") == b"PONG"
        assert proxy.connections == 1


async def test_a_password_is_given(tmp_path):
    from tests.support.redis_server import running

    with running(tmp_path, requirepass="s3cret") as server:
        async with linked(place_of(server.url)) as link:
            assert await link.call("PING") == b"PONG"
        async with linked(Address(server.host, server.port), **REFUSED) as link:
            assert "NOAUTH" in await why_refused(link)


async def test_a_database_is_chosen(redis_server):
    host = redis_server.url.removesuffix("/0") + "/7"
    async with linked(place_of(host)) as link:
        assert b" db=7 " in await link.call("CLIENT", "INFO")


async def test_tls_is_spoken_and_certificates_are_checked(redis_server, certificate):
    target = (redis_server.host, redis_server.port)
    with proxied(target, tls=certificate.server_context()) as proxy:
        host = {"host": proxy.host, "port": proxy.port, "ssl": True}
        trusting = place_of({**host, "ssl_ca_certs": str(certificate.certificate)})
        async with linked(trusting) as link:
            assert await link.call("PING") == b"PONG"
            proxy.cut()
            assert await link.call("PING") == b"PONG"
        async with linked(place_of(host), **REFUSED) as link:
            assert "certificate" in (await why_refused(link)).lower()


@asynccontextmanager
async def serving(answer):
    """Run a server that answers whatever it is told with `answer`."""

    async def serve(reader, writer):
        with suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(answer)

    async with listening(serve) as where:
        yield Address(*where)


async def test_what_does_not_speak_the_protocol_is_named():
    webserver = serving(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    async with webserver as where, linked(where, **REFUSED) as link:
        assert "protocol" in await why_refused(link)


async def test_an_old_server_is_refused_with_a_sentence():
    hello = b"*4\r\n$7\r\nversion\r\n$5\r\n5.0.3\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
    old = serving(hello + b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n")
    async with old as where, linked(where, **REFUSED) as link:
        assert "version 5.0.3, and 6.2 is the oldest" in await why_refused(link)


async def test_closing_fails_what_waits_and_leaves_nothing_behind(redis_server):
    before = asyncio.all_tasks()
    link = Link(place_of(redis_server.url))
    await link.call("PING")
    waiting = link.call("BLPOP", "link:nothing", 0)
    await link.close()
    with pytest.raises(LayerUnavailable, match="closed"):
        await waiting
    assert asyncio.all_tasks() == before


async def test_a_caller_that_gave_up_does_not_disturb_the_order(redis_server):
    async with linked(place_of(redis_server.url)) as link:
        await link.call("PING")
        given_up, next_one = link.call("ECHO", "one"), link.call("ECHO", "two")
        given_up.cancel()
        assert await next_one == b"two"


def test_a_loop_that_ends_leaves_no_socket(redis_server):
    sockets = []

    async def use():
        link = Link(place_of(redis_server.url))
        await link.call("PING")
        sockets.append(link._socket)

    asyncio.run(use())
    gc.collect()
    assert sockets[0].fileno() == -1


def test_a_name_is_looked_up(redis_server):
    async def use():
        async with linked(Address("localhost", redis_server.port)) as link:
            return await link.call("PING")

    assert socket.gethostbyname("localhost")
    assert asyncio.run(use()) == b"PONG"
