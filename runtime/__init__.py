"""Consumers, routing, channel layers, sessions and auth for Django beyond HTTP.

Module paths mirror those of Channels 4.3 under `runtime`. Nothing here imports
Django, so that the package can be imported before settings are configured.
"""

__version__ = "4.3.2"
"""The version of the Channels API that this package answers for; the distribution's own
version is read with `importlib.metadata.version("channelscope")`."""

DEFAULT_CHANNEL_LAYER = "default"
"""The alias in CHANNEL_LAYERS that consumers and `get_channel_layer()` use unless told."""


def install_as_channels() -> None:
    """Let `import channels` and `import channels_redis` mean this package, with all their modules.

    A project that was written for Channels calls this first thing in `manage.py` and
    `asgi.py`, and stays as it is otherwise: imports, INSTALLED_APPS, BACKEND paths, runworker.
    A second call does nothing.

    Raises:
        RuntimeError: the real `channels` or `channels_redis` has been imported before.
    """
    from runtime import aliases  # few projects need it

    aliases.install()
