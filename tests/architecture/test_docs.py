"""What a person can set, call or type is in the documentation, or the build fails."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from console.cli import make_parser
from console.conf import Settings
from console.query_keys import BY_NAME, TABLE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LONGEST_DECISION = 60


def rows(page: str) -> dict[str, str]:
    """Return the tables of a page: the code in each first cell, and the rest of its row."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, re.MULTILINE))


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the name and the parser of each subcommand."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {name: row.split(" | ")[0] for name, row in rows("settings.md").items()}
    assert list(documented) == [field.name for field in fields(Settings)]
    for field in fields(Settings):
        said = documented[field.name].strip("`").replace("_", "")
        assert said == repr(field.default), field.name


def test_every_make_target_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)
    assert len(targets) > 1
    documented = {name for name in rows("contributing.md") if name.startswith("make ")}
    assert documented == {f"make {target}" for target in targets}


def test_every_make_target_explains_itself_and_makes_no_file() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.findall(r"^\.PHONY: ([a-z]+)$", makefile, re.MULTILINE))
    assert phony == set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert phony == set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_command_and_option_is_documented() -> None:
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    names = [name for name, _ in commands(make_parser())]
    assert names
    assert re.findall(r"^## `channelscope ([a-z]+)`$", page, re.MULTILINE) == names
    options = {
        option
        for _, parser in commands(make_parser())
        for action in parser._actions
        for option in action.option_strings
        if option not in ("-h", "--help")
    }
    assert options == {name for name in rows("command-line.md") if name.startswith("--")}


def test_every_system_check_is_documented_by_its_id() -> None:
    sources = [*ROOT.glob("runtime/**/checks.py"), *ROOT.glob("console/**/checks.py")]
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    ids = set(re.findall(r"\"((?:runtime|channelscope)\.[EW]\d{3})\"", text))
    assert len(ids) > len(sources)
    assert set(rows("checks.md")) == ids


def test_every_system_check_says_what_to_do() -> None:
    for source in (*ROOT.glob("runtime/**/checks.py"), *ROOT.glob("console/**/checks.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Error", "Warning"):
                assert {"hint", "id"} <= {argument.arg for argument in node.keywords}, node.lineno


def test_every_key_of_the_query_language_is_documented_as_the_console_shows_it() -> None:
    documented = rows("console.md")
    assert {name: documented.get(name) for name in (key.name for key in TABLE)} == {
        key.name: f"{key.meaning} | `{key.example}` | {key.where or 'both'}" for key in TABLE
    }


def test_every_other_name_of_a_key_is_documented() -> None:
    page = (DOCS / "console.md").read_text(encoding="utf-8")
    assert [name for name in BY_NAME if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("decisions/0*.md")), ids=lambda page: page.stem)
def test_a_decision_is_one_page_in_four_parts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "Rejected",
        "Consequence",
    ]
    assert text.count("\n") <= LONGEST_DECISION


PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *(page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts),
]


def headings(page: Path) -> set[str]:
    """Return the anchors of a page: what GitHub and MyST make of its headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link, anchor in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)]*))?\)", text):
        target = (page.parent / link).resolve() if link else page
        assert target.exists(), link
        if anchor:
            assert anchor in headings(target), f"{link}#{anchor}"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_what_a_newcomer_is_told_to_type_and_to_open_is_there(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"(?:^\$ |`)make ([a-z]+)", text, re.MULTILINE)
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
    files = re.findall(r"\b((?:console|docs|frontend|runtime|tests)/[\w/]+\.(?:py|md))\b", text)
    assert [file for file in files if not (ROOT / file).exists()] == []
