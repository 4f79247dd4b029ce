"""Every exception that the runtime raises or answers to.

Owns no behaviour. Those that are raised at a user carry what was expected and
what came, and build their sentence from it; those that a handler raises to say
something to its consumer (`AcceptConnection`, `DenyConnection`, `StopConsumer`)
carry nothing.
"""

from collections.abc import Sequence

from django.urls import Resolver404


class ChannelscopeError(Exception):
    """The base of what goes wrong in this package."""


class RequestAborted(ChannelscopeError):
    """The client went away before its request body was complete."""


class RequestTimeout(RequestAborted):
    """The request body did not arrive in time."""


class InvalidChannelLayerError(ChannelscopeError, ValueError):
    """The CHANNEL_LAYERS setting, or what it names, cannot serve as a channel layer."""


class UnknownLayerOption(InvalidChannelLayerError, TypeError):
    """A channel layer was given an option that it does not have.

    Attributes:
        option: the option's name.
        where: what it was given to.
        nearest: the name of an option that there is, if one is like it.
    """

    def __init__(self, option: str, where: str, nearest: str | None = None) -> None:
        super().__init__(option, where, nearest)
        self.option = option
        self.where = where
        self.nearest = nearest

    def __str__(self) -> str:
        advice = f"Did you mean {self.nearest!r}?" if self.nearest else "Remove it."
        return f"{self.where} has no option {self.option!r}. {advice}"


class LayerUnavailable(ChannelscopeError, ConnectionError):
    """A channel layer could not reach its server in time.

    Attributes:
        server: where the server should be.
        reason: what went wrong, in words.
    """

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server, reason)
        self.server = server
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"The channel layer's server {self.server} did not answer: {self.reason}. Whether it"
            " has taken the last message is not known."
        )


class ServerRefusal(ChannelscopeError, RuntimeError):
    """A channel layer's server answered a command with an error.

    Attributes:
        code: the first word of the answer, such as `WRONGTYPE`.
        answer: all of it.
    """

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer

    @property
    def code(self) -> str:
        """The answer's first word, such as "WRONGTYPE"."""
        return self.answer.partition(" ")[0]

    def __str__(self) -> str:
        said = f"The channel layer's server answered {self.answer!r}."
        if self.code not in ("MOVED", "ASK"):
            return said
        return (
            f"{said} It is one of a Redis Cluster. Give the layer the option `cluster`; if it has"
            " it, the masters do not agree which of them has this slot: `redis-cli --cluster check`"
            " says where, `redis-cli --cluster fix` mends it."
        )


class ChannelFull(ChannelscopeError):
    """A channel holds as many messages as its capacity allows.

    Attributes:
        channel: the full channel, if the layer said which.
        capacity: how many messages it holds, if the layer said.
    """

    def __init__(self, channel: str | None = None, capacity: int | None = None) -> None:
        super().__init__(channel, capacity)
        self.channel = channel
        self.capacity = capacity

    def __str__(self) -> str:
        if self.channel is None:
            return "The channel is full."
        return (
            f"Channel {self.channel!r} holds its capacity of {self.capacity} messages and nobody"
            " takes them. Read it faster, or raise `capacity` or `channel_capacity`."
        )


class MessageTooLarge(ChannelscopeError):
    """A message is larger than its channel layer carries.

    Attributes:
        size_bytes: how large it is, if the layer said.
        limit_bytes: how large it may be, if the layer said.
    """

    def __init__(self, size_bytes: int | None = None, limit_bytes: int | None = None) -> None:
        super().__init__(size_bytes, limit_bytes)
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        if self.size_bytes is None:
            return "The message is larger than the channel layer carries."
        return (
            f"The message has {self.size_bytes} bytes, but the channel layer carries at most"
            f" {self.limit_bytes}. Send where the data can be found instead of the data."
        )


class ArgumentError(ChannelscopeError, TypeError, AssertionError):
    """An argument is of the wrong type.

    An AssertionError too, because that is what suites written against Channels expect.
    """


class NotALayerMessage(ChannelscopeError, TypeError, ValueError, AssertionError):
    """What was sent through a channel layer is not a layer message.

    An AssertionError too, because that is what suites written against Channels expect.

    Attributes:
        found: what was sent.
        rule: what it breaks.
    """

    def __init__(self, found: object, rule: str) -> None:
        super().__init__(found, rule)
        self.found = found
        self.rule = rule

    def __str__(self) -> str:
        kind = type(self.found).__name__
        return f"Not a layer message: {self.rule}; got the {kind} {self.found!r:.100}."


class MessageNotPortable(ChannelscopeError, TypeError):
    """A message holds a value that no channel layer carries to another process.

    Attributes:
        keys: the way to the value through dicts and lists, from the outermost.
        found: what stands there, in words.
    """

    def __init__(self, keys: Sequence[object], found: str) -> None:
        super().__init__(tuple(keys), found)
        self.keys = tuple(keys)
        self.found = found

    def __str__(self) -> str:
        way = "message" + "".join(f"[{key!r:.100}]" for key in self.keys)
        return (
            f"{way} is {self.found}, which a channel layer between processes refuses. A layer"
            " message is made of str, bytes, int of 64 bits, float, bool, None, lists, and dicts"
            " with str keys."
        )


class UndecodableMessage(ChannelscopeError, ValueError):
    """Bytes that came through a channel layer are no message that this process can read.

    Attributes:
        reason: why, in words.
        size_bytes: how many they are.
    """

    def __init__(self, reason: str, size_bytes: int) -> None:
        super().__init__(reason, size_bytes)
        self.reason = reason
        self.size_bytes = size_bytes

    def __str__(self) -> str:
        return (
            f"A layer message of {self.size_bytes} bytes cannot be read: {self.reason}. Let all"
            " processes of one prefix have the same version, serializer_format and"
            " symmetric_encryption_keys."
        )


class SerializerDoesNotExist(ChannelscopeError, KeyError):
    """The option `serializer_format` names a format that nobody has registered.

    Attributes:
        format: the name.
        known: the names of the formats that there are.
    """

    def __init__(self, format: str, known: Sequence[str] = ()) -> None:
        super().__init__(format, tuple(known))
        self.format = format
        self.known = tuple(known)

    def __str__(self) -> str:
        known = ", ".join(map(repr, self.known)) or "none"
        return (
            f"There is no serializer_format {self.format!r}; there is {known}. Register it with"
            " runtime.layers.serializers.registry.register_serializer()."
        )


class InvalidSerializer(ArgumentError):
    """What was registered as a format cannot serve as one.

    Attributes:
        found: what was registered.
    """

    def __init__(self, found: object) -> None:
        super().__init__(found)
        self.found = found

    def __str__(self) -> str:
        return (
            "A serializer is a class with the methods serialize() and deserialize(), such as a"
            f" subclass of BaseMessageSerializer; got {self.found!r:.200}."
        )


class WebsocketClosed(ChannelscopeError, RuntimeError):
    """A consumer with `strict_close` sent or closed after its WebSocket was closed.

    Attributes:
        consumer: the name of its class.
    """

    def __init__(self, consumer: str) -> None:
        super().__init__(consumer)
        self.consumer = consumer

    def __str__(self) -> str:
        return (
            f"{self.consumer} sent or closed after its WebSocket was closed. Ask"
            " `self.disconnected` before, or leave `strict_close` False: then it is counted, and"
            " nothing is sent."
        )


class JobsCutOff(ChannelscopeError, TimeoutError):
    """A worker had to stop while jobs still ran.

    Attributes:
        channels: the channels whose jobs they were.
        deadline_s: how long they had to finish.
    """

    def __init__(self, channels: Sequence[str], deadline_s: float) -> None:
        super().__init__(tuple(channels), deadline_s)
        self.channels = tuple(channels)
        self.deadline_s = deadline_s

    def __str__(self) -> str:
        return (
            f"Jobs of {', '.join(map(repr, self.channels))} still ran {self.deadline_s:g} s after"
            " the worker was told to stop, and were cut off. Give the worker a longer deadline."
        )


class MalformedEvent(ChannelscopeError, ValueError):
    """A server sent an event that its protocol does not know.

    Attributes:
        event: what came.
        expected: what should have come, in words.
    """

    def __init__(self, event: object, expected: str) -> None:
        super().__init__(event, expected)
        self.event = event
        self.expected = expected

    def __str__(self) -> str:
        return (
            f"The server sent a malformed event: expected {self.expected}, got {self.event!r:.200}"
        )


class UnknownEvent(ChannelscopeError, ValueError):
    """An application sent an event that its protocol cannot carry out.

    Attributes:
        event: what it sent.
        expected: what the protocol knows, in words.
    """

    def __init__(self, event: object, expected: str) -> None:
        super().__init__(event, expected)
        self.event = event
        self.expected = expected

    def __str__(self) -> str:
        return f"The application sent {self.event!r:.200}; expected {self.expected}."


class MissingLibrary(ChannelscopeError, ImportError):
    """A protocol needs a library that is not installed.

    Attributes:
        protocol: the protocol, which is also the name of the extra.
        library: the library.
    """

    def __init__(self, protocol: str, library: str) -> None:
        super().__init__(protocol, library)
        self.protocol = protocol
        self.library = library

    def __str__(self) -> str:
        return (
            f"The {self.protocol} server needs the library {self.library}, which is not installed."
            f' Run: python -m pip install "channelscope[{self.protocol}]"'
        )


class NotSteerable(ChannelscopeError, RuntimeError):
    """A connection cannot be acted upon in this way, from outside of its application.

    Attributes:
        connection: its id.
        reason: why not, and what can be done instead, as a sentence.
    """

    def __init__(self, connection: str, reason: str) -> None:
        super().__init__(connection, reason)
        self.connection = connection
        self.reason = reason

    def __str__(self) -> str:
        return f"Connection {self.connection}: {self.reason}"


class MalformedHeaders(ChannelscopeError, ValueError):
    """The headers of a scope are no pairs of bytes.

    Attributes:
        headers: what the scope has in their place.
    """

    def __init__(self, headers: object) -> None:
        super().__init__(headers)
        self.headers = headers

    def __str__(self) -> str:
        return (
            "The headers of a scope are pairs of bytes, with names in lower case, such as"
            f" [(b'cookie', b'a=b')]; got {self._kind()}."
        )

    def _kind(self) -> str:
        # By its types: what a header says is in nobody's log.
        items = list(self.headers) if isinstance(self.headers, list | tuple) else []
        pairs = [one for one in items if isinstance(one, list | tuple)]
        kinds = {f"({', '.join(type(part).__name__ for part in one)})" for one in pairs}
        kinds |= {type(one).__name__ for one in items if one not in pairs}
        name = type(self.headers).__name__
        return f"a {name} of {' and '.join(sorted(kinds))}" if kinds else f"a {name}"


class RouteNotFound(ChannelscopeError, Resolver404, ValueError):
    """No pattern of a router takes a path.

    Attributes:
        path: the path that was looked up, without its leading slash.
        tried: the patterns that did not match, in order.
    """

    def __init__(self, path: str, tried: Sequence[str] = ()) -> None:
        super().__init__({"path": path, "tried": list(tried)})
        self.path = path
        self.tried = tuple(tried)

    def __str__(self) -> str:
        tried = ", ".join(repr(pattern) for pattern in self.tried) or "none"
        return f"No route found for path {self.path!r}. Patterns tried: {tried}."


class AcceptConnection(Exception):
    """Raise in `connect()` to accept the WebSocket."""


class DenyConnection(Exception):
    """Raise in `connect()` to refuse the WebSocket."""


class StopConsumer(Exception):
    """Raise in a handler to end its consumer; the server is told that all is well."""


class ConnectionEnding(StopConsumer):
    """The runtime ends a connection, between two handlers.

    Attributes:
        code: the WebSocket close code that says why.
        reason: the same in words, for the client.
        cause: what the end is an effect of, for observers; None if nobody knows.
    """

    def __init__(self, code: int, reason: str, cause: tuple[str, str] | None = None) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.cause = cause
