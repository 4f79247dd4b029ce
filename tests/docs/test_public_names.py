"""Every name that a project may use is among the entries that Sphinx has really made."""

from __future__ import annotations

import re
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from runtime.layers.acknowledged import AcknowledgingLayer
from runtime.taps import Observer
from tests.docs.blocks import DOCS
from tests.docs.built import Built
from tests.docs.public_names import Reference
from tests.docs.test_reference import DOCUMENTED, REFERENCE
from tests.support.packaging import ROOT

MENTIONED = re.compile(r"^from ((?:runtime|console)[\w.]*) import \(?([^)\n#]+)", re.MULTILINE)
PAGES = [page for page in DOCS.rglob("*.md") if not {"_build", "decisions"} & set(page.parts)]

SOURCE = '''
import logging

logger = logging.getLogger("shop")
LIMIT = 5
"""How many."""

DEPTH = 3
_secret = 1


class Shop:
    """A shop.

    Attributes:
        name: over the door.
    """

    name = ""
    street = ""

    def open(self) -> None:
        """Open the door."""

    def close(self) -> None:
        """Close it."""

    def _count(self) -> None: ...


def sell() -> None:
    """Sell something."""
'''


def reference(built: Built) -> Reference:
    return Reference(built.entries, DOCUMENTED, (AcknowledgingLayer, Observer))


@pytest.fixture
def shop(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module that is in no reference."""
    (tmp_path / "shop_of_names.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return import_module("shop_of_names")


@pytest.mark.parametrize("module", sorted(DOCUMENTED))
def test_every_public_name_of_a_module_has_its_entry(module: str, built: Built) -> None:
    assert list(reference(built).missing(import_module(module))) == []


@pytest.mark.parametrize(
    "name",
    [
        "runtime.consumer.get_handler_name",
        "runtime.generic.websocket.AsyncWebsocketConsumer.accept",
        "runtime.generic.lifecycle.WebsocketLifecycle.coalesce_key",
        "runtime.layers.base.BaseChannelLayer.MAX_NAME_LENGTH",
        "runtime.layers.registry.channel_layers",
        "runtime.taps.Observer.scope_opened",
        "runtime.typing.Receive",
    ],
)
def test_one_that_has_none_is_found(name: str, built: Built) -> None:
    assert name in built.entries
    without = Reference(built.entries - {name}, DOCUMENTED)
    module = max((each for each in DOCUMENTED if name.startswith(f"{each}.")), key=len)
    assert name in list(without.missing(import_module(module)))


def test_a_new_module_is_missing_with_all_that_is_public_and_nothing_else(shop: ModuleType) -> None:
    assert list(Reference(frozenset(), frozenset()).missing(shop)) == [
        "shop_of_names.LIMIT",
        "shop_of_names.DEPTH",
        "shop_of_names.Shop",
        "shop_of_names.Shop.street",
        "shop_of_names.Shop.open",
        "shop_of_names.Shop.close",
        "shop_of_names.sell",
    ]


def test_what_a_class_has_from_a_base_without_an_entry_is_missing(built: Built) -> None:
    method = "runtime.layers.memory.InMemoryChannelLayer.take_job"
    memory = import_module("runtime.layers.memory")
    assert method in list(Reference(built.entries, DOCUMENTED).missing(memory))
    assert method not in list(reference(built).missing(memory))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_what_a_page_imports_has_its_entry(page: Any, built: Built) -> None:
    for module, names in MENTIONED.findall(page.read_text(encoding="utf-8")):
        for name in re.findall(r"\w+", names):
            value = getattr(import_module(module), name, None) or import_module(f"{module}.{name}")
            home = getattr(value, "__module__", module)
            known = {f"{module}.{name}", f"{home}.{name}"} & built.entries
            is_module = isinstance(value, ModuleType) and f"{module}.{name}." in str(built.entries)
            assert known or is_module, f"{module}.{name}"


def test_every_logger_is_documented_by_its_name_or_by_one_above_it() -> None:
    page = (DOCS / "topics/observing.md").read_text(encoding="utf-8")
    documented = set(
        re.findall(r"`([a-z][\w.]+)`", page.partition("## Logs")[2].partition("##")[0])
    )
    sources = [*ROOT.glob("runtime/**/*.py"), *ROOT.glob("console/**/*.py")]
    text = "".join(file.read_text("utf-8") for file in sources if "demo" not in file.parts)
    used = set(re.findall(r'getLogger\("([\w.]+)"\)', text))
    assert len(used) > 10
    assert {name for name in used if not _and_above(name) & documented} == set()


def test_every_permission_and_hook_of_the_console_is_documented() -> None:
    sources = "".join(file.read_text("utf-8") for file in ROOT.glob("console/**/*.py"))
    found = set(re.findall(r'= "(channelscope_console\.\w+)"', sources))
    found |= set(re.findall(r'"(channelscope_redact)"', sources))
    assert len(found) > 3
    assert {name for name in found if f"`{name}`" not in REFERENCE} == set()


def _and_above(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:end]) for end in range(2, len(parts) + 1)} | {name}
