"""What kind of process this is: one that serves, one that is developed, or one under test.

Owns the question, not what follows from it.
"""

from django.conf import settings
from django.core import mail


def is_test_environment() -> bool:
    """Return whether Django's test environment is set up in this process.

    Source: `django.test.utils.setup_test_environment`, which gives `mail` an outbox.
    """
    return hasattr(mail, "outbox")


def is_development() -> bool:
    """Return whether this process is there to find mistakes: under DEBUG, or under test."""
    return is_test_environment() or (settings.configured and settings.DEBUG)
