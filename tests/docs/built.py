"""The documentation as Sphinx builds it: what it said meanwhile, its entries, its pages."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from sphinx.util.inventory import InventoryFile

from tests.support.packaging import ROOT
from tests.support.saying import said_by

HOW = ("-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html")
"""What `make docs` asks of Python, before it says where."""


@dataclass(frozen=True)
class Built:
    """The documentation, built.

    Attributes:
        folder: where the pages are.
        status: what Sphinx ended with; a warning is an error.
        said: what it said.
    """

    folder: Path
    status: int
    said: str

    @cached_property
    def entries(self) -> frozenset[str]:
        """The dotted names that the reference has entries for."""
        inventory = InventoryFile.loads((self.folder / "objects.inv").read_bytes(), uri="")
        return frozenset(
            name
            for kind, found in inventory.data.items()
            if kind.startswith("py:") and kind != "py:module"
            for name in found
        )

    @cached_property
    def pages(self) -> dict[str, Page]:
        """The pages, by their path below the folder."""
        return {
            file.relative_to(self.folder).as_posix(): Page(file.read_text(encoding="utf-8"))
            for file in sorted(self.folder.rglob("*.html"))
        }

    def dead_links(self) -> list[str]:
        """Return the links from page to page that lead nowhere."""
        return [
            f"{name}: {link}"
            for name, page in self.pages.items()
            for link in page.links
            if not self._leads_somewhere(name, link)
        ]

    def _leads_somewhere(self, page: str, link: str) -> bool:
        path, _, anchor = link.partition("#")
        file = (self.folder / page).parent / path if path else self.folder / page
        if not file.resolve().is_file():
            return False
        target = file.resolve().relative_to(self.folder.resolve()).as_posix()
        return not anchor or target not in self.pages or anchor in self.pages[target].anchors


class Page:
    """One page of HTML.

    Attributes:
        links: where it leads within the documentation, pictures and styles included.
        anchors: what can be led to in it.
    """

    def __init__(self, text: str) -> None:
        found = re.findall(r'\s(?:href|src)="([^"]*)"', text)
        self.links = {
            unquote(unescape(link).partition("?")[0])
            for link in found
            if not re.match(r"[a-z][a-z+.-]*:|//", link)
        } - {"#"}
        self.anchors = {unescape(anchor) for anchor in re.findall(r'\sid="([^"]+)"', text)}


def build(folder: Path, source: Path = ROOT / "docs") -> Built:
    """Build the documentation into `folder`, as `make docs` does."""
    return Built(folder, *said_by([sys.executable, *HOW, str(source), str(folder)], cwd=ROOT))
