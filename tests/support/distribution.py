"""Which tests one process runs, when several processes share the tests.

Owns the choice: what is costly to start is started once, so the tests that share it stay together;
any others stay with those of their module, or of their class. Knows nothing of what the tests
are about. Called by pytest-xdist, through `tests/conftest.py`.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = {
    "tests/demo/test_running.py": "one wheel",
    "tests/e2e/": "one browser and one demo",
    "tests/frontend/": "one wheel",
    "tests/project_template/": "one wheel",
}
"""What tests share, by how their node ids begin."""


class ByWhatIsShared(LoadScopeScheduling):
    """Gives each process the tests of one module or class, or those that share a costly thing."""

    def _split_scope(self, nodeid: str) -> str:
        return home_of(nodeid)


def home_of(test: str) -> str:
    """Return what the tests have in common that stay together with `test`.

    Args:
        test: its node id, such as `tests/e2e/test_keyboard.py::test_a_key[n]`.
    """
    for beginning, shared in TOGETHER.items():
        if test.startswith(beginning):
            return shared
    return test.partition("[")[0].rpartition("::")[0]
