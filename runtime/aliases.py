"""`channels` and `channels_redis` as other names of this package's modules.

Owns the finder that answers for those names, and the refusal to do so beside the real
packages. A module that is imported under both names is one object, and goes by its own
name. Called through `runtime.install_as_channels()`, before Django is set up.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import runtime

REDIS_MODULES = {
    "channels_redis.core": "runtime.layers.redis",
    "channels_redis.pubsub": "runtime.layers.pubsub",
    "channels_redis.serializers": "runtime.layers.serializers",
    "channels_redis.utils": "runtime.layers.redis_utils",
}
"""Modules of the Redis layers, which do not mirror the names that they answer to."""

REDIS_VERSION = "4.3.0"
"""The version of the channels_redis API that the Redis layers answer for."""


def install() -> None:
    """Let imports of `channels` and `channels_redis` mean this package.

    Raises:
        RuntimeError: one of the real packages has been imported.
    """
    if any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        return
    for name in ("channels", "channels_redis"):
        if name in sys.modules:
            where = getattr(sys.modules[name], "__file__", None)
            raise RuntimeError(
                f"{name!r} has been imported from {where} already: call"
                " runtime.install_as_channels() before anything that imports it, first thing in"
                " manage.py and asgi.py."
            )
    sys.meta_path.insert(0, AliasFinder())
    sys.modules["channels"] = runtime


class AliasFinder(MetaPathFinder):
    """Finds the modules of this package under the names of those that they answer for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import `fullname`, if it is a name that is answered for here."""
        if fullname == "channels_redis":
            return ModuleSpec(fullname, RedisPackageLoader(), is_package=True)
        real_name = _real_name(fullname)
        if real_name is None:
            return None
        if find_spec(real_name) is not None:
            return ModuleSpec(fullname, AliasLoader(real_name))
        if fullname in REDIS_MODULES:
            raise ModuleNotFoundError(_no_redis(fullname), name=fullname)
        return None


class AliasLoader(Loader):
    """Gives the module `real_name` for an import of another name."""

    def __init__(self, real_name: str) -> None:
        self.real_name = real_name

    def exec_module(self, module: ModuleType) -> None:
        """Put the real module in the place of `module`, which is empty.

        Handing it over from `create_module()` instead would overwrite its `__spec__`.
        """
        sys.modules[module.__name__] = importlib.import_module(self.real_name)


class RedisPackageLoader(Loader):
    """Makes the package `channels_redis`, which has modules in it and no code."""

    def exec_module(self, module: ModuleType) -> None:
        """Say what an importer may ask of the package.

        Raises:
            ModuleNotFoundError: there is no Redis layer, so whoever probes for one finds none.
        """
        if not any(find_spec(real_name) for real_name in REDIS_MODULES.values()):
            raise ModuleNotFoundError(_no_redis(module.__name__), name=module.__name__)
        vars(module)["__version__"] = REDIS_VERSION


def _real_name(alias: str) -> str | None:
    if alias == "channels" or alias.startswith("channels."):
        return "runtime" + alias.removeprefix("channels")
    return REDIS_MODULES.get(alias)


def _no_redis(name: str) -> str:
    return (
        f"{name!r} means this runtime, after runtime.install_as_channels(), and this runtime has no"
        " Redis layer yet. Use 'channels.layers.InMemoryChannelLayer' as the BACKEND."
    )
