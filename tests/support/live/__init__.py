"""A project with a page, a static file and a WebSocket, for test cases behind a real server."""
