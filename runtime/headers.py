"""The headers of a connection, read from its scope.

Owns only the looking up. What a header means is for those who ask: cookies in
`runtime.sessions`, the origin in `runtime.security`.

Source: ASGI specification, "HTTP Connection Scope", `headers`
"""

from runtime.exceptions import MalformedHeaders
from runtime.typing import Scope


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of every header of that name, in order.

    Args:
        name: in lower case, as servers give it.

    Raises:
        MalformedHeaders: what the scope has are no pairs of bytes.
    """
    headers = scope.get("headers") or ()
    try:
        values = [value for key, value in headers if key == name]
    except (TypeError, ValueError):
        raise MalformedHeaders(headers) from None
    if not all(isinstance(value, bytes) for value in values):
        raise MalformedHeaders(headers)
    return values
