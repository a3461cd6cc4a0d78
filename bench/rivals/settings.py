"""Plain Django around django-vectortiles and djangorestframework-gis: no middleware weighs on them."""

from __future__ import annotations

from portal.settings.embedded import *  # noqa: F403
from portal.settings.embedded import MIDDLEWARE

MIDDLEWARE.clear()
ROOT_URLCONF = "bench.rivals.urls"
INSTALLATION_KIND = "test"
