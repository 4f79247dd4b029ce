import pytest

from runtime.consumer import AsyncConsumer
from runtime.exceptions import RouteNotFound
from runtime.protocols.mqtt import TopicRouter
from runtime.protocols.mqtt.topics import InvalidTopic
from runtime.routing import ProtocolTypeRouter
from tests.support.observing import observed
from tests.support.playbook import play

pytestmark = pytest.mark.usefixtures("layer")


class Thermometer(AsyncConsumer):
    async def mqtt_receive(self, event):
        await self.send({"type": "mqtt.publish", "topic": "seen", "payload": event["payload"]})


class Doors(AsyncConsumer):
    pass


def router():
    return TopicRouter(
        {"house/+/temperature": Thermometer.as_asgi(), "house/#": Doors.as_asgi()}, qos=2
    )


async def test_a_session_asks_for_a_scope_for_each_filter_and_ends():
    async with play(router(), {"type": "mqtt"}) as session:
        await session.put("mqtt.connect", is_again=False)
        for topic in ("house/+/temperature", "house/#"):
            await session.expect("mqtt.subscribe", topic=topic, qos=2, own_scope=True)
        await session.put("mqtt.connect", is_again=True)
        await session.put("mqtt.disconnect", reason="shutdown")
        await session.end()
        assert session.is_silent


async def test_the_scope_of_a_subscription_goes_to_the_application_of_its_filter():
    application = ProtocolTypeRouter({"mqtt": router()})
    scope = {"type": "mqtt", "topic_filter": "house/+/temperature"}
    with observed() as notebook:
        async with play(application, scope) as opened:
            await opened.put("mqtt.receive", topic="house/attic/temperature", payload=b"21")
            await opened.expect("mqtt.publish", topic="seen", payload=b"21")
    [(_, route, _)] = notebook.of("route_matched")
    assert route == "house/+/temperature"


async def test_a_filter_that_nobody_has_asked_for_is_said_to_be_missing():
    application = ProtocolTypeRouter({"mqtt": router()})
    with observed() as notebook:
        async with play(application, {"type": "mqtt", "topic_filter": "garden/#"}) as opened:
            with pytest.raises(RouteNotFound, match="garden/#"):
                await opened.end()
    [(_, path, tried)] = notebook.of("route_missed")
    assert (path, tried) == ("garden/#", ["house/+/temperature", "house/#"])


@pytest.mark.parametrize(
    ("topic", "topic_filter"),
    [
        ("house/attic/temperature", "house/+/temperature"),
        ("house/attic/door", "house/#"),
        ("garden/gate", None),
    ],
)
def test_the_first_filter_that_selects_a_topic_is_the_one(topic, topic_filter):
    assert router().filter_for(topic) == topic_filter


def test_a_filter_that_is_none_is_refused_when_the_router_is_made():
    with pytest.raises(InvalidTopic, match="all of a level"):
        TopicRouter({"house/at+": Doors.as_asgi()})
