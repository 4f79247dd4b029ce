"""The console: watches and steers what the runtime does, in the browser.

Imports `runtime`, never the reverse. Put "console" in INSTALLED_APPS and mount
`console.urls`; nothing in a project's own code needs to import from here.
"""
