"""Fetch the third-party front-end files at their pinned versions: what `make vendor` runs.

Owns the pins. A package comes from the npm registry by its name, its tarball has to
match the pinned hash before anything is unpacked, and its files are written unedited
beside a `VENDORED.json` that says what they are. A test compares the files with it.

To move to another version: change the pin, run `make vendor`, commit what changed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "frontend/static/console/vendor"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package at one version, and the files of it that the console serves."""

    name: str
    version: str
    integrity: str
    licence: str
    folder: str
    files: tuple[str, ...]


PACKAGES = (
    Package(
        name="htmx.org",
        version="4.0.1",
        integrity=(
            "sha512-oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/"
            "w7o2EAbTYUG5SDW1R60mdkdqGg=="
        ),
        licence="0BSD",
        folder="htmx",
        files=(
            "LICENSE",
            "dist/htmx.min.js",
            "dist/ext/hx-ws.min.js",
        ),
    ),
    Package(
        name="uplot",
        version="1.6.32",
        integrity=(
            "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/"
            "ep3tOkyTxpiQIw=="
        ),
        licence="MIT",
        folder="uplot",
        files=(
            "LICENSE",
            "dist/uPlot.esm.js",
            "dist/uPlot.min.css",
        ),
    ),
)


class VendorError(Exception):
    """A package could not be fetched, or is not what was pinned."""


def main() -> int:
    """Fetch every package; return 1 after a sentence on stderr if one cannot be had."""
    try:
        for package in PACKAGES:
            vendor(package, VENDOR)
    except VendorError as error:
        print(f"make vendor: {error}", file=sys.stderr)
        return 1
    return 0


def vendor(package: Package, root: Path) -> None:
    """Replace the package's folder under `root` by the files of its pinned version."""
    with tempfile.TemporaryDirectory() as scratch:
        tarball = fetch(package, Path(scratch))
        verify(package, tarball.read_bytes())
        contents = unpack(package, tarball)
    folder = root / package.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, content in contents.items():
        (folder / Path(file).name).write_bytes(content)
    (folder / "VENDORED.json").write_text(json.dumps(describe(package, contents), indent=2) + "\n")
    print(f"{package.name} {package.version}: {len(contents)} files in {package.folder}/")


def fetch(package: Package, into: Path) -> Path:
    """Download the package's tarball with npm.

    Raises:
        VendorError: npm is not installed, or could not get the package.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError("npm was not found. Install Node.js: it is needed for this target alone.")
    wanted = f"{package.name}@{package.version}"
    command = [npm, "pack", wanted, "--silent", "--pack-destination", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    tarballs = list(into.glob("*.tgz"))
    if done.returncode or len(tarballs) != 1:
        raise VendorError(f"npm could not fetch {wanted}: {done.stderr.strip()}")
    return tarballs[0]


def verify(package: Package, tarball: bytes) -> None:
    """Compare the tarball with the pin.

    Raises:
        VendorError: it is another file than the one that was pinned.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if found != package.integrity:
        raise VendorError(
            f"{package.name} {package.version} has the hash {found}, but {package.integrity} is"
            " pinned. Do not use this file before you know why it changed."
        )


def unpack(package: Package, tarball: Path) -> dict[str, bytes]:
    """Return the wanted files of the tarball, which npm puts below `package/`."""
    contents = {}
    with tarfile.open(tarball) as archive:
        for file in package.files:
            member = archive.extractfile(f"package/{file}")
            if member is None:
                raise VendorError(f"{file} in {package.name} is not a file.")
            contents[file] = member.read()
    return contents


def describe(package: Package, contents: dict[str, bytes]) -> dict[str, object]:
    """Return what `VENDORED.json` says: where the files come from and what they have to be."""
    return {
        "name": package.name,
        "version": package.version,
        "integrity": package.integrity,
        "licence": package.licence,
        "files": {
            Path(file).name: {"source": file, "sha256": hashlib.sha256(content).hexdigest()}
            for file, content in contents.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main())
