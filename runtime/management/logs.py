"""What a command that serves says while it does.

Owns the level that a verbosity asks for, and a way out for the log where the project has none.
Used by the management commands of this package.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

LEVELS = {0: logging.ERROR, 1: logging.INFO}
"""What is logged at a verbosity; at a higher one, everything is."""


@contextmanager
def heard(logger: logging.Logger, verbosity: int) -> Iterator[None]:
    """Log what `logger` says, as the verbosity asks, and to standard error if nobody else does.

    Without DEBUG, Django's own configuration mails errors and writes nothing.
    """
    level = logger.level
    logger.setLevel(LEVELS.get(verbosity, logging.DEBUG))
    handler = None if _reaches_a_stream(logger) else logging.StreamHandler()
    if handler is not None:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        if handler is not None:
            logger.removeHandler(handler)


def _reaches_a_stream(logger: logging.Logger) -> bool:
    record = logging.makeLogRecord({"name": logger.name, "levelno": logging.ERROR})
    at: logging.Logger | None = logger
    while at is not None:
        for handler in at.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.filter(record):
                return True
        at = at.parent if at.propagate else None
    return False
