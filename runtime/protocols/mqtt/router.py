"""Which application serves a topic: by MQTT's own wildcards.

Owns the routes of one client session. An ASGI application that serves others: of the session's
own scope it asks, for each of its filters, a scope for that subscription; those scopes it hands
to the filters' applications. So each consumer has an instance, a channel and a trace of its own.
Knows no broker and no library.
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.boundary import CONNECTION_KEY
from runtime.exceptions import RouteNotFound
from runtime.protocols.mqtt.topics import check_filter, matches
from runtime.routing import ROUTE_KEY
from runtime.taps import taps
from runtime.typing import ASGIApplication, Receive, Scope, Send

FILTER_KEY = "topic_filter"
"""Where the scope of a subscription carries its filter; the session's own scope has none."""


class TopicRouter:
    """Serves each topic by the application of the first filter that selects it.

    Args:
        application_mapping: {filter: application}, in order: "sensors/+/temperature".
        qos: with which the filters are subscribed to.

    Raises:
        InvalidTopic: a filter is none. It is a ValueError.
    """

    def __init__(self, application_mapping: Mapping[str, ASGIApplication], *, qos: int = 1) -> None:
        self.application_mapping = {
            check_filter(topic_filter): application
            for topic_filter, application in application_mapping.items()
        }
        self.qos = qos

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the scope of a subscription, or ask for those when a session begins.

        Raises:
            RouteNotFound: the scope is of a filter that is none of the router's.
        """
        topic_filter = scope.get(FILTER_KEY)
        if topic_filter is None:
            return await self._subscribe(receive, send)
        application = self.application_mapping.get(topic_filter)
        connection = scope.get(CONNECTION_KEY)
        if application is None:
            if connection is not None and (missed := taps.route_missed) is not None:
                missed(connection, topic_filter, [*self.application_mapping])
            raise RouteNotFound(topic_filter, [*self.application_mapping])
        url_route: dict[str, object] = {"args": (), "kwargs": {}}
        inner: Scope = {**scope, "url_route": url_route}
        if connection is not None:
            inner[ROUTE_KEY] = topic_filter
            if (matched := taps.route_matched) is not None:
                matched(connection, topic_filter, url_route)
        return await application(inner, receive, send)

    def filter_for(self, topic: str) -> str | None:
        """Return the first filter that selects `topic`, or None."""
        return next((one for one in self.application_mapping if matches(one, topic)), None)

    async def _subscribe(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "mqtt.disconnect":
                return
            if event["type"] == "mqtt.connect" and not event["is_again"]:
                for topic_filter in self.application_mapping:
                    await send(
                        {
                            "type": "mqtt.subscribe",
                            "topic": topic_filter,
                            "qos": self.qos,
                            "own_scope": True,
                        }
                    )
