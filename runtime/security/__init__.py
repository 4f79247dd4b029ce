"""Protection of connections against pages of other sites."""
