"""Layer messages of all kinds, for property tests."""

from __future__ import annotations

from hypothesis import strategies as some

texts = some.text(some.characters(codec="utf-8"), max_size=20)

values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**64 - 1)
    | some.floats(allow_nan=False)
    | texts
    | some.binary(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)

portable_messages = some.dictionaries(texts, values, max_size=5)
"""Whatever the contract of channel layers lets through."""

causes = some.tuples(texts, texts)
