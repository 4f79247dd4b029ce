"""The reference has an entry for whatever a person can import, set, run or see."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from django.conf import global_settings
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from console.entry import DIRECTIONS, Kind
from runtime.taps import HOOKS, DropReason
from tests.docs.blocks import DOCS
from tests.support.packaging import ROOT

INTERNAL = {
    "runtime.acknowledging",
    "runtime.aliases",
    "runtime.apps",
    "runtime.checks",
    "runtime.concurrency",
    "runtime.daphne",
    "runtime.environment",
    "runtime.generic",
    "runtime.guards",
    "runtime.headers",
    "runtime.jobs",
    "runtime.last_words",
    "runtime.mailbox",
    "runtime.outbox",
    "runtime.pool",
    "runtime.refusals",
    "runtime.revalidation",
    "runtime.routes",
    "runtime.security",
    "runtime.signals",
    "runtime.tasks",
    "runtime.testing.opened",
    "runtime.testing.plugin",  # its fixtures are on the page about testing
    "runtime.testing.threaded",
    "runtime.threads",
    "runtime.throttle",
}
"""Modules that are not for use from outside. Whoever adds a module decides."""

EXTENSIONS = {"http.response"}
"""What looks like an event and is the beginning of one, or the name of an extension."""

INSIDE = (
    "runtime.generic.lifecycle",
    "runtime.layers.",
    "runtime.management",
    "runtime.protocols.",
    "runtime.testing.layers.",
)
"""Beginnings of the names of modules that are internal unless the reference has them."""

REFERENCE = "\n".join(
    page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("reference/*.md"))
)
DOCUMENTED = set(re.findall(r"^\.\. automodule:: (\S+)$", REFERENCE, re.MULTILINE))
COMMANDS = sorted(
    file.stem for file in ROOT.glob("runtime/management/commands/*.py") if file.stem != "__init__"
)


def modules() -> set[str]:
    names = set()
    for file in (ROOT / "runtime").rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def rows(page: str) -> dict[str, str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, re.MULTILINE))


def test_every_module_of_the_runtime_is_documented_or_internal() -> None:
    inside = {name for name in modules() if name.startswith(INSIDE)} - DOCUMENTED
    assert modules() == DOCUMENTED | INTERNAL | inside
    assert not DOCUMENTED & INTERNAL


def test_every_kind_of_entry_is_documented_with_its_direction() -> None:
    kinds = {name: row.split(" | ")[0] for name, row in rows("reference/events.md").items()}
    expected: dict[str, str] = {kind: DIRECTIONS[kind] for kind in get_args(Kind)}
    assert {name: kinds.get(name) for name in expected} == expected


def test_every_reason_of_a_loss_is_documented() -> None:
    assert [reason for reason in get_args(DropReason) if f'| "{reason}" |' not in REFERENCE] == []


def test_every_tap_is_documented() -> None:
    documented = rows("reference/events.md")
    assert [hook for hook in HOOKS if hook not in documented] == []


def test_every_event_that_the_runtime_knows_is_documented() -> None:
    sources = [*(ROOT / "runtime").rglob("*.py")]
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    protocols = "websocket|http|lifespan|telegram|mqtt|aprs"
    events = set(re.findall(rf'"((?:{protocols})\.[a-z.]+)"', text))
    assert len(events) > 10
    pages = REFERENCE + "".join(page.read_text() for page in DOCS.glob("protocols/*.md"))
    assert [
        event for event in events if f"`{event}" not in pages and f"{event}`" not in pages
    ] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_management_command_is_documented_with_its_options(name: str) -> None:
    page = (DOCS / "reference/commands.md").read_text(encoding="utf-8")
    section = page.partition(f"## `manage.py {name}`")[2].partition("\n## ")[0]
    command = load_command_class("runtime", name)
    common = BaseCommand().create_parser("manage.py", "any")
    known = {option for action in common._actions for option in action.option_strings}
    options = {
        (action.option_strings or [action.dest])[-1]
        for action in command.create_parser("manage.py", name)._actions
        if not known & set(action.option_strings)
    }
    assert set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == options


def test_every_setting_of_the_runtime_is_documented() -> None:
    sources = [*(ROOT / "runtime").rglob("*.py")]
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    read = set(re.findall(r'"(CHANNELS_[A-Z_]+|CHANNEL_LAYERS|ASGI_APPLICATION)"', text))
    own = {name for name in read if not hasattr(global_settings, name)}
    assert set(rows("reference/settings.md")) == own


def test_what_scaling_reckons_with_is_near_what_was_measured() -> None:
    """A run on another day is another figure; half or double of it is another arithmetic."""
    found = re.findall(
        r"^\| (\w+) \| ([\d.,]+) (?:us|kB) \|", (DOCS / "performance.md").read_text(), re.MULTILINE
    )
    measured = {workload: float(figure.replace(",", "")) for workload, figure in found}
    scaling = (DOCS / "topics/scaling.md").read_text(encoding="utf-8")
    used = re.findall(r"`(\w+)`(?:: |\) \| )([\d.]+) (?:us|kB)", scaling)
    assert len(used) > 3
    for workload, figure in used:
        assert 0.5 < float(figure) / measured[workload] < 2, workload


def test_the_pages_of_the_reference_are_in_its_index() -> None:
    index = (DOCS / "reference/index.md").read_text(encoding="utf-8")
    for page in DOCS.glob("reference/*.md"):
        if page.stem != "index":
            assert re.search(rf"^{page.stem}$", index, re.MULTILINE)
