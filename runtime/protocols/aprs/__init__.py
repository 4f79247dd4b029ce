"""APRS, the packet radio of amateurs: over the internet or a radio's TNC, by `manage.py runaprs`.

The parsers are ours, by the public specifications: those that exist are not kept any more, or
have a licence that a project of this one's licence cannot hand on.
"""
