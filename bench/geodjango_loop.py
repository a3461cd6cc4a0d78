"""The check as a first version would have it: objects of GeoDjango, one by one, cut in Python."""

from __future__ import annotations

import json

from django.contrib.gis.geos import GEOSGeometry
from django.http import HttpRequest, JsonResponse

from parcels.models import ParcelVersion, VerifiedTitle


def check(request: HttpRequest) -> JsonResponse:
    """What overlaps the drawing, with area and kind; no other rule is asked."""
    shape = GEOSGeometry(json.dumps(json.loads(request.body)["geometry"]))
    shape.srid = 4490  # GeoJSON says 4326.
    findings = []
    for version in ParcelVersion.objects.standing().select_related("parcel").filter(
        geom__intersects=shape
    ):  # fmt: skip
        shared = version.geom.intersection(shape)
        if shared.area == 0:
            continue
        verified = VerifiedTitle.objects.filter(parcel=version.parcel, ended_at=None).exists()
        rights = list(version.parcel.rights.select_related("certificate"))
        measured = ParcelVersion.objects.filter(pk=version.pk).values_list("area_m2", flat=True)
        findings.append(
            {
                "other": version.parcel.unit_number,
                "certificate": rights[0].certificate.number if rights else "",
                "verified": verified,
                "share": shared.area / version.geom.area,
                "area_m2": measured[0] * shared.area / version.geom.area,
                "shape": json.loads(shared.geojson),
            }
        )
    return JsonResponse({"findings": findings})
