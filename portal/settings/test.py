"""Settings of the tests: the embedded ones, quicker hashing, no pool, databases cloned per worker."""

from __future__ import annotations

from portal.settings.embedded import *  # noqa: F403
from portal.settings.embedded import DATABASES, VAR

DATABASES["default"]["OPTIONS"].pop("pool", None)
INSTALLATION_KIND = "test"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Speed; argon2 has its test.
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MEDIA_ROOT = VAR / "test-files"
UPLOAD_SCRATCH = VAR / "test-uploads"
TILE_STORE = VAR / "test-tiles"
WEBHOOKS_TO_PRIVATE_NETWORKS = True  # The receivers of the tests listen on this machine.
AXES_ENABLED = True
