"""The fenced blocks of a page of the documentation, and what becomes of them in a test.

A block may say in its first line which file it is: `# chat/views.py`. With `, at its end` after the
name it is what is added to that file. A comment right above a block, which no reader sees, says
how it is to be taken::

    <!-- not run: needs nginx -->
    <!-- run by: tests/runtime/test_mailbox.py -->
    <!-- typed in: a clone -->

Whatever has no such reason is run: what kind of block is run by which test is said here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.packaging import ROOT

DOCS = ROOT / "docs"
BESIDE = ("README.md", "CONTRIBUTING.md")
"""Pages that are not below `docs`."""

FENCE = re.compile(r"^( *)(```+|~~~+)([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:# |// |\{# |<!-- )([\w./@-]+\.\w+)(, at its end)?(?: #\}| -->)?\n")
MARK = re.compile(r"<!-- (not run|run by|typed in): (\S[^\n]*?) -->\n\Z")

RUN_BY = {
    "console": "test_commands",
    "html+django": "test_tutorial",
    "json": "test_blocks",
    "python": "test_blocks",
    "toml": "test_blocks",
    "yaml": "test_blocks",
}
"""Which test runs, types in or reads the blocks of a language."""

SAID = "text"
"""The language of what nobody types: what a program says, or a drawing."""

PLACES = ("the project", "a clone", "an empty folder")
"""Where commands are typed; the first unless a block says otherwise."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        page: the page, below `docs`, or beside it.
        line: where it begins there.
        language: what the fence says.
        text: what is in it.
        file: the file that it says it is, if it does.
        is_added: whether it goes to that file's end.
        reason: why it is not run; empty if it is.
        elsewhere: the test of something else that runs it; empty for those of the documentation.
        place: where its commands are typed.
    """

    page: str
    line: int
    language: str
    text: str
    file: str | None = None
    is_added: bool = False
    reason: str = ""
    elsewhere: str = ""
    place: str = PLACES[0]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run_here(self) -> bool:
        """Whether the tests of the documentation run it."""
        return self.language in RUN_BY and not (self.reason or self.elsewhere)

    @property
    def is_directive(self) -> bool:
        """Whether it speaks to Sphinx, which runs it."""
        return self.language.startswith("{")

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
    yield from blocks_in(page.read_text(encoding="utf-8"), name_of(page))


def blocks_in(text: str, page: str) -> Iterator[Block]:
    """Yield the blocks of a text."""
    for found in FENCE.finditer(text):
        named = NAMED.match(found[4])
        mark = MARK.search(text, 0, found.start())
        said = {mark[1]: mark[2]} if mark else {}
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start()) + 1,
            language=found[3].strip(),
            text=found[4],
            file=named[1] if named else None,
            is_added=bool(named and named[2]),
            reason=said.get("not run", ""),
            elsewhere=said.get("run by", ""),
            place=said.get("typed in", PLACES[0]),
        )


def pages() -> list[Path]:
    """Return every page of the documentation, and those beside it."""
    below = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
    return [*below, *(ROOT / name for name in BESIDE)]


def name_of(page: Path) -> str:
    """Return what a page is called: its path below `docs`, or beside it."""
    return page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT).as_posix()


def unexplained(blocks: Iterable[Block]) -> list[str]:
    """Return the blocks that no test runs, and that do not say why."""
    return [
        f"{block} ({block.language or 'no language'})"
        for block in blocks
        if not (block.is_run_here or block.is_directive or block.reason or block.elsewhere)
        and block.language != SAID
    ]
