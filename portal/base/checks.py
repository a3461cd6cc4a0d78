"""What Django says when an installation is unsafe. Errors stop a production server at its start."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

from portal.base import secrets
from portal.base.database_roles import OWNER

SECRET_KEY_LENGTH = 50
SECRET_KEY_LETTERS = 10  # different characters
ANY_HOST = {"*", ".", ""}

_OWNED_TABLES = """
SELECT count(*) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND pg_has_role(current_user, relowner, 'USAGE')
"""
_MAY_TOO_MUCH = """
SELECT rolsuper OR rolcreaterole OR rolbypassrls, has_schema_privilege('public', 'CREATE')
FROM pg_roles WHERE rolname = current_user
"""


def production() -> bool:
    """Only a production is refused; embedded and test installations are meant to be open."""
    return bool(settings.INSTALLATION_KIND == "production")


@register(Tags.security)
def check_secret_key(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A guessable key forges sessions and reset links."""
    key = settings.SECRET_KEY
    if not production():
        return []
    long_enough = len(key) >= SECRET_KEY_LENGTH and len(set(key)) >= SECRET_KEY_LETTERS
    if long_enough and not key.startswith(("embedded-", "django-insecure-")):
        return []
    return [
        Error(
            "SECRET_KEY is missing, a default, or too short.",
            hint=f"Set SECRET_KEY to at least {SECRET_KEY_LENGTH} random characters.",
            id="base.E001",
        )
    ]


@register(Tags.security)
def check_debug(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Debug pages show settings and data to anyone."""
    if not (production() and settings.DEBUG):
        return []
    return [Error("DEBUG is on.", hint="Remove DEBUG from the environment.", id="base.E002")]


@register(Tags.security)
def check_demo_accounts(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The demo's password is printed in the documentation."""
    if not (production() and settings.DEMO_ACCOUNTS):
        return []
    return [
        Error(
            "DEMO_ACCOUNTS is on: everybody knows their password.",
            hint="Remove DEMO_ACCOUNTS from the environment.",
            id="base.E003",
        )
    ]


@register(Tags.security)
def check_transport(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Cookies travel over TLS alone."""
    if not production():
        return []
    wanted = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT")
    missing = [name for name in wanted if not getattr(settings, name)]
    if not missing:
        return []
    return [
        Error(
            f"{', '.join(missing)} off: cookies would travel without TLS.",
            hint="Serve the portal over TLS (BEHIND_TLS_PROXY=1 behind a proxy) and leave them on.",
            id="base.E004",
        )
    ]


@register(Tags.security)
def check_hosts(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A forged Host header must not reach the links in e-mails."""
    hosts = {host.strip() for host in settings.ALLOWED_HOSTS}
    if not production() or (hosts and not hosts & ANY_HOST):
        return []
    return [
        Error(
            "ALLOWED_HOSTS is empty or names every host.",
            hint="Set ALLOWED_HOSTS to the portal's own names, separated by commas.",
            id="base.E005",
        )
    ]


@register(Tags.security)
def check_two_roles(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The role that serves requests is not the one that owns the tables."""
    if not production() or OWNER not in settings.DATABASES:
        return []  # A server that never migrates need not know the owner.
    if settings.DATABASES["default"]["USER"] != settings.DATABASES[OWNER]["USER"]:
        return []
    return [
        Error(
            "DATABASE_URL and DATABASE_OWNER_URL name one role.",
            hint="Give the application a role of its own that owns nothing.",
            id="base.E006",
        )
    ]


@register(Tags.security)
def check_key_files(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Identity numbers cannot be read or found without their keys, and nobody else may read them."""
    if not production():
        return []
    found: list[CheckMessage] = []
    for file in secrets.KEY_FILES:
        path = secrets.key_path(file)
        try:
            secrets.keys(file)
            open_to = stat.S_IMODE(path.stat().st_mode) & 0o077
        except (secrets.KeyUnavailable, OSError) as error:
            found.append(
                Error(
                    f"Key file {file} cannot be used: {error}",
                    hint=f"Put the key file into {path.parent} (PORTAL_SECRETS), mode 0600. "
                    "A new installation makes one with: manage.py rotate_keys --create",
                    id="base.E007",
                )
            )
            continue
        if open_to:
            found.append(
                Error(
                    f"Key file {file} is open to others (mode {open_to:03o} beyond the owner's).",
                    hint=f"chmod 600 {path}",
                    id="base.E008",
                )
            )
    return found


@register(Tags.database)
def check_application_role(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Guarantees hold against the application itself only when its role cannot lift them."""
    if not production() or "default" not in (databases or []):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute(_OWNED_TABLES)
        owned = cursor.fetchone()[0]
        cursor.execute(_MAY_TOO_MUCH)
        powerful, may_create = cursor.fetchone()
    found: list[CheckMessage] = []
    if owned or powerful or may_create:
        found.append(
            Error(
                f"The role of DATABASE_URL owns {owned} tables, is a superuser or may create.",
                hint="Use a role without SUPERUSER, CREATEROLE, BYPASSRLS and CREATE, "
                "and migrate as another (DATABASE_OWNER_URL).",
                id="base.E009",
            )
        )
    return found


@register(Tags.database)
def check_installation_kind(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """A demonstration's database, whose clock may be moved, does not become a production."""
    if not production() or "default" not in (databases or []):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('base_installation') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return []  # Not migrated yet: there is nothing to mistake.
        cursor.execute("SELECT kind FROM base_installation")
        row = cursor.fetchone()
    if row is None or row[0] == "production":
        return []
    return [
        Error(
            f"The database is marked {row[0]}.",
            hint="Use a fresh database; a demonstration's clock and accounts stay in it.",
            id="base.E010",
        )
    ]


def refuse_unsafe_start() -> None:
    """Run the checks where a server starts without ``manage.py``; ImproperlyConfigured names them.

    While the database is away the settings alone are judged: /healthz must be able to say so.
    """
    found = run_checks(tags=[Tags.security])
    with contextlib.suppress(OperationalError):
        found += run_checks(tags=[Tags.database], databases=["default"])
    refused = [message for message in found if message.is_serious()]
    if refused:
        raise ImproperlyConfigured("\n".join(str(message) for message in refused))
