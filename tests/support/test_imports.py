"""The readers of the import law, tried on trees that break it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.support import imports

MakeGraph: TypeAlias = Callable[..., imports.Graph]

CHAIN: imports.Chain = ("app.low", ("app.left", "app.right"), "app.high")


@pytest.fixture
def graph_of(tmp_path: Path) -> MakeGraph:
    """Return a function that writes a package `app` and reads its imports."""

    def make(**sources: str) -> imports.Graph:
        (tmp_path / "app").mkdir()
        for name in {"__init__", "low", "left", "right", "high", *sources}:
            file = tmp_path / "app" / f"{name.replace('__in__', '/')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(sources.get(name, ""))
        return imports.read(tmp_path, ["app"])

    return make


def test_an_import_from_left_to_right_is_no_stray(graph_of: MakeGraph) -> None:
    graph = graph_of(high="from app.left import x\nfrom app import low", left="import app.low")
    assert imports.strays(graph, CHAIN) == []


@pytest.mark.parametrize(
    "source",
    [
        "import app.high",
        "from app.high import x",
        "from app import high",
        "from . import high",
        "from .high import x",
        "def later():\n    from app import high",
        "try:\n    import app.high\nexcept ImportError:\n    pass",
    ],
)
def test_an_import_from_right_to_left_is_found_however_it_is_written(
    graph_of: MakeGraph, source: str
) -> None:
    (stray,) = imports.strays(graph_of(low=source), CHAIN)
    assert stray.startswith("app.low (line ")
    assert stray.endswith("imports app.high, but app.high is above app.low")


def test_a_module_that_the_chain_does_not_name_is_no_way_round_it(graph_of: MakeGraph) -> None:
    graph = graph_of(low="import app.helper", helper="import app.high")
    (stray,) = imports.strays(graph, CHAIN)
    assert stray == (
        "app.low (line 1) imports app.helper and app.helper (line 1) imports app.high,"
        " but app.high is above app.low"
    )


def test_a_part_of_a_package_stands_where_the_package_stands(graph_of: MakeGraph) -> None:
    graph = graph_of(low="import app.deep.part", deep__in__part="")
    assert imports.strays(graph, ("app.low", "app.deep")) != []


def test_neighbours_may_import_each_other(graph_of: MakeGraph) -> None:
    graph = graph_of(left="import app.right")
    assert imports.strays(graph, CHAIN) == []


def test_an_import_for_annotations_does_not_count(graph_of: MakeGraph) -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.high"
    graph = graph_of(low=source, high="import app.low")
    assert imports.strays(graph, CHAIN) == []
    assert imports.circles(graph) == []


def test_a_circle_is_found_whoever_begins_it(graph_of: MakeGraph) -> None:
    graph = graph_of(
        left="import app.right", right="from app.high import x", high="import app.left"
    )
    (circle,) = imports.circles(graph)
    assert set(circle.split(" > ")) == {"app.left", "app.right", "app.high"}


def test_a_deferred_import_closes_no_circle(graph_of: MakeGraph) -> None:
    graph = graph_of(left="import app.right", right="def later():\n    import app.left")
    assert imports.circles(graph) == []


def test_a_package_may_gather_its_own_modules(graph_of: MakeGraph) -> None:
    graph = graph_of(__init__="from app.high import x", high="from app.low import y")
    assert imports.circles(graph) == []


def test_a_forbidden_package_is_found_in_every_module(graph_of: MakeGraph) -> None:
    graph = graph_of(left="from console.relay import relay", right="import consoles")
    assert imports.forbidden(graph, "app", ["console"]) == [
        "app.left (line 1) imports console.relay.relay"
    ]


def test_what_is_impure_is_found_through_others_too(graph_of: MakeGraph) -> None:
    graph = graph_of(low="import app.helper", helper="from django import http", left="import json")
    assert imports.impure(graph, "app.left", ["django.http"]) == []
    assert imports.impure(graph, "app.low", ["django.http"]) == [
        "app.low (line 1) imports app.helper and app.helper (line 1) imports django.http"
    ]
