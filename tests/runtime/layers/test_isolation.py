from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from runtime.layers.isolation import copier, isolate

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
messages = st.dictionaries(st.text(max_size=3), values, max_size=4)


def spoil(value):
    """Change everything in `value` that can be changed."""
    if isinstance(value, dict):
        for inner in value.values():
            spoil(inner)
        value["spoiled"] = True
    elif isinstance(value, list):
        for inner in value:
            spoil(inner)
        value.append("spoiled")


@given(messages)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(message):
    copy = copier(message)
    first, second, expected = copy(), copy(), isolate(message)
    assert first == second == expected == message
    spoil(first)
    assert second == expected == message


@given(messages)
def test_a_copier_gives_the_message_as_it_was(message):
    expected = isolate(message)
    copy = copier(message)
    spoil(message)
    assert copy() == expected


def test_values_that_cannot_be_serialised_are_copied_too():
    class Custom:
        def __init__(self):
            self.inner = []

    message = {"type": "x", "price": [Decimal("1.5")], "custom": Custom()}
    first, second = copier(message)(), copier(message)()
    first["custom"].inner.append(1)
    assert second["custom"].inner == message["custom"].inner == []
    assert second["price"] == [Decimal("1.5")]
