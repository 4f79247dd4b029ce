"""The documentation builds without a warning, and each link in it leads somewhere."""

from __future__ import annotations

from pathlib import Path

from tests.docs.blocks import DOCS, pages
from tests.docs.built import HOW, Built, build
from tests.support.packaging import ROOT

CONF = """
project = "a project"
extensions = ["myst_parser"]
html_theme = "basic"
nitpicky = True
"""


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir()
    (folder / "conf.py").write_text(CONF)
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text)
    return folder


def test_it_is_built_as_make_builds_it() -> None:
    recipe = f"\n\t$(PYTHON) {' '.join(HOW)} docs docs/_build/html\n"
    assert recipe in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_nothing_in_it_is_warned_of(built: Built) -> None:
    assert (built.status, built.said) == (0, "")


def test_every_page_is_there(built: Built) -> None:
    below = [page for page in pages() if page.is_relative_to(DOCS)]
    expected = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in below}
    assert expected <= set(built.pages)


def test_every_link_leads_somewhere(built: Built) -> None:
    assert sum(len(page.links) for page in built.pages.values()) > 500
    assert built.dead_links() == []


def test_a_link_to_a_page_that_is_not_there_fails_the_build(tmp_path: Path) -> None:
    source = write(tmp_path / "source", index="# One\n\n[two](two.md)\n")
    done = build(tmp_path / "built", source)
    assert done.status != 0
    assert "two.md" in done.said


def test_a_link_to_a_heading_that_is_not_there_is_found(tmp_path: Path) -> None:
    source = write(tmp_path / "source", index='# One\n\n<a href="#nowhere">two</a>\n')
    done = build(tmp_path / "built", source)
    assert done.status == 0  # nobody reads HTML in a page but the one who looks at what came of it
    assert "index.html: #nowhere" in done.dead_links()
