"""What was seen, in the formats of other tools: one module a format.

Each takes what may be shown, which is redacted already, and returns text. Nothing here
reads the ring, answers a request or knows a page.
"""
