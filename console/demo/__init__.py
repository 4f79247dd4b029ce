"""The demo: a small real project that runs on `runtime` and is watched by the console.

Chat rooms, an echo, a log, a ticker, a news desk and a worker for thumbnails: the
smallest thing that shows every way in which a connection can live. Nothing in
`console` imports this package; it is what the root `manage.py` and the command
`channelscope demo` run.
"""
