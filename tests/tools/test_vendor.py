from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from tools import vendor


def packed(**files: bytes) -> bytes:
    """Return a tarball as npm makes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pinned_to(tarball: bytes) -> vendor.Package:
    digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    return vendor.Package("toy", "1.0.0", f"sha512-{digest}", "0BSD", "toy", ("LICENSE", "toyjs"))


def serve(monkeypatch: pytest.MonkeyPatch, tarball: bytes) -> None:
    """Let `fetch` find this tarball in place of the registry's."""

    def fetch(package: vendor.Package, into: Path) -> Path:
        path = into / "toy.tgz"
        path.write_bytes(tarball)
        return path

    monkeypatch.setattr(vendor, "fetch", fetch)


def test_the_wanted_files_are_written_beside_their_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tarball = packed(LICENSE=b"free", toyjs=b"go()", unwanted=b"no")
    serve(monkeypatch, tarball)
    vendor.vendor(pinned_to(tarball), tmp_path)

    folder = tmp_path / "toy"
    assert {file.name for file in folder.iterdir()} == {"LICENSE", "toyjs", "VENDORED.json"}
    assert (folder / "toyjs").read_bytes() == b"go()"
    record = json.loads((folder / "VENDORED.json").read_text())
    assert record["files"]["toyjs"]["sha256"] == hashlib.sha256(b"go()").hexdigest()


def test_a_tarball_with_another_hash_replaces_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/toyjs").write_bytes(b"what was there")
    serve(monkeypatch, packed(LICENSE=b"free", toyjs=b"steal()"))

    with pytest.raises(vendor.VendorError, match="is pinned"):
        vendor.vendor(pinned_to(packed(LICENSE=b"free", toyjs=b"go()")), tmp_path)
    assert (tmp_path / "toy/toyjs").read_bytes() == b"what was there"


def test_a_machine_without_npm_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(vendor.VendorError, match=r"Install Node\.js"):
        vendor.fetch(vendor.PACKAGES[0], tmp_path)
