"""Consumers for the protocols that most projects speak: WebSocket and HTTP."""
