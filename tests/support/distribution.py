"""Which tests one process runs, when several processes share the tests.

Owns the choice: what is costly to start is started once, so the tests that share it stay together;
any others stay with those of their module, or of their class. Those in a browser are begun by one
process, while the others do what else there is. Those that measure how soon something is seen come
last, when nothing else runs. Knows nothing of what the tests are about. Called by pytest-xdist,
through `tests/conftest.py`.

Source: docs/decisions/0032-tests-in-several-processes.md
"""

from __future__ import annotations

from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = {
    "tests/demo/test_running.py": "one wheel",
    "tests/docs/test_built.py": "one documentation",
    "tests/docs/test_public_names.py": "one documentation",
    "tests/docs/test_reference.py": "one documentation",
    "tests/frontend/": "one wheel",
    "tests/project_template/": "one wheel",
    "tests/test_hatch_build.py": "one wheel",
}
"""What tests share, by how their node ids begin."""

ALONE: Final = {
    "tests/e2e/test_within_a_second.py": "alone: what is promised within a second",
}
"""The same, of tests beside which no others run."""

IN_A_BROWSER: Final = "tests/e2e/"
"""Which tests share a browser and a demo, and wait more than they compute."""


class ByWhatIsShared(LoadScopeScheduling):
    """Gives each process the tests of one module or class, or those that share a costly thing."""

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # the long ones come early in the alphabet

    def remove_node(self, node: Any) -> str | None:
        """Take note that a process has ended; the last one may have waited for it."""
        crashed = super().remove_node(node)
        for other in self.nodes:
            self._reschedule(other)
        return crashed

    def _split_scope(self, nodeid: str) -> str:
        return home_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        is_first = node is self.nodes[0]
        # The smallest of equals is the first of them, so what is left stays in its order.
        home = min(self.workqueue, key=lambda home: _lateness(home, is_first))
        self.workqueue.move_to_end(home, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        first, *others = self.nodes
        if others and self.workqueue and set(self.workqueue) <= set(ALONE.values()):
            # Who has ended is no more among the nodes: then the first goes on.
            if node is not first and not node.shutting_down:
                node.shutdown()
            return
        super()._reschedule(node)


def home_of(test: str) -> str:
    """Return what the tests have in common that stay together with `test`.

    Args:
        test: its node id, such as `tests/e2e/test_keyboard.py::test_a_key[n]`.
    """
    for beginning, shared in (TOGETHER | ALONE).items():
        if test.startswith(beginning):
            return shared
    return test.partition("[")[0].rpartition("::")[0]


def _lateness(home: str, is_first: bool) -> int:
    if home in ALONE.values():
        return 2
    # One browser for one process, for as long as the others have something else to do.
    return int(home.startswith(IN_A_BROWSER) is not is_first)
