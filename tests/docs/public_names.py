"""What a module offers to whoever imports it, and which of that the reference has no entry for.

A name is public if it has no underscore at its beginning, and is defined in the module or listed
in `__all__`; of a class, what it defines, and what it has from bases that are not documented
themselves. An attribute may be described in its class's docstring instead of having an entry.
"""

from __future__ import annotations

import ast
import inspect
import logging
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

NOT_NAMES = (logging.Logger, ModuleType, ParamSpec, TypeVar)
"""What annotations and logging need, and nobody imports: loggers have names of their own."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the reference has.

    Attributes:
        entries: the dotted name of each entry.
        modules: the modules that are documented as a whole.
        extensions: documented protocols, whose methods layers have from bases of their own.
    """

    entries: Collection[str]
    modules: Collection[str]
    extensions: Collection[type] = ()

    def missing(self, module: ModuleType) -> Iterator[str]:
        """Yield the public names of a module that have no entry, with those of its classes."""
        for name in names_of(module):
            value = getattr(module, name)
            if isinstance(value, NOT_NAMES):
                continue
            dotted = f"{module.__name__}.{name}"
            if not self._has(dotted, value):
                yield dotted
            if isinstance(value, type):
                yield from self._missing_in(dotted, value)

    def _has(self, dotted: str, value: Any) -> bool:
        if dotted in self.entries:
            return True
        name = dotted.rpartition(".")[2]
        home = getattr(value, "__module__", None)
        if isinstance(value, type) or callable(value):
            return f"{home}.{name}" in self.entries
        # A constant does not know where it is from: any module that has the very same will do.
        return any(
            f"{other}.{name}" in self.entries
            and getattr(sys.modules.get(other), name, None) is value
            for other in self.modules
        )

    def _missing_in(self, dotted: str, cls: type) -> Iterator[str]:
        for base in cls.__mro__:
            if base is not cls and (not is_beside(cls, base) or base.__module__ in self.modules):
                continue
            owners = {dotted, *self._names_for(base)}
            for name in members_of(base):
                if not self._has_member(name, owners, (cls, base)):
                    yield f"{dotted}.{name}"

    def _names_for(self, cls: type) -> Iterator[str]:
        yield f"{cls.__module__}.{cls.__qualname__}"
        for other in self.modules:
            if getattr(sys.modules.get(other), cls.__name__, None) is cls:
                yield f"{other}.{cls.__name__}"

    def _has_member(self, name: str, owners: Collection[str], classes: tuple[type, ...]) -> bool:
        return (
            any(f"{owner}.{name}" in self.entries for owner in owners)
            or any(name in described_in(cls) for cls in classes)
            or any(name in vars(extension) for extension in self.extensions)
            or is_overridden(name, classes[0])
        )


def names_of(module: ModuleType) -> Iterator[str]:
    """Yield the public names of a module: its `__all__`, and what its source defines."""
    listed: list[str] = list(getattr(module, "__all__", ()))
    yield from listed
    for node in ast.parse(inspect.getsource(module)).body:
        for name in defined_by(node):
            if not name.startswith("_") and name not in listed:
                yield name


def defined_by(node: ast.stmt) -> Iterator[str]:
    """Yield what a statement of a module defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def members_of(cls: type) -> Iterator[str]:
    """Yield the public names that a class itself defines; a contract's tests are not called."""
    for name in {**vars(cls), **vars(cls).get("__annotations__", {})}:
        if not name.startswith(("_", "test_")):
            yield name


def described_in(cls: type) -> set[str]:
    """Return the attributes and arguments that a class's docstring says something of."""
    return set(re.findall(r"^ +`?(\w+)`?: ", cls.__doc__ or "", re.MULTILINE))


def is_beside(cls: type, base: type) -> bool:
    """Return whether a base is of the same package, and not somebody else's."""
    return cls.__module__.partition(".")[0] == base.__module__.partition(".")[0]


def is_overridden(name: str, cls: type) -> bool:
    """Return whether a name is that of a base of somebody else's, who documents it."""
    return any(name in vars(base) for base in cls.__mro__ if not is_beside(cls, base))
