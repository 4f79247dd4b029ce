"""What the site is made of: settings, pages, the ASGI application."""
