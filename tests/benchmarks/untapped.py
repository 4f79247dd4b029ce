"""The runtime without its taps: what it would cost if nobody could ever listen.

A second copy of `runtime` under the name `untapped`, made of the same source as it is imported:
each test of a tap, and what it guards, is taken out. What is left differs by nothing else.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NAME = "untapped"


def install() -> None:
    """Let `untapped` be imported from now on."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def without_taps(source: str) -> ast.Module:
    """Return the source with the tests of taps taken out, and importing from the copy."""
    tree = _Stripping().visit(ast.parse(source))
    return ast.fix_missing_locations(tree)


class _Stripping(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        if "taps.observers" in ast.unparse(node.test):
            return node.body  # what is done while there are none
        return (node.orelse or ast.Pass()) if _asks_for_tap(node.test) else node

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        return node.orelse if _asks_for_tap(node.test) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.module is not None and node.module.split(".")[0] == "runtime":
            node.module = node.module.replace("runtime", NAME, 1)
        return node

    def visit_Import(self, node: ast.Import) -> Any:
        for alias in node.names:
            if alias.name.split(".")[0] == "runtime":
                alias.name = alias.name.replace("runtime", NAME, 1)
        return node


def _asks_for_tap(test: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Attribute)
        and isinstance(part.value, ast.Name)
        and part.value.id == "taps"
        for part in ast.walk(test)
    )


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.split(".")[0] != NAME:
            return None
        place = ROOT.joinpath("runtime", *fullname.split(".")[1:])
        is_package = place.is_dir()
        file = place / "__init__.py" if is_package else place.with_suffix(".py")
        if not file.exists():
            return None
        spec = spec_from_loader(fullname, self, origin=str(file), is_package=is_package)
        assert spec is not None
        if is_package:
            spec.submodule_search_locations = [str(place)]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        origin = str(module.__spec__.origin)
        module.__file__ = origin
        code = compile(without_taps(Path(origin).read_text(encoding="utf-8")), origin, "exec")
        exec(code, module.__dict__)
