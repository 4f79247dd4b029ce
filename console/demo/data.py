"""The folder in which the demo keeps what it writes: its database and its secret key.

Owns where that folder is and how the key comes to be. Called by `settings` alone,
so nothing of Django may be imported here.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

KEY_FILE = "secret-key"


def data_directory() -> Path:
    """Return the folder that CHANNELSCOPE_DATA names, `.channelscope` by default; make it.

    Returns: an absolute path, so that a later change of directory moves nothing.
    """
    directory = Path(os.environ.get("CHANNELSCOPE_DATA") or ".channelscope").resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def secret_key(directory: Path) -> str:
    """Return the secret key kept in `directory`; the first call draws it.

    It lives beside the database, readable by its owner alone: a key in the
    repository would be everybody's, and a new one at each start would sign everybody out.
    """
    path = directory / KEY_FILE
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(50))
    return path.read_text(encoding="ascii").strip()


def _write_once(path: Path, text: str) -> None:
    """Write a private file that appears whole or not at all; the first writer wins.

    Two processes may start together: a link fails where the name is taken, so both
    then read the same key, and neither can read half of one.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
