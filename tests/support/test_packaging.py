from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.packaging import UNCOMPILED
from tests.support.saying import said_by


def test_what_is_installed_for_a_test_is_not_compiled(pure_wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    environment = os.environ | UNCOMPILED
    status, said = said_by([*pip, "--target", str(tmp_path), str(pure_wheel)], env=environment)
    assert status == 0, said
    assert (tmp_path / "console/apps.py").exists()
    assert list(tmp_path.rglob("*.pyc")) == []
