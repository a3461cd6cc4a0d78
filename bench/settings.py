"""The embedded settings without a pool: a bench's database is put under Django's connections."""

from __future__ import annotations

from portal.settings.embedded import *  # noqa: F403
from portal.settings.embedded import DATABASES

DATABASES["default"]["OPTIONS"].pop("pool", None)
INSTALLATION_KIND = "test"
