"""Who imports whom, read from the source without running it, and what a law says about that.

What is an import here:

- `if TYPE_CHECKING:` does not run, so it does not count.
- An import inside a function runs later. It has a direction like any other, but it closes
  no circle: to defer an import is how a circle is broken.
- `from package import name` imports the module `package.name` where there is one, and
  else the package itself.
- A package that is imported only on the way to a module inside it is not an edge, or
  every package whose `__init__` gathers its modules would be a circle.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Chain: TypeAlias = Sequence[str | tuple[str, ...]]
"""Modules from left to right; those in a tuple stand side by side and may import each other."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import of one module by another."""

    importer: str
    imported: str
    line: int
    is_deferred: bool

    def __str__(self) -> str:
        return f"{self.importer} (line {self.line}) imports {self.imported}"


Graph: TypeAlias = Mapping[str, Sequence[Import]]
"""Each module of our own, and what it imports: our own modules and others'."""


def read(root: Path, packages: Iterable[str]) -> Graph:
    """Return the imports of every module of these packages below `root`."""
    files = {_name(file, root): file for one in packages for file in (root / one).rglob("*.py")}
    return {name: list(_imports(name, file, files)) for name, file in files.items()}


def strays(graph: Graph, chain: Chain) -> list[str]:
    """Return a sentence for each import from right to left.

    A module that the chain does not name may be imported by any, but is no way round it:
    what it imports counts for whoever imports it.
    """
    ranks = {name: rank for rank, step in enumerate(chain) for name in names(step)}
    found = []
    for module in graph:
        owner = _owner(module, ranks)
        for way in _ways(graph, module, ranks) if owner else ():
            target = _owner(way[-1].imported, ranks)
            if target and ranks[target] > ranks[owner or ""]:
                found.append(" and ".join(map(str, way)) + f", but {target} is above {owner}")
    return found


def circles(graph: Graph) -> list[str]:
    """Return each circle of imports that run at import time, as `a > b > a`."""
    edges = {
        name: sorted({one.imported for one in found if not one.is_deferred} & graph.keys())
        for name, found in graph.items()
    }
    done: set[str] = set()
    return [" > ".join(circle) for name in edges for circle in _walk(name, edges, (), done)]


def forbidden(graph: Graph, importers: str, imported: Iterable[str]) -> list[str]:
    """Return a sentence for each import in the package `importers` of one of `imported`."""
    return [
        str(one)
        for module, found in graph.items()
        if _is_in(module, importers)
        for one in found
        if any(_is_in(one.imported, other) for other in imported)
    ]


def impure(graph: Graph, module: str, banned: Iterable[str]) -> list[str]:
    """Return a sentence for each way in which `module` comes to import one of `banned`."""
    banned = tuple(banned)
    return [
        " and ".join(map(str, way))
        for way in _ways(graph, module, ())
        if any(_is_in(way[-1].imported, other) for other in banned)
    ]


def names(step: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules of one step of a chain."""
    return (step,) if isinstance(step, str) else step


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _owner(module: str, names: Collection[str]) -> str | None:
    """Return the longest of `names` that is this module or a package that holds it."""
    return max((name for name in names if _is_in(module, name)), key=len, default=None)


def _ways(graph: Graph, module: str, stops: Collection[str]) -> Iterator[tuple[Import, ...]]:
    """Yield the ways from `module` to what it reaches; none goes on beyond one of `stops`."""
    seen = {module}
    todo: list[tuple[Import, ...]] = [(one,) for one in graph[module]]
    for way in todo:
        yield way
        reached = way[-1].imported
        if reached in graph and reached not in seen and not _owner(reached, stops):
            seen.add(reached)
            todo.extend((*way, one) for one in graph[reached])


def _walk(
    name: str, edges: Mapping[str, Sequence[str]], path: tuple[str, ...], done: set[str]
) -> Iterator[tuple[str, ...]]:
    if name in path:
        yield (*path[path.index(name) :], name)
    elif name not in done:
        for target in edges[name]:
            yield from _walk(target, edges, (*path, name), done)
        done.add(name)


def _name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, file: Path, known: Mapping[str, Path]) -> Iterator[Import]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node, is_deferred in _statements(ast.parse(file.read_text(encoding="utf-8")), False):
        for target in _targets(node, package, known):
            if target != name:
                yield Import(name, target, node.lineno, is_deferred)


def _statements(
    parent: ast.AST, is_deferred: bool
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, is_deferred
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            for other in node.orelse:
                yield from _statements(ast.Module([other], []), is_deferred)
        else:
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _statements(node, is_deferred or is_function)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _targets(
    node: ast.Import | ast.ImportFrom, package: str, known: Mapping[str, Path]
) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parts = package.split(".")
        base = ".".join(parts[: len(parts) - node.level + 1] + ([base] if base else []))
    is_ours = base.partition(".")[0] in known
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        # Of others' code nobody here knows what is a module: the longer name says the most.
        yield inner if inner in known or not is_ours else base
