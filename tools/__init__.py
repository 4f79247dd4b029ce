"""What the Makefile calls: scripts of the repository, in the standard library, not installed."""
