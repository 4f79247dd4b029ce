from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tools import vendor


@pytest.mark.parametrize("package", vendor.PACKAGES, ids=lambda package: package.folder)
def test_vendored_files_are_the_pinned_ones_unedited(package: vendor.Package) -> None:
    folder = vendor.VENDOR / package.folder
    record = json.loads((folder / "VENDORED.json").read_text())

    assert (record["name"], record["version"]) == (package.name, package.version)
    assert record["integrity"] == package.integrity
    assert record["licence"] == package.licence
    assert {entry["source"] for entry in record["files"].values()} == set(package.files)
    assert {name: entry["sha256"] for name, entry in record["files"].items()} == hashes(folder)


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every file but the record, so that a stray file is found too."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "VENDORED.json"
    }
