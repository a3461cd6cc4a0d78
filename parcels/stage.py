"""What every page with a map tells its script."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse


def stage_config() -> dict[str, Any]:
    """Addresses of the base map's sheets and the key of 天地图, empty where there is none."""
    return {
        "basemap": {
            name: reverse("site:base-map", args=[name]) for name in ("counties", "city", "natural")
        },
        "tiandituKey": settings.TIANDITU_KEY,
    }
