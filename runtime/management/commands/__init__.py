"""The runtime's management commands, one a module."""
