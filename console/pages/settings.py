"""The room Settings: how a viewer sees the console, and what it records, hides and allows.

What is configured is shown with its name and where it is changed; only the viewer's own
preferences are changed here, and kept in cookies.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings as django_settings

from console import audit, zones
from console.conf import SECRET_NAMES, Settings, settings
from console.pages.page import Page, Update
from console.policy import STEER
from console.relay import relay
from console.routes import RouteNode, tree
from console.secret_names import FRAGMENTS, QUERY_WORDS, WORDS
from console.templatetags.channelscope import size, thousands
from runtime.routing import get_default_application

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.process import ProcessStatus

MEANINGS: Mapping[str, str] = {
    "RING_ENTRIES": "entries that a process keeps",
    "RING_BYTES": "bytes that a process keeps; the bound that is reached first holds",
    "PAYLOAD_BYTES": "bytes kept of one payload; its true size is shown beside it",
    "PREVIEW_CHARS": "characters of a preview in one line",
    "CLOSED_KEPT": "closed connections that stay visible, for each protocol",
    "REDACT": "further names of keys whose values are never shown",
    "PROCESS_NAME": "what this process is called",
    "IDLE_S": "seconds of silence after which an open connection is called idle",
    "BATCH_MS": "milliseconds between two updates of one viewer, at least",
    "EDITOR_URL": "where a link to a consumer's source leads",
    "OTEL": "whether what happens is exported as OpenTelemetry spans",
    "METRICS_TOKEN": "what Prometheus has to say to be let in",
    "READ_ONLY": "whether nobody may act through the console",
    "STAFF_MAY_STEER": "whether all staff may act through it without a permission",
}
RECORDED = (
    ("Connections", "of every protocol: scope, route, consumer, user, opening and closing"),
    ("Events", "in both directions, with the beginning of their payload"),
    ("Handlers", "how long each ran, how long its message had waited, and what it failed with"),
    ("Layer", "messages sent, delivered, dropped and why"),
    ("Groups", "who joined and who left"),
)
TICK_S = 0.4

NOT_RECORDED = "The console's own connections, and what its processes say to each other."


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of CHANNELSCOPE.

    Attributes:
        value: as this process has it; a secret one says only whether it is set.
        is_default: whether nobody has set it.
        share: how much of the bound is used, from 0 to 64; None for what is no bound.
        used: the same in words.
    """

    name: str
    value: str
    meaning: str
    is_default: bool
    share: int | None = None
    used: str = ""


class SettingsPage(Page):
    """What is configured, and the viewer's own preferences."""

    name: ClassVar[str] = "settings"
    room: ClassVar[str] = "settings"
    template: ClassVar[str] = "console/settings.html"
    title = "Settings"
    recorded = RECORDED
    not_recorded = NOT_RECORDED
    fragments = FRAGMENTS
    permission = STEER

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.zone = zones.chosen()

    @property
    def tick_s(self) -> float:
        """How often it is looked at what is used of the bounds: nothing is asked for it."""
        return TICK_S

    async def update(self) -> Update:
        """Return what is used of the bounds, and the processes, if they changed."""
        update = self.status()
        state = (self.settings, [_shown(one) for one in self.statuses], self.limits)
        for name in ("limits", "relay"):
            self._add(update, name, state)
        return update

    @property
    def settings(self) -> list[Setting]:
        """Every key of CHANNELSCOPE."""
        default = Settings()
        return [
            Setting(
                name,
                _value(name),
                meaning,
                getattr(settings, name) == getattr(default, name),
                *self._use(name),
            )
            for name, meaning in MEANINGS.items()
        ]

    @property
    def words(self) -> list[str]:
        """Names that are secret as whole words."""
        return sorted(WORDS)

    @property
    def arguments(self) -> list[str]:
        """Names that are secret in a query string."""
        return sorted(QUERY_WORDS)

    @property
    def further(self) -> list[str]:
        """Names that the project has added."""
        return sorted(settings.REDACT)

    @property
    def hooks(self) -> list[str]:
        """Consumers that hide more by a hook of their own."""
        return _hooks()

    @property
    def is_joined(self) -> bool:
        """Whether this process speaks with the others."""
        return relay.joining is not None and relay.joining.known is not None and not relay.limit

    @property
    def all_staff_may(self) -> bool:
        """Whether staff may steer without the permission."""
        said = settings.STAFF_MAY_STEER
        return bool(django_settings.DEBUG) if said is None else said

    @property
    def is_read_only(self) -> bool:
        """Whether nobody may steer."""
        return settings.READ_ONLY

    @property
    def has_audit_log(self) -> bool:
        """Whether Django's admin keeps what was done."""
        return audit.is_kept()

    @property
    def server_zone(self) -> str:
        """The zone of the project."""
        return str(django_settings.TIME_ZONE or "UTC")

    @property
    def zones(self) -> list[str]:
        """All zones that there are."""
        return _all_zones()

    def _use(self, name: str) -> tuple[int | None, str]:
        totals = relay.reader.totals()
        if name == "RING_ENTRIES":
            return 64 * totals.held // max(totals.capacity, 1), f"{thousands(totals.held)} held"
        if name == "RING_BYTES":
            return 64 * totals.held_bytes // settings.RING_BYTES, f"{size(totals.held_bytes)} held"
        return None, ""


def _value(name: str) -> str:
    value = getattr(settings, name)
    if name in SECRET_NAMES:
        return "set, and not shown" if value else "None"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:_}"
    return repr(value)


def _shown(status: ProcessStatus) -> tuple[Any, ...]:
    totals = status.report.totals
    return status.process.epoch, status.presence, totals.held, totals.held_bytes


def _hooks() -> list[str]:
    try:
        root = tree(get_default_application())
    except Exception:  # the project's own code; without it there is nothing to say
        return []
    return sorted({name for name in _with_hook(root)})


def _with_hook(node: RouteNode) -> Iterator[str]:
    consumer = getattr(node.application, "consumer_class", None)
    if hasattr(consumer, "channelscope_redact"):
        yield node.dotted
    for child in node.children:
        yield from _with_hook(child)


@cache
def _all_zones() -> list[str]:
    return sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
