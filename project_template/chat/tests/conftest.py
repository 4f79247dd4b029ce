"""What the tests of the chat have in common."""

import pytest


@pytest.fixture
def enter(websocket_communicator):
    """A function that opens a connection to a room, as a page of this site does."""

    def enter(room):
        # Connections from pages of other sites are refused, and so is one that names none.
        headers = [(b"origin", b"http://testserver")]
        return websocket_communicator(f"/ws/chat/{room}/", headers=headers)

    return enter
