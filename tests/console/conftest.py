"""Fixtures of the console's tests."""

from __future__ import annotations

from tests.console.watching import recording

__all__ = ["recording"]
