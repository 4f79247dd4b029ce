"""The fenced blocks of a page of the documentation, and what becomes of them in a test.

A block may say in its first line which file it is: `# chat/views.py`. With `, at its end` after the
name it is what is added to that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.packaging import ROOT

DOCS = ROOT / "docs"

FENCE = re.compile(r"^```([^\n`{]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:# |// |\{# |<!-- )([\w./@-]+\.\w+)(, at its end)?(?: #\}| -->)?\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        page: the page, below `docs`.
        line: where it begins there.
        language: what the fence says.
        text: what is in it.
        file: the file that it says it is, if it does.
        is_added: whether it goes to that file's end.
    """

    page: str
    line: int
    language: str
    text: str
    file: str | None
    is_added: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def write(self, project: Path) -> None:
        """Write the file that it is, or add to it."""
        assert self.file is not None
        path = project / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if self.is_added else ""
        path.write_text(before + self.text)

    def commands(self) -> Iterator[str]:
        """Yield what a person types, if this is a console."""
        if self.language == "console":
            yield from re.findall(r"^\$ (.+?)(?:\s+#.*)?$", self.text, re.MULTILINE)


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        named = NAMED.match(found[2])
        yield Block(
            page=page.relative_to(DOCS).as_posix(),
            line=text.count("\n", 0, found.start()) + 1,
            language=found[1].strip(),
            text=found[2],
            file=named[1] if named else None,
            is_added=bool(named and named[2]),
        )


def pages() -> list[Path]:
    """Return every page of the documentation, and the files beside the code."""
    return [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
