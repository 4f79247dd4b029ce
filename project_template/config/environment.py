"""What the environment says, read in one way."""

import os


def flag(name: str) -> bool:
    """Return whether a variable says yes; one that is not set says no."""
    return os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on")


def names(name: str) -> list[str]:
    """Return the entries of a variable that lists them with commas between."""
    return [entry.strip() for entry in os.environ.get(name, "").split(",") if entry.strip()]


def text(name: str) -> str:
    """Return a variable, or nothing if it is not set."""
    return os.environ.get(name, "").strip()
