"""The import law: imports go one way, without a circle, and pure modules stay pure.

The tables are the law. A module that is added to the design is added here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import imports

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("runtime", "console")

CHAINS: dict[str, imports.Chain] = {
    "runtime": (
        "runtime.exceptions",
        "runtime.typing",
        ("runtime.taps", "runtime.last_words"),
        ("runtime.environment", "runtime.throttle"),
        "runtime.drops",
        "runtime.layers",
        "runtime.mailbox",
        ("runtime.concurrency", "runtime.drain", "runtime.outbox", "runtime.revalidation"),
        "runtime.refusals",
        "runtime.consumer",
        "runtime.generic",
        "runtime.jobs",
        "runtime.acknowledging",
        "runtime.signals",
        ("runtime.worker", "runtime.testing", "runtime.protocols"),
        "runtime.management",
    ),
    "protocols": (
        ("runtime.protocols.connecting", "runtime.protocols.options"),
        "runtime.protocols.scopes",
        "runtime.protocols.server",
        (
            "runtime.protocols.aprs.server",
            "runtime.protocols.mqtt.server",
            "runtime.protocols.telegram.server",
        ),
    ),
    "aprs": (
        "runtime.protocols.aprs.packet",
        ("runtime.protocols.aprs.ax25", "runtime.protocols.aprs.message"),
        ("runtime.protocols.aprs.delivery", "runtime.protocols.aprs.kiss"),
        "runtime.protocols.aprs.settings",
        "runtime.protocols.aprs.links",
        "runtime.protocols.aprs.server",
    ),
    "mqtt": (
        "runtime.protocols.mqtt.topics",
        ("runtime.protocols.mqtt.events", "runtime.protocols.mqtt.router"),
        "runtime.protocols.mqtt.settings",
        "runtime.protocols.mqtt.client",
        "runtime.protocols.mqtt.server",
    ),
    "telegram": (
        ("runtime.protocols.telegram.pace", "runtime.protocols.telegram.updates"),
        "runtime.protocols.telegram.settings",
        "runtime.protocols.telegram.client",
        ("runtime.protocols.telegram.outbox", "runtime.protocols.telegram.webhook"),
        "runtime.protocols.telegram.server",
    ),
    "layers": (
        ("runtime.layers.isolation", "runtime.layers.membership", "runtime.layers.portable"),
        "runtime.layers.messagepack",
        "runtime.layers.codec",
        "runtime.layers.base",
        "runtime.layers.patterns",
        (
            "runtime.layers.acknowledged",
            "runtime.layers.buffer",
            "runtime.layers.history",
            "runtime.layers.presence",
            "runtime.layers.timer",
            "runtime.layers.timing",
        ),
        "runtime.layers.memory_jobs",
        "runtime.layers.memory",
    ),
    "layers on Redis": (
        ("runtime.layers.addresses", "runtime.layers.entries", "runtime.layers.keys"),
        "runtime.layers.dialing",
        "runtime.layers.greeting",
        "runtime.layers.connection",
        ("runtime.layers.scripts", "runtime.layers.sentinel"),
        ("runtime.layers.shards", "runtime.layers.slots"),
        "runtime.layers.cluster",
        (
            "runtime.layers.local",
            "runtime.layers.own",
            "runtime.layers.post",
            "runtime.layers.questions",
            "runtime.layers.rosters",
            "runtime.layers.subscriptions",
            "runtime.layers.unread",
        ),
        (
            "runtime.layers.bell",
            "runtime.layers.history_scripts",
            "runtime.layers.job_scripts",
            "runtime.layers.sequences",
        ),
        "runtime.layers.kept",
        ("runtime.layers.job_channel", "runtime.layers.named", "runtime.layers.node"),
        ("runtime.layers.linked", "runtime.layers.scanning"),
        ("runtime.layers.background", "runtime.layers.served"),
        ("runtime.layers.listening", "runtime.layers.pool", "runtime.layers.streams"),
        ("runtime.layers.networked_jobs", "runtime.layers.networked_presence"),
        "runtime.layers.networked",
        ("runtime.layers.pubsub", "runtime.layers.redis"),
    ),
    "threads": (
        ("runtime.pool", "runtime.tasks", "runtime.db"),
        "runtime.threads",
        "runtime.consumer",
    ),
    "middleware": (
        ("runtime.headers", "runtime.middleware"),
        "runtime.sessions",
        "runtime.auth",
        ("runtime.worker", "runtime.testing"),
    ),
    "console": (
        "console.conf",
        ("console.action", "console.entry", "console.redact"),
        "console.density",
        "console.query_keys",
        "console.query_terms",
        "console.query",
        "console.latency",
        "console.captured",
        "console.tape",
        "console.taping",
        "console.group_flow",
        "console.group_view",
        "console.groups",
        "console.handlers",
        "console.tally",
        "console.journal",
        "console.state",
        "console.folding",
        "console.writer",
        ("console.recorder", "console.clocks"),
        "console.watch",
        ("console.trace_glance", "console.traces"),
        "console.exports",
        ("console.activity", "console.connection_row"),
        "console.sampling",
        "console.journal_reader",
        ("console.reader", "console.sends"),
        "console.acting",
        ("console.activity_reading", "console.group_reading", "console.row_reading"),
        ("console.relay_protocol", "console.relay_answers", "console.relay_once"),
        ("console.relay_leases", "console.relay_watching", "console.relay_batches"),
        ("console.relay_tasks", "console.relay_transport"),
        ("console.relay_questions", "console.loop_lag"),
        "console.relay_publisher",
        "console.relay_requests",
        "console.relay_node",
        ("console.relay_joining", "console.sharing"),
        "console.relay_processes",
        ("console.relay_entry", "console.relay_groups", "console.relay_traces"),
        "console.relay",
        "console.models",
        ("console.audit", "console.policy"),
        "console.actions",
        (
            "console.layer_view",
            "console.saved",
            "console.viewer",
            "console.virtual",
            "console.scope_drafts",
        ),
        ("console.impersonation", "console.recordings", "console.replaying"),
        "console.impersonating",
        "console.taking",
        "console.saying",
        "console.virtual_live",
        "console.pages",
        ("console.live", "console.views", "console.panel"),
        (
            "console.action_views",
            "console.client_views",
            "console.downloads",
            "console.letter_views",
            "console.preference_views",
        ),
        "console.recording_views",
        "console.urls",
    ),
}

PURE = (
    "console.action",
    "console.asgi_json",
    "console.recorded",
    "console.replay",
    "console.volatile",
    "console.pages.charts",
    "console.activity",
    "console.clocks",
    "console.connection_row",
    "console.density",
    "console.entry",
    "console.ordering",
    "console.plain",
    "console.process",
    "console.relay_leases",
    "console.relay_once",
    "console.relay_protocol",
    "console.relay_watching",
    "console.roster",
    "console.sampling",
    "console.redact",
    "console.query",
    "console.query_keys",
    "console.query_terms",
    "console.handlers",
    "console.latency",
    "console.state",
    "console.tally",
    "console.captured",
    "console.tape",
    "console.folding",
    "console.trace_glance",
    "console.traces",
    "console.exports",
    "runtime.layers.entries",
    "runtime.layers.keys",
    "runtime.layers.membership",
    "runtime.protocols.aprs.ax25",
    "runtime.protocols.aprs.delivery",
    "runtime.protocols.aprs.kiss",
    "runtime.protocols.aprs.message",
    "runtime.protocols.aprs.packet",
    "runtime.protocols.mqtt.topics",
    "runtime.protocols.telegram.pace",
)

IMPURE = (
    "console.activity",
    "asgiref",
    "asyncio",
    "daphne",
    "django.contrib",
    "django.core.handlers",
    "django.db",
    "django.http",
    "django.shortcuts",
    "django.template",
    "django.urls",
    "django.views",
    "redis",
)

PLANNED: set[str] = set()
"""Modules that the law names and nobody has built yet."""


@pytest.fixture(scope="module")
def graph() -> imports.Graph:
    return imports.read(ROOT, PACKAGES)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_nothing_imports_from_right_to_left(graph: imports.Graph, chain: imports.Chain) -> None:
    assert imports.strays(graph, chain) == []


def test_no_imports_go_in_a_circle(graph: imports.Graph) -> None:
    assert imports.circles(graph) == []


def test_the_runtime_knows_nothing_of_the_console(graph: imports.Graph) -> None:
    assert imports.forbidden(graph, "runtime", ["console"]) == []


def test_the_product_knows_nothing_of_its_tests_and_tools(graph: imports.Graph) -> None:
    for package in PACKAGES:
        assert imports.forbidden(graph, package, ["tests", "tools"]) == []


def test_only_the_command_knows_the_demo(graph: imports.Graph) -> None:
    others = {name for name in graph if not name.startswith("console.demo")} - {"console.cli"}
    known = {name: graph[name] for name in others}
    assert imports.forbidden(known, "console", ["console.demo"]) == []


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_stay_pure(graph: imports.Graph, module: str) -> None:
    parts = [name for name in graph if name == module or name.startswith(f"{module}.")]
    assert bool(parts) != (module in PLANNED)
    assert [way for part in parts for way in imports.impure(graph, part, IMPURE)] == []


def test_the_law_names_modules_that_exist(graph: imports.Graph) -> None:
    named = {name for chain in CHAINS.values() for step in chain for name in imports.names(step)}
    assert {name for name in named if name not in graph} == named & PLANNED
