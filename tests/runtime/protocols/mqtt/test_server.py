"""The MQTT server against a real broker, with a second client as the other side."""

import asyncio
import secrets
import ssl
import sys

import aiomqtt
import pytest

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.drops import drops
from runtime.exceptions import MissingLibrary, StopConsumer
from runtime.protocols.connecting import Backoff
from runtime.protocols.mqtt import TopicRouter
from runtime.protocols.mqtt import server as mqtt_server
from runtime.protocols.mqtt.server import MqttServer
from runtime.protocols.mqtt.settings import MqttSettings
from runtime.routing import ProtocolTypeRouter
from tests.support.listening import listening
from tests.support.mqtt_broker import running_broker
from tests.support.observing import observed
from tests.support.protocol_serving import running_server

pytestmark = pytest.mark.usefixtures("layer")

SOON_S = 30
VERSIONS = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}


@pytest.fixture
def place():
    """A beginning of topics that no other test has."""
    return f"t{secrets.token_hex(4)}"


def settings_of(broker, version="3.1.1", **options):
    return MqttSettings(HOST=broker.host, PORT=broker.port, VERSION=version, **options)


def serving(application, settings, **options):
    """Return a server for the body of a `with`, which begins when it is connected."""
    server = MqttServer(
        ProtocolTypeRouter({"mqtt": application}),
        settings,
        backoff=Backoff(0.05, 0.2),
        **{"deadline_s": 10.0, **options},
    )
    return running_server(server, server.is_connected)


def peer(broker, version="3.1.1", **options):
    return aiomqtt.Client(broker.host, broker.port, protocol=VERSIONS[version], **options)


async def next_of(client):
    """Return the next message, but for those that say that a consumer is ready."""
    async with asyncio.timeout(SOON_S):
        message = await anext(aiter(client.messages))
        while message.topic.value.endswith("/ready"):
            message = await anext(aiter(client.messages))
        return message


async def until(is_so):
    async with asyncio.timeout(SOON_S):
        while not is_so():
            await asyncio.sleep(0.005)  # what is waited for is in another process


class Echo(AsyncConsumer):
    """Subscribes to `place`/in and says back what it hears, to `place`/out."""

    place = ""
    qos = 1

    def __init__(self, place, qos=1):
        super().__init__()
        self.place, self.qos = place, qos
        self.count = 0

    async def mqtt_connect(self, event):
        if not event["is_again"]:
            await self.send(
                {"type": "mqtt.subscribe", "topic": f"{self.place}/in/#", "qos": self.qos}
            )
            ready = {"type": "mqtt.publish", "topic": f"{self.place}/ready", "retain": True}
            await self.send({**ready, "payload": b"yes", "qos": 1})

    async def mqtt_receive(self, event):
        self.count += 1
        answer = {"type": "mqtt.publish", "topic": f"{self.place}/out", "qos": self.qos}
        await self.send({**answer, "payload": event["payload"] + b" %d" % self.count})

    async def mqtt_disconnect(self, event):
        goodbye = {"type": "mqtt.publish", "topic": f"{self.place}/out", "qos": 1}
        await self.send({**goodbye, "payload": event["reason"]})
        raise StopConsumer


class SyncEcho(SyncConsumer):
    def mqtt_receive(self, event):
        topic = event["topic"].replace("/in/", "/out/")
        self.send({"type": "mqtt.publish", "topic": topic, "payload": event["payload"], "qos": 1})


async def ready(client, place):
    """Return when the consumer of `place` has subscribed."""
    await client.subscribe(f"{place}/ready", qos=1)
    async with asyncio.timeout(SOON_S):
        assert (await anext(aiter(client.messages))).payload == b"yes"


async def test_no_subscription_makes_room_for_another(broker):
    async with serving(Echo.as_asgi(place="any"), settings_of(broker)) as server:
        assert server.max_scopes > 1_000_000


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_message_comes_in_and_its_answer_goes_out(broker, version, place, qos):
    application = Echo.as_asgi(place=place, qos=qos)
    async with serving(application, settings_of(broker, version)), peer(broker, version) as other:
        await ready(other, place)
        await other.subscribe(f"{place}/out", qos=2)
        for number in (b"1", b"2"):
            await other.publish(f"{place}/in/x", b"hello", qos=qos)
            answer = await next_of(other)
            assert (answer.payload, answer.qos) == (b"hello " + number, qos)


async def test_one_instance_serves_the_whole_session(broker, place):
    async with serving(Echo.as_asgi(place=place), settings_of(broker)), peer(broker) as other:
        await ready(other, place)
        await other.subscribe(f"{place}/out", qos=1)
        answers = []
        for topic in ("a", "b/c"):
            await other.publish(f"{place}/in/{topic}", b"", qos=1)
            answers.append((await next_of(other)).payload)
        assert answers == [b" 1", b" 2"]


async def test_each_route_has_a_scope_of_its_own_and_observers_hear_the_route(broker, place):
    router = TopicRouter(
        {f"{place}/in/+": SyncEcho.as_asgi(), f"{place}/more/#": Echo.as_asgi(place=place)}
    )
    with observed() as notebook:
        async with serving(router, settings_of(broker)) as server, peer(broker) as other:
            await until(lambda: len(server.scopes) == 3)
            await other.subscribe(f"{place}/out/+", qos=1)
            await ready(other, place)
            await other.publish(f"{place}/in/a", b"ding", qos=1)
            answer = await next_of(other)
            assert (str(answer.topic), answer.payload) == (f"{place}/out/a", b"ding")
    routes = {route for _, route, _ in notebook.of("route_matched")}
    assert routes == {f"{place}/in/+", f"{place}/more/#"}
    received = [one for one in notebook.of("event_received") if one[1]["type"] == "mqtt.receive"]
    assert [connection.scope["topic_filter"] for connection, _, _ in received] == [f"{place}/in/+"]


async def test_the_end_says_goodbye_and_the_goodbye_leaves(broker, place):
    async with peer(broker) as other:
        async with serving(Echo.as_asgi(place=place), settings_of(broker)):
            await ready(other, place)
            await other.subscribe(f"{place}/out", qos=1)
        assert (await next_of(other)).payload == b"shutdown"


async def test_a_retained_message_is_there_for_who_comes_later(broker, version, place):
    async with serving(Echo.as_asgi(place=place), settings_of(broker, version)):
        async with peer(broker, version) as other:
            await ready(other, place)
        async with peer(broker, version) as later:
            await later.subscribe(f"{place}/ready")
            async with asyncio.timeout(SOON_S):
                assert (await anext(aiter(later.messages))).retain


async def test_a_retained_message_reaches_the_consumer_as_one(broker, place):
    heard = asyncio.Queue()

    class Hearing(AsyncConsumer):
        async def mqtt_receive(self, event):
            await heard.put(event)

    async with peer(broker) as other:
        await other.publish(f"{place}/in", b"old", qos=1, retain=True)
        router = TopicRouter({f"{place}/in": Hearing.as_asgi()})
        async with serving(router, settings_of(broker)), asyncio.timeout(SOON_S):
            event = await heard.get()
        assert (event["payload"], event["retain"]) == (b"old", True)


async def test_properties_of_version_5_go_both_ways(broker, place):
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    class Answering(AsyncConsumer):
        async def mqtt_receive(self, event):
            said = event["properties"]
            assert said["user_properties"] == [["colour", "red"]]
            properties = {
                "correlation_data": said["correlation_data"],
                "content_type": "text/plain",
                "user_properties": [["a", "b"]],
                "message_expiry_s": 60,
            }
            answer = {"type": "mqtt.publish", "topic": said["response_topic"]}
            await self.send({**answer, "properties": properties, "qos": 1})

    router = TopicRouter({f"{place}/in": Answering.as_asgi()})
    async with (
        serving(router, settings_of(broker, "5")) as server,
        peer(broker, "5") as other,
    ):
        await until(lambda: len(server.scopes) == 2)
        await other.subscribe(f"{place}/answers", qos=1)
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = f"{place}/answers"
        properties.CorrelationData = b"7"
        properties.UserProperty = [("colour", "red")]
        await other.publish(f"{place}/in", b"", qos=1, properties=properties)
        answer = await next_of(other)
        assert answer.properties.CorrelationData == b"7"
        assert answer.properties.UserProperty == [("a", "b")]


async def test_the_will_is_published_when_the_connection_is_lost(broker, version, place):
    will = {"topic": f"{place}/will", "payload": "gone", "qos": 1}
    async with peer(broker, version) as other:
        await other.subscribe(f"{place}/will", qos=1)
        async with serving(
            Echo.as_asgi(place=place), settings_of(broker, version, WILL=will)
        ) as server:
            await ready(other, place)
            server._client._client.socket().shutdown(2)  # the network is cut
            assert (await next_of(other)).payload == b"gone"


async def test_an_orderly_end_publishes_no_will(broker, place):
    will = {"topic": f"{place}/will", "payload": "gone", "qos": 1}
    async with peer(broker) as other:
        await other.subscribe(f"{place}/will", qos=1)
        async with serving(Echo.as_asgi(place=place), settings_of(broker, WILL=will)):
            pass
        await other.publish(f"{place}/will", b"a mark", qos=1)
        assert (await next_of(other)).payload == b"a mark"


async def test_it_speaks_tls_with_a_certificate_that_it_trusts(tmp_path, certificate, place):
    with running_broker(tmp_path, certificate) as broker:
        trusted = settings_of(broker, TLS=True, CA_FILE=str(certificate.certificate))
        context = ssl.create_default_context(cafile=certificate.certificate)
        async with (
            serving(Echo.as_asgi(place=place), trusted),
            peer(broker, tls_context=context) as other,
        ):
            await ready(other, place)


# paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_certificate_that_it_does_not_trust_is_no_connection(
    tmp_path, certificate, place, caplog
):
    with running_broker(tmp_path, certificate) as broker:
        server = MqttServer(
            Echo.as_asgi(place=place), settings_of(broker, TLS=True), backoff=Backoff(0.01, 0.01)
        )
        task = asyncio.ensure_future(server.serve())
        await until(lambda: "certificate verify failed" in caplog.text)
        assert not server.is_connected.is_set()
        server.stop()
        await task


async def test_it_says_who_it_is_and_a_wrong_password_is_no_connection(tmp_path, place, caplog):
    application = Echo.as_asgi(place=place)
    with running_broker(tmp_path, login=("ada", "a pass phrase")) as broker:
        known = settings_of(broker, "5", USERNAME="ada", PASSWORD="a pass phrase")
        assert "a pass phrase" not in repr(known)
        async with serving(application, known):
            pass
        wrong = settings_of(broker, "5", USERNAME="ada", PASSWORD="another")
        server = MqttServer(application, wrong, backoff=Backoff(0.01, 0.01))
        task = asyncio.ensure_future(server.serve())
        await until(lambda: "Not authorized" in caplog.text)
        assert not server.is_connected.is_set()
        server.stop()
        await task


async def test_messages_of_a_kept_session_wait_for_a_server_that_was_stopped(
    broker, version, place
):
    settings = settings_of(broker, version, CLIENT_ID=f"server-{place}")
    async with peer(broker, version) as other:
        async with serving(Echo.as_asgi(place=place), settings):
            await ready(other, place)
        for number in range(20):
            await other.publish(f"{place}/in/x", b"%d" % number, qos=1)
        await other.subscribe(f"{place}/out", qos=1)
        async with serving(Echo.as_asgi(place=place), settings):
            answers = [(await next_of(other)).payload for _ in range(20)]
        assert answers == [b"%d %d" % (number, number + 1) for number in range(20)]


class Recording(AsyncConsumer):
    """Writes down all that it hears, and publishes each number that the test asks for."""

    def __init__(self, place, heard, orders):
        super().__init__()
        self.place, self.heard, self.orders = place, heard, orders

    async def mqtt_connect(self, event):
        if event["is_again"]:
            return
        await self.send({"type": "mqtt.subscribe", "topic": f"{self.place}/in", "qos": 1})
        self.orders.append(self.say)

    async def say(self, number):
        out = {"type": "mqtt.publish", "topic": f"{self.place}/out", "qos": 1}
        await self.send({**out, "payload": b"%d" % number})

    async def mqtt_receive(self, event):
        self.heard.append(int(event["payload"]))


async def publish_until_taken(broker, version, topic, number):
    """Publish as somebody who tries again until the broker has it."""
    while True:
        try:
            async with peer(broker, version) as other:
                return await other.publish(topic, b"%d" % number, qos=1, timeout=5)
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)


async def collect(broker, version, place, seen, is_listening):
    """Listen in a session that the broker keeps, over its death."""
    options = {"identifier": f"collector-{place}"}
    if version == "5":
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        options["properties"] = Properties(PacketTypes.CONNECT)
        options["properties"].SessionExpiryInterval = 600
        options["clean_start"] = False
    else:
        options["clean_session"] = False
    while True:
        try:
            async with peer(broker, version, **options) as other:
                await other.subscribe(f"{place}/out", qos=1)
                is_listening.set()
                async for message in other.messages:
                    seen.append(int(message.payload))
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_nothing_of_qos_1_is_lost_when_the_broker_is_killed_and_comes_back(
    own_broker, version, place
):
    broker = own_broker
    heard, orders, seen, is_listening = [], [], [], asyncio.Event()
    application = Recording.as_asgi(place=place, heard=heard, orders=orders)
    settings = settings_of(broker, version, CLIENT_ID=f"server-{place}")
    async with serving(application, settings) as server:
        collecting = asyncio.ensure_future(collect(broker, version, place, seen, is_listening))
        await until(lambda: orders)
        await is_listening.wait()
        [say] = orders
        for number in range(20):
            await say(number)
            await publish_until_taken(broker, version, f"{place}/in", number)
        await until(lambda: len(set(seen)) == len(set(heard)) == 20)
        broker.kill()
        for number in range(20, 60):  # while nobody is there
            await say(number)
        late = asyncio.gather(
            *(publish_until_taken(broker, version, f"{place}/in", n) for n in range(20, 30))
        )
        await until(lambda: not server.is_connected.is_set())
        broker.start()
        await late
        for number in range(60, 80):  # while they come back
            await say(number)
        await until(lambda: len(set(seen)) == 80 and len(set(heard)) == 30)
        collecting.cancel()
    assert set(seen) == set(range(80))
    assert list(dict.fromkeys(seen)) == sorted(set(seen))  # and in order, but for repetitions
    assert set(heard) == set(range(30))


async def test_a_scope_that_fails_is_opened_anew_for_the_next_message(broker, place):
    class Fragile(AsyncConsumer):
        async def mqtt_receive(self, event):
            if event["payload"] == b"break":
                raise RuntimeError("broken")
            await self.send({"type": "mqtt.publish", "topic": f"{place}/out", "payload": "whole"})

    router = TopicRouter({f"{place}/in": Fragile.as_asgi()})
    async with serving(router, settings_of(broker)) as server, peer(broker) as other:
        await until(lambda: len(server.scopes) == 2)
        await other.subscribe(f"{place}/out")
        await other.publish(f"{place}/in", b"break", qos=1)
        await until(lambda: len(server.scopes) == 1)
        await other.publish(f"{place}/in", b"go on", qos=1)
        assert (await next_of(other)).payload == b"whole"


async def test_a_subscription_that_is_given_up_ends_its_scope(broker, place):
    ended = asyncio.Event()

    class Once(AsyncConsumer):
        async def mqtt_receive(self, event):
            await self.send({"type": "mqtt.unsubscribe", "topic": f"{place}/in"})

        async def mqtt_disconnect(self, event):
            assert event["reason"] == "unsubscribed"
            ended.set()
            raise StopConsumer

    router = TopicRouter({f"{place}/in": Once.as_asgi()})
    async with serving(router, settings_of(broker)) as server, peer(broker) as other:
        await until(lambda: len(server.scopes) == 2)
        await other.publish(f"{place}/in", b"", qos=1)
        async with asyncio.timeout(SOON_S):
            await ended.wait()
        assert not server.subscriptions


async def test_a_message_that_no_filter_selects_is_counted(broker, place, monkeypatch):
    monkeypatch.setattr(mqtt_server, "SETTLE_S", 0.0)
    settings = settings_of(broker, CLIENT_ID=f"server-{place}")
    async with peer(broker) as other:
        async with serving(Echo.as_asgi(place=place), settings):
            await ready(other, place)
        await other.publish(f"{place}/in/x", b"1", qos=1)
        async with serving(TopicRouter({}), settings):
            await until(lambda: drops.counts == {("mqtt", "no handler"): 1})


async def test_what_is_no_mqtt_is_counted_and_the_next_connection_is_made(place):
    """A broker that accepts, and then talks nonsense."""
    greetings = asyncio.Queue()
    connack = b"\x20\x02\x00\x00"
    nonsense = [b"\xf0\x00", b"\x30\x06\x00\x02\xff\xfeab"]  # a type of packet; a topic

    async def babble(reader, writer):
        await reader.read(100)
        writer.write(connack + nonsense[min(greetings.qsize(), 1)])
        await greetings.put(None)
        await reader.read()

    async with listening(babble) as (host, port):
        settings = MqttSettings(HOST=host, PORT=port, VERSION="3.1.1")
        async with serving(TopicRouter({}), settings):
            await until(lambda: greetings.qsize() >= 2)
            await until(lambda: drops.counts[("mqtt", "malformed")] >= 2)


async def test_a_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiomqtt", None)
    monkeypatch.delitem(sys.modules, "runtime.protocols.mqtt.client")
    monkeypatch.delattr("runtime.protocols.mqtt.client")
    with pytest.raises(MissingLibrary) as caught:
        MqttServer(TopicRouter({}), MqttSettings())
    assert 'python -m pip install "channelscope[mqtt]"' in str(caught.value)
