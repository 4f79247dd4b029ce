"""MQTT: one client session with a broker, its topics routed to consumers.

`TopicRouter` belongs into the project's routing; the server is run by `manage.py runmqtt`.
Importing this needs no library: `aiomqtt` is imported when the server is made.
"""

from runtime.protocols.mqtt.router import TopicRouter

__all__ = ["TopicRouter"]
