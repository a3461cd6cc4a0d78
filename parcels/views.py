"""Pages of a parcel and of a title."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.gis.geos import GEOSGeometry
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from parcels.access import access_parcel, access_title, parcels_of, shape_for
from parcels.facts import (
    M2_PER_HA,
    MU_PER_HA,
    area_ha,
    parcel_facts,
    state_of,
    title_of,
    titles_of,
    township_names,
)
from parcels.imports.access import may_import
from parcels.models import ParcelVersion, Right, VerifiedTitle
from parcels.reviews.access import may_use_bench
from parcels.reviews.boundaries import correction_of
from parcels.stage import stage_config
from portal.accounts.queries import is_staff_reader


def shape_config(shapes: list[GEOSGeometry]) -> dict[str, Any]:
    """What the small map of a page needs."""
    return {
        **stage_config(),
        "shapes": {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {}, "geometry": json.loads(shape.json)}
                for shape in shapes
            ],
        },
    }


@require_safe
def parcel_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One parcel: its shape, facts and, for staff, titles and former shapes."""
    staff = is_staff_reader(request.user)
    version = access_parcel(key)
    parcel = version.parcel
    hectares = area_ha(version, staff=staff)
    context = {
        "parcel": parcel,
        "title": title_of(parcel, township_names(), staff=staff),
        "state": state_of(parcel),
        "facts": parcel_facts(version, staff=staff),
        "area_ha": hectares,
        "area_mu": hectares * MU_PER_HA,
        "staff": staff,
        "may_import": may_import(request.user),
        "titles": titles_of(parcel) if staff else [],
        "versions": parcel.versions.select_related("record", "made_by").order_by("-number")
        if staff
        else [],
        "shape_config": shape_config([shape_for(version, staff=staff)]),
        "map_url": map_address(version, staff=staff),
    }
    return render(request, "parcels/parcel.html", context)


@login_required
@require_safe
def title_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One certificate with the land and the rights that it covers."""
    title = access_title(key, request.user)
    parcels = parcels_of(title)
    versions = ParcelVersion.objects.standing().filter(parcel__in=parcels).select_related("parcel")
    mapped_m2 = sum(version.area_m2 for version in versions)
    context = {
        "title": title,
        "rights": Right.objects.filter(certificate=title)
        .select_related("parcel", "party")
        .order_by("parcel_id", "kind"),
        "mapped_ha": mapped_m2 / M2_PER_HA,
        "certified_ha": title.area_m2_certified and title.area_m2_certified / M2_PER_HA,
        "holds": VerifiedTitle.objects.filter(certificate=title).order_by("verified_at"),
        "shape_config": shape_config([version.geom for version in versions]),
        "may_import": may_import(request.user),
        "may_use_bench": may_use_bench(request.user),
        "correction": correction_of(title),
    }
    return render(request, "parcels/title.html", context)


def map_address(version: ParcelVersion, *, staff: bool) -> str:
    """The map with this parcel selected."""
    shape = shape_for(version, staff=staff)
    lon, lat = shape.centroid.coords
    return f"{reverse('site:home')}#15/{lat:.5f}/{lon:.5f}&parcel={version.parcel.key}"
