"""A real server. System checks (portal.base.checks) refuse to start it unsafe."""

from __future__ import annotations

from pathlib import Path

from portal.settings.base import *  # noqa: F403
from portal.settings.base import ALLOWED_HOSTS, PUBLIC_ADDRESS, STORAGES, database, env

DATABASES = {"default": database(env.str("DATABASE_URL"), pool=True)}
if owner_url := env.str("DATABASE_OWNER_URL", default=""):
    DATABASES["owner"] = database(owner_url, pool=False)
SECRETS = Path(env.str("PORTAL_SECRETS"))
INSTALLATION_KIND = "production"
if not PUBLIC_ADDRESS and ALLOWED_HOSTS:
    PUBLIC_ADDRESS = f"https://{ALLOWED_HOSTS[0].lstrip('.')}"
DEMO_ACCOUNTS = env.bool("DEMO_ACCOUNTS", default=False)
DEBUG = env.bool("DEBUG", default=False)
STAFF_SECOND_FACTOR_REQUIRED = env.bool("STAFF_SECOND_FACTOR_REQUIRED", default=True)
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", default=False) else None
)
SESSION_COOKIE_SECURE = env.bool("SESSION_COOKIE_SECURE", default=True)
CSRF_COOKIE_SECURE = env.bool("CSRF_COOKIE_SECURE", default=True)
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
