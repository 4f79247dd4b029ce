"""Compiles the hot path of the console's recorder, `tape_native`, into an extension.

Owns how that is done, and whether what was compiled is still of the source beside it.
`hatch_build.py` runs this file for a wheel and `make native` for a checkout. Without an extension
the console has `tape.py`, which does the same.

The work is done in a folder of its own, by names within it: nothing is left in the checkout, and no
path is in what comes out, so that the same sources make the same bytes.

Source: docs/decisions/0040-compiled-tape.md
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from contextlib import chdir
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1] / "console"
MODULE = "tape_native"
PARTS = (f"{MODULE}.pyx", "captured_native.pxi")
"""The files that the extension is made from; the first one takes in the others."""

COMPILE_ARGUMENTS = ["-O2", "-g0"]
LINK_ARGUMENTS = ["-Wl,-S,-x"]  # GNU's linker and Apple's: neither debugging nor local symbols
FOREIGN = ("-Wl,-rpath", "-Wl,-R")
"""How words begin that tell where this interpreter has its own libraries."""


def main(arguments: list[str]) -> int:
    """Compile into a folder, `console` if none is named, and print the file.

    Returns: the exit status: 0, or 1 after a sentence on stderr that says what is missing.
    """
    if absent := missing():
        print(f"Compiling needs {' and '.join(absent)}.", file=sys.stderr)
        return 1
    print(compile_into(Path(arguments[0]) if arguments else PACKAGE))
    return 0


def missing() -> list[str]:
    """Return what compiling needs and is not here."""
    absent = [name for name in ("Cython", "setuptools") if find_spec(name) is None]
    # On Windows setuptools finds the compiler, which is not on the PATH.
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if os.name == "posix" and shutil.which(shlex.split(compiler)[0]) is None:
        absent.append(f"a C compiler (`{compiler}`; Debian: gcc and libc6-dev)")
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        absent.append(f"the headers of Python (`{header}`; Debian: python3-dev)")
    return absent


def compile_into(folder: Path) -> Path:
    """Compile the module and return the extension, which is now in `folder`."""
    target = folder.resolve()
    with TemporaryDirectory(prefix="channelscope-") as workshop, chdir(workshop):
        package = Path(PACKAGE.name)
        package.mkdir()
        (package / "__init__.py").touch()
        for source in sources():
            shutil.copyfile(source, package / source.name)
        built = _build(package)
        # Put in its place at once: a process may be running the one that is there.
        passing = target / f".{built.name}"
        shutil.copyfile(built, passing)
        return passing.replace(target / built.name)


def compiled() -> Path | None:
    """Return the extension that this interpreter imports in this checkout, if one was made."""
    places = (PACKAGE / f"{MODULE}{suffix}" for suffix in EXTENSION_SUFFIXES)
    return next((place for place in places if place.exists()), None)


def stale() -> Path | None:
    """Return the extension that this interpreter imports, if a source has changed since."""
    extension = compiled()
    if extension is None:
        return None
    newest = max(source.stat().st_mtime_ns for source in sources())
    return extension if newest > extension.stat().st_mtime_ns else None


def sources() -> list[Path]:
    """Return the files that the extension is made from."""
    return [PACKAGE / part for part in PARTS]


def _build(package: Path) -> Path:
    """Compile in the current folder, by the means that this interpreter was itself built with."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    class Build(build_ext):
        """Forgets where this interpreter is."""

        def build_extensions(self) -> None:
            if os.name == "posix":
                words = self.compiler.linker_so
                self.compiler.linker_so = [word for word in words if not word.startswith(FOREIGN)]
            super().build_extensions()

    is_posix = os.name == "posix"
    extension = Extension(
        f"{package}.{MODULE}",
        [str(package / PARTS[0])],
        extra_compile_args=COMPILE_ARGUMENTS if is_posix else [],
        extra_link_args=LINK_ARGUMENTS if is_posix else [],
    )
    command = Build(Distribution({"ext_modules": _in_c(extension)}))
    command.build_lib = "built"
    command.build_temp = "objects"
    command.ensure_finalized()
    command.run()
    return Path(command.get_ext_fullpath(f"{package}.{MODULE}"))


def _in_c(extension: Any) -> Any:
    from Cython.Build import cythonize  # after setuptools, which brings distutils along

    # What a source takes in is looked for beside it.
    return cythonize([extension], force=True, quiet=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
