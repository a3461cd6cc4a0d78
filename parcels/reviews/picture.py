"""What the pages of a review draw and list: shapes, neighbours, findings, comments, versions."""

from __future__ import annotations

import json
import math
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db import connection
from django.utils.translation import gettext as _

from parcels.access import shape_for
from parcels.claims.queries import last_day
from parcels.facts import M2_PER_HA, MU_PER_HA, state_of, township_names
from parcels.models import (
    ExclusionArea,
    Parcel,
    ParcelVersion,
    ReviewShape,
    RuleRun,
    TitleCertificate,
    TitleReview,
)
from parcels.reviews.models import Side
from parcels.reviews.queries import areas_of, name_of, sides_on_map, standing_ticks
from parcels.reviews.shapes import (
    current_shapes,
    exclusions_around,
    neighbours,
    seen_mark,
    successors,
)
from parcels.rules.live import hides_number
from parcels.rules.queries import kept_findings_in_words
from parcels.rules.table import message_of
from portal.base.clock import CITY_TIME
from portal.base.policy import policy_number

MOST_NEIGHBOURS = 200


def feature(shape: GEOSGeometry | None, **properties: Any) -> dict[str, Any]:
    geometry = None if shape is None else json.loads(shape.json)
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def picture_of(
    review: TitleReview,
    *,
    staff: bool,
    internal: bool = False,
    known: set[int] | None = None,
    told: set[str] | None = None,
) -> dict[str, Any]:
    """All that the map of a review shows. Neighbours are exact for officers, generalised else;
    ``internal`` remarks are for officers who have no part in the matter.

    So are its own shapes on parcels that are not in ``known``, and what was found against others
    that are not in ``told`` (None: all are known, all is told).
    """
    shapes = current_shapes(review)
    townships = township_names()
    around = neighbours(review)[:MOST_NEIGHBOURS]
    return {
        "seen": seen_mark(review),
        "state": review.state,
        "shapes": collection([shape_feature(version, known) for version in shapes]),
        "neighbours": collection(
            [
                feature(
                    version.geom if staff else version.geom_public,
                    key=str(version.parcel.key),
                    name=name_of(version, townships, staff=staff),
                    state=state_of(version.parcel)[0],
                )
                for version in around
            ]
        ),
        "successors": collection(
            [
                shape_feature(one.version, known)
                for one in (successors(review) if review.state in TitleReview.OPEN else [])
            ]
        ),
        "exclusions": collection(
            [
                feature(
                    area.geom if staff else area.geom_public,
                    kind=area.kind,
                    name=exclusion_in_words(area, staff=staff),
                )
                for area in exclusions_around(review)
            ]
        ),
        "findings": findings_of(review.run, told=told),
        "comments": comments_of(review, internal=internal),
        "versions": versions_of(review, known),
    }


def parcel_name(parcel: Parcel, known: set[int] | None) -> str:
    """Its unit number where it has one and the reader knows it."""
    number = parcel.unit_number if known is None or parcel.pk in known else ""
    return number or _("宗地 {number}").format(number=parcel.pk)


def successors_in_words(review: TitleReview, known: set[int] | None) -> list[dict[str, Any]]:
    """What stands or waits by now instead of the land under review, while that is open to be gone over
    to.
    """
    if review.state not in TitleReview.OPEN:
        return []
    return [
        {
            "key": one.version.parcel.key,
            "name": parcel_name(one.version.parcel, known),
            "number": one.version.number,
            "is_part": one.is_part,
            "waits": one.waits,
            "formers": "、".join(parcel_name(former.parcel, known) for former in one.formers),
            "area_m2": one.version.area_m2,
            "shared_m2": one.shared_m2,
            "proposed": one.lies_mostly_inside,
        }
        for one in successors(review)
    ]


def shape_feature(version: ParcelVersion, known: set[int] | None) -> dict[str, Any]:
    """A shape, with what its parcel is called where the reader knows it."""
    parcel, is_known = version.parcel, known is None or version.parcel_id in known
    place = {
        "unit_number": parcel.unit_number,
        "township": parcel.township_code,
        "compartment": parcel.compartment,
        "subcompartment": parcel.subcompartment,
    }
    return feature(
        shape_for(version, staff=is_known),
        key=str(parcel.key),
        name=parcel_name(parcel, known),
        version=version.number,
        area_m2=round(version.area_m2, 2),
        place=place if is_known else {},
    )


def findings_of(run: RuleRun | None, *, told: set[str] | None) -> dict[str, Any]:
    """A kept run's findings in words, with shapes, the gravest first.

    ``told`` are the other objects that the reader may know exactly (None: all). Of others the
    patch is generalised, its measures are rough and the number is left out.
    """
    if run is None:
        return collection([])
    features = []
    for row, said in zip(run.findings.order_by("id"), kept_findings_in_words(run), strict=True):
        facts = {"id": row.pk, "other_key": str(row.other_key or ""), "other_kind": row.other_kind}
        if told is None or not row.other_key or str(row.other_key) in told:
            # A rival paper's shape is the whole parcel: a return tells its number, not its border.
            whole = told is not None and row.rule == "rival_title"
            shape = generalised(row.shape) if whole else row.shape
            features.append(feature(shape, **facts, **said))
            continue
        rough: dict[str, Any] = {
            "area_m2": roughly(row.area_m2),
            "mean_width_m": roughly(row.mean_width_m),
        }
        hidden = {}
        if hides_number(row.rule, row.other_kind):  # Projects' numbers are public.
            rough["other"] = number = _("（编号不公开）")
            hidden = dict.fromkeys(("number", "certificate") & row.facts.keys(), number)
        message = message_of(row.rule, row.level, {**rough, **row.facts, **hidden})
        features.append(
            feature(generalised(row.shape), **facts, **{**said, **rough, "message": message})
        )
    order = {"conflict": 0, "warning": 1, "info": 2}
    features.sort(key=lambda one: order[one["properties"]["severity"]])
    return collection(features)


def exclusion_in_words(area: ExclusionArea, *, staff: bool) -> str:
    """Kind, number, status and days; a harvest permit's number may tell a person."""
    number = area.number if staff or area.kind != ExclusionArea.Kind.HARVEST else ""
    ends_on = last_day(area.period)
    days = f"{area.period.lower:%Y-%m-%d} – {f'{ends_on:%Y-%m-%d}' if ends_on else ''}"
    kind = area.get_method_display() or area.get_kind_display()
    return " · ".join(part for part in (kind, number, area.get_status_display(), days) if part)


def roughly(value: float | None) -> float | None:
    """To one significant digit: enough to see how grave it is."""
    if not value:
        return value
    return round(value, -math.floor(math.log10(abs(value))))


def generalised(shape: GEOSGeometry | None) -> GEOSGeometry | None:
    """The patch on the public's coarse grid."""
    if shape is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsEWKB(generalised_shape(%s::geometry, "
            "policy_number('public.generalise_m')::float8))",
            [shape.ewkb.hex()],
        )
        return GEOSGeometry(memoryview(cursor.fetchone()[0]))


def comments_of(review: TitleReview, *, internal: bool) -> dict[str, Any]:
    """What was said, in order, with or without ``internal`` remarks."""
    if review.case is None:
        return collection([])
    comments = review.case.comments.select_related("author").order_by("pk")
    if not internal:
        comments = comments.filter(internal=False)
    return collection(
        [
            feature(
                comment.place,
                key=str(comment.key),
                author=comment.author.get_full_name(),
                text=comment.text,
                internal=comment.internal,
                at=comment.made_at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M"),
            )
            for comment in comments
        ]
    )


def versions_of(review: TitleReview, known: set[int] | None) -> dict[str, Any]:
    """Every version that the review was about, newest last, for the overlay."""
    rows = ReviewShape.objects.filter(review=review).select_related(
        "version__parcel", "version__made_by", "made_by"
    )
    return collection(
        [
            feature(
                shape_for(row.version, staff=known is None or row.version.parcel_id in known),
                id=row.pk,
                parcel=str(row.parcel.key if row.parcel_id else ""),
                number=row.version.number,
                because=row.version.get_because_display(),
                facts=row.facts,
                leaves=row.leaves,
                area_m2=round(row.version.area_m2, 2),
                by=row.made_by.get_full_name(),
                at=row.made_at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M"),
            )
            for row in rows.select_related("parcel")
        ]
    )


def areas_in_words(review: TitleReview) -> dict[str, Any]:
    """Both areas and the paper's, in hectares and mu, and how far they are apart."""
    areas = areas_of(review)

    def both(m2: float | None) -> dict[str, float] | None:
        if m2 is None:
            return None
        return {"ha": m2 / M2_PER_HA, "mu": m2 / M2_PER_HA * MU_PER_HA}

    percent = areas.percent
    return {
        "ellipsoidal": both(areas.ellipsoidal_m2),
        "plane": both(areas.plane_m2),
        "certified": both(areas.certified_m2),
        "percent": percent,
        "differs": percent is not None and abs(percent) > policy_number("area.note_percent"),
        "differs_much": percent is not None and abs(percent) > policy_number("area.reason_percent"),
    }


def facts_form(certificate: TitleCertificate) -> dict[str, str]:
    """A certificate's facts that the form shows otherwise than they are kept."""
    area = certificate.area_m2_certified
    return {"area": "" if area is None else f"{area / M2_PER_HA:.4f}"}


def sides_in_words(review: TitleReview, *, staff: bool) -> list[dict[str, Any]]:
    """The four sides: what the paper says, what the map shows, and whether they were compared."""
    on_map = sides_on_map(review, staff=staff)
    checks = standing_ticks(review)
    return [
        {
            "side": side,
            "on_paper": getattr(review.certificate, f"side_{side.value}"),
            "on_map": on_map[side],
            "check": checks.get(side.value),
        }
        for side in Side
    ]
