"""Settings under which the tests run, whatever the environment says of this machine."""

import os

os.environ["DEBUG"] = "1"  # for the key; Django's test runner turns DEBUG itself off
for name in ("ALLOWED_HOSTS", "DATABASE_URL", "HTTPS", "REDIS_URL"):
    os.environ.pop(name, None)

from config.settings import *  # noqa: E402, F403 - all of them
from config.settings import BASE_DIR, DATABASES, MIDDLEWARE  # noqa: E402

# A file, because the server that a browser talks to has threads of its own.
DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}
# The default hasher is slow by design, and no test is about passwords.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# It serves what `collectstatic` has gathered, which nobody has done here.
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("whitenoise.")]
