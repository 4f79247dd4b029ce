"""The documentation, built once for all tests of it."""

from __future__ import annotations

import pytest

from tests.docs.built import Built, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return the documentation of this checkout."""
    return build(tmp_path_factory.mktemp("documentation"))
