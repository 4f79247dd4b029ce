"""The console's pages: one module a page, each says what it shows and what changed since.

A page is made from the parameters of its address. `load()` reads everything for
the first, plain GET; `update()` reads what changed since then, for the live
consumer. Both fill the same templates, so both show the same thing.
"""
