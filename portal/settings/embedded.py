"""The portal on one machine with its private cluster under var/: demonstration and development."""

from __future__ import annotations

from portal.settings.base import *  # noqa: F403
from portal.settings.base import VAR, database, env, read_environment_file

read_environment_file(VAR / "portal.env")
SECRET_KEY = env.str("SECRET_KEY", default="embedded-until-set-up-has-written-var-portal-env")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
DATABASES = {
    "default": database(
        env.str("DATABASE_URL", default="postgis://portal_app@127.0.0.1:54329/portal"), pool=True
    ),
    "owner": database(
        env.str("DATABASE_OWNER_URL", default="postgis://portal_owner@127.0.0.1:54329/portal"),
        pool=False,
    ),
}
WHITENOISE_USE_FINDERS = True
STAFF_SECOND_FACTOR_REQUIRED = env.bool("STAFF_SECOND_FACTOR_REQUIRED", default=False)
DEMO_ACCOUNTS = True
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR / "mail"
SECRETS = VAR / "secrets"
INSTALLATION_KIND = "embedded"
