"""How an application would route a path: each step that it takes, and where a pattern fails.

Owns the walk that the routers would make, without calling an application. The patterns
are asked themselves, so that the answer is the one that a client would get. Knows no
page; `console.routes` shows the same application as a tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from console.pattern_reach import reach
from console.routes import inner_of, name_of
from runtime.protocols.mqtt import TopicRouter
from runtime.protocols.mqtt.topics import matches
from runtime.routes import RouteTable
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter

StepKind: TypeAlias = Literal["protocol", "middleware", "pattern", "channel", "consumer"]

_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is asked on the way.

    Attributes:
        kind: what is asked.
        name: the router's or the middleware's class, or the pattern.
        is_taken: whether the way goes on here.
        number: the place of a pattern among its router's, from 1; `of` says how many there are.
        matched: the part of the path that a pattern took, or took before it failed.
        expected: what failed: the rest of a pattern, or the names that a router knows; "" for
            the end of the path.
        found: what the path has there; "" for its end.
    """

    kind: StepKind
    name: str
    is_taken: bool
    number: int = 0
    of: int = 0
    matched: str = ""
    expected: str = ""
    found: str = ""


@dataclass(slots=True)
class Resolution:
    """Where a path leads.

    Attributes:
        protocol: the scope type.
        path: as it was asked for; the channel's name for `channel`.
        steps: all that was asked, in order.
        application: the name of what takes it, or "".
        consumer: that name's whole dotted path.
        route: the patterns from the root that took it.
        arguments: what they took from the path, by name; unnamed ones by their number.
    """

    protocol: str
    path: str
    steps: list[Step] = field(default_factory=list)
    application: str = ""
    consumer: str = ""
    route: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_found(self) -> bool:
        """Whether something takes the path."""
        return bool(self.application)

    @property
    def pattern(self) -> Step | None:
        """The last pattern that took the path."""
        taken = (step for step in reversed(self.steps) if step.kind == "pattern" and step.is_taken)
        return next(taken, None)


def resolve(application: Any, protocol: str, path: str) -> Resolution:
    """Return where a scope of the type `protocol` for `path` would go."""
    resolution = Resolution(protocol, path)
    _Walk(resolution).enter(application, path.removeprefix("/"), "", _DEPTH)
    return resolution


class _Walk:
    def __init__(self, resolution: Resolution) -> None:
        self.resolution = resolution

    def enter(self, application: Any, path: str, route: str, depth: int) -> bool:
        """Go into `application`. Returns whether something inside takes the path."""
        if depth == 0:
            return False
        if isinstance(application, ProtocolTypeRouter):
            return self._by_protocol(application, path, route, depth)
        if isinstance(application, ChannelNameRouter):
            return self._by_channel(application, route, depth)
        if isinstance(application, TopicRouter):
            return self._by_topic(application, route, depth)
        if isinstance(application, URLRouter):
            return self._by_path(application, path, route, depth)
        if (inner := inner_of(application)) is not None:
            self._note(Step("middleware", name_of(application)[0], is_taken=True))
            return self.enter(inner, path, route, depth - 1)
        return self._arrive(application, route)

    def _by_protocol(self, router: ProtocolTypeRouter, path: str, route: str, depth: int) -> bool:
        inner = router.application_mapping.get(self.resolution.protocol)
        self._note(
            Step(
                "protocol",
                type(router).__name__,
                is_taken=inner is not None,
                expected=", ".join(router.application_mapping),
                found=self.resolution.protocol,
            )
        )
        return inner is not None and self.enter(inner, path, route, depth - 1)

    def _by_channel(self, router: ChannelNameRouter, route: str, depth: int) -> bool:
        channel = self.resolution.path
        for number, (name, inner) in enumerate(router.application_mapping.items(), 1):
            of = len(router.application_mapping)
            self._note(Step("channel", name, is_taken=name == channel, number=number, of=of))
            if name == channel:
                return self.enter(inner, "", route + name, depth - 1)
        return False

    def _by_topic(self, router: TopicRouter, route: str, depth: int) -> bool:
        topic, of = self.resolution.path, len(router.application_mapping)
        for number, (topic_filter, inner) in enumerate(router.application_mapping.items(), 1):
            if not matches(topic_filter, topic):
                step = Step("pattern", topic_filter, False, number, of, "", topic_filter, topic)
                self._note(step)
                continue
            self._note(Step("pattern", topic_filter, True, number, of, matched=topic))
            return self.enter(inner, "", route + topic_filter, depth - 1)
        return False

    def _by_path(self, router: URLRouter, path: str, route: str, depth: int) -> bool:
        routes = RouteTable(router.routes).routes
        for number, one in enumerate(routes, 1):
            matched = one.match(path)
            if matched is None:
                fell = reach(one.patterns, path)
                self._note(Step("pattern", one.text, False, number, len(routes), *fell))
                continue
            rest, args, kwargs = matched
            taken = path[: len(path) - len(rest)]
            self._note(Step("pattern", one.text, True, number, len(routes), matched=taken))
            before = dict(self.resolution.arguments)
            self.resolution.arguments |= {str(n): value for n, value in enumerate(args)} | kwargs
            rest = rest.lstrip("/")
            if self.enter(one.application, rest, route + one.text, depth - 1):
                return True
            self.resolution.arguments = before
        return False

    def _arrive(self, application: Any, route: str) -> bool:
        name, dotted = name_of(application)
        self._note(Step("consumer", name, is_taken=True))
        self.resolution.application, self.resolution.consumer = name, dotted
        self.resolution.route = route
        return True

    def _note(self, step: Step) -> None:
        self.resolution.steps.append(step)
