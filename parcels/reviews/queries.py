"""Reads of the bench: work list, what a review puts to the rules, areas, the four sides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import shapely
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from parcels.facts import M2_PER_HA, township_names
from parcels.models import (
    Finding,
    ParcelVersion,
    ReviewShape,
    Right,
    SideCheck,
    TakeoverConflict,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.holding import former_papers, under_own_name
from parcels.reviews.models import Side
from parcels.reviews.repairs import plane
from parcels.reviews.shapes import (
    as_shapely,
    current_shapes,
    neighbours,
    newest_row,
    waiting_imports,
)
from parcels.rules.engine import Candidate, compartment_key
from parcels.stand_codes import PURPOSE, in_words
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import people_acting_for, standing_party
from portal.base.clock import today
from portal.casework.documents import latest_documents
from portal.casework.models import Document

SIDE_M = 30.0  # A neighbour within this distance is named on its side.
MOST_NAMES = 6
CERTIFICATE = "title_certificate"  # The subject of a certificate's papers.
SCAN, ORIGINAL = "certificate_scan", "shape_file"


def holders_by_title(certificates: Iterable[TitleCertificate]) -> dict[int, list[str]]:
    """Each certificate's holders by name, with the share where it is not the whole; one query."""
    holders: dict[int, list[str]] = {certificate.pk: [] for certificate in certificates}
    found = (
        Right.objects.filter(certificate__in=holders)
        .values_list("certificate", "party__name", "share_numerator", "share_denominator", "party")
        .order_by("party", "share_numerator")
        .distinct()
    )
    for certificate, name, share, of, _party in found:
        holders[certificate].append(name if share == of else f"{name} {share}/{of}")
    return holders


def holders_in_words(certificate: TitleCertificate) -> list[str]:
    """The holders of one certificate."""
    return holders_by_title([certificate])[certificate.pk]


def papers_of(certificate: TitleCertificate) -> dict[str, Document]:
    """The newest scan and file of shapes of a certificate; of a change where it has none of its own,
    those of the certificate that it replaces.
    """
    former = certificate.supersedes
    return {
        **(papers_of(former) if former else {}),
        **latest_documents(CERTIFICATE, certificate.key),
    }


def people_of(parties: Sequence[Party], scope: Mandate.Scope = Mandate.Scope.VIEW) -> list[User]:
    """Everyone who acts for one of these parties today, through links of names too."""
    return people_acting_for((standing_party(party) for party in parties), scope)


def takeover_conflicts() -> QuerySet[TakeoverConflict]:
    """What takeovers left registered because of a conflict, and no case is open for.

    ``rejected`` is the key of the case in which it was looked at before and rejected, if any.
    """
    reviews = TitleReview.objects.filter(certificate=OuterRef("certificate")).order_by("-pk")
    return (
        TakeoverConflict.objects.filter(certificate__state="registered")
        .exclude(Exists(reviews.filter(state__in=TitleReview.OPEN)))
        .annotate(rejected=Subquery(reviews.values("key")[:1]))
        .select_related("certificate", "other", "parcel")
        .order_by("certificate_id", "pk")
    )


def imported_corrections() -> QuerySet[TitleCertificate]:
    """Verified titles to whose land an import brought another shape, without a change under way that
    goes on by itself; ``corrected`` counts their parcels.
    """
    waiting = waiting_imports().values("parcel")
    held = VerifiedTitle.objects.filter(ended_at__isnull=True, parcel__in=waiting)
    corrected = held.filter(certificate=OuterRef("pk")).order_by().values("certificate")
    changing = TitleReview.objects.filter(
        TitleReview.GOES_ON, certificate__supersedes=OuterRef("pk")
    )
    return (
        TitleCertificate.objects.filter(pk__in=held.values("certificate"))
        .exclude(Exists(changing))
        .annotate(
            corrected=Subquery(corrected.annotate(n=Count("parcel", distinct=True)).values("n"))
        )
        .order_by("pk")
    )


def claims_on(title: TitleCertificate) -> list[str]:
    """The numbers of the projects whose pending or live claims lie on the land of a verified title."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM claims_on_title(%s)", [title.pk])
        return [number for (number,) in cursor.fetchall()]


def lock_claims_on(title_id: int) -> None:
    """Wait for whoever writes a claim on the land of a verified title, and keep others waiting."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT lock_claims_on_title(%s)", [title_id])


def candidates_of_review(review: TitleReview, shapes: Sequence[ParcelVersion]) -> list[Candidate]:
    """The versions under review as the rules take them."""
    certificate = review.certificate
    kinds: dict[int, set[str]] = {}
    for parcel_id, kind in Right.objects.filter(certificate=certificate).values_list(
        "parcel_id", "kind"
    ):
        kinds.setdefault(parcel_id, set()).add(kind)
    return [
        Candidate(
            ref=version.parcel.unit_number or certificate.number,
            wkb=bytes(version.geom.wkb),
            parcel_id=version.parcel_id,
            certificate_id=certificate.pk,
            unit_key=version.parcel.unit_number_key,
            certificate_key=certificate.number_key,
            right_kinds=tuple(sorted(kinds.get(version.parcel_id, ()))),
            area_m2_certified=certificate.area_m2_certified,
            term_ends_on=certificate.term_ends_on,
            compartment=compartment_key(
                version.parcel.county_code,
                version.parcel.township_code,
                version.parcel.compartment,
            ),
        )
        for version in shapes
    ]


def land_of_other(finding: Finding) -> ParcelVersion | None:
    """The standing land of the parcel, or the first of the certificate, that was found against."""
    if finding.other_key is None:
        return None
    of_certificate = Right.objects.filter(certificate__key=finding.other_key).values("parcel")
    return (
        ParcelVersion.objects.standing()
        .filter(Q(parcel__key=finding.other_key) | Q(parcel__in=of_certificate))
        .select_related("parcel")
        .order_by("parcel")
        .first()
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """One fact of the paper beside what the land says; ``agrees`` is None where either is silent."""

    label: str
    on_paper: str
    on_land: str
    agrees: bool | None


# The land's stands of the newest survey, with the share of each under the shapes of a review.
_STANDS = """
SELECT stand.species, stand.forest_purpose,
       sum(ST_Area(ST_Intersection(stand.geom, version.geom)::geography)) AS area_m2
FROM parcels_parcelversion AS version
JOIN parcels_stand AS stand
  ON stand.geom && version.geom AND stand.replaced_at IS NULL
 AND ST_Intersects(stand.geom, version.geom)
WHERE version.id = ANY (%(versions)s) AND stand.survey_year = (
  SELECT max(survey_year) FROM parcels_stand AS newest
  WHERE newest.geom && version.geom AND newest.replaced_at IS NULL)
GROUP BY stand.species, stand.forest_purpose
"""
MAIN_SHARE = 0.1  # What covers less of the land need not be on the paper.


def compared_facts(review: TitleReview, *, known: set[int] | None) -> list[Compared]:
    """Place, species and, for officers, kind of forest: the paper's words beside the land's.

    ``known`` are the parcels of which the reader may know more than their shape; None: an officer.
    """
    certificate = review.certificate
    shapes = [
        version for version in current_shapes(review) if known is None or version.parcel_id in known
    ]
    names = township_names()
    places = dict.fromkeys(
        part
        for version in shapes
        for part in (names.get(version.parcel.township_code, ""), version.parcel.village,
                     version.parcel.place_name)
        if part
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_STANDS, {"versions": [version.pk for version in shapes]})
        stands = cursor.fetchall()
    facts = [
        _compared(_("坐落"), certificate.located_at, list(places)),
        _compared(_("主要树种"), certificate.species, _main([(row[0], row[2]) for row in stands])),
    ]
    if known is None:
        purposes = _main([(in_words(PURPOSE, row[1]), row[2]) for row in stands])
        facts.append(_compared(_("林种"), certificate.forest_purpose, purposes))
    return [fact for fact in facts if fact.on_paper or fact.on_land]


# What stands on a certificate's paper besides its kind and holders: a change may alter it.
ON_PAPER = (
    "number", "area_m2_certified", "term_begins_on", "term_ends_on", "located_at", "species",
    "tree_count", "forest_purpose", "side_east", "side_south", "side_west", "side_north",
)  # fmt: skip


def changed_facts(review: TitleReview) -> list[Compared]:
    """Of a change: the holders, and what else differs from the title that it replaces, as it was
    (``on_paper``) and as it is to be (``on_land``).
    """
    newer, former = review.certificate, review.certificate.supersedes
    if former is None:
        return []
    holders = holders_by_title([former, newer])
    before, after = ("、".join(holders[one.pk]) for one in (former, newer))
    rows = [Compared(_("权利人"), before, after, before == after)]
    for name in ON_PAPER:
        was, is_now = (getattr(one, name) for one in (former, newer))
        if was != is_now:
            label = str(getattr(TitleCertificate, name).field.verbose_name)
            rows.append(Compared(label, _written(name, was), _written(name, is_now), False))
    return rows


def _written(name: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{value / M2_PER_HA:.4f} {_('公顷')}" if name == "area_m2_certified" else str(value)


@dataclass(frozen=True, slots=True)
class GivesWay:
    """A certificate that the signature supersedes; ``is_ones_own`` where it bears a holder's name."""

    certificate: TitleCertificate
    holders: str
    is_ones_own: bool


def gives_way(review: TitleReview) -> list[GivesWay]:
    """The same paper as it came before, with the names that it bears."""
    former = list(former_papers(review).order_by("pk"))
    own = set(
        under_own_name(review.certificate, former_papers(review)).values_list("pk", flat=True)
    )
    holders = holders_by_title(former)
    return [GivesWay(one, "、".join(holders[one.pk]), one.pk in own) for one in former]


def _main(shares: Sequence[tuple[str, float]]) -> list[str]:
    """What covers at least a tenth of the land, the largest first."""
    total: dict[str, float] = {}
    for name, area_m2 in shares:
        if name:
            total[name] = total.get(name, 0.0) + area_m2
    least = MAIN_SHARE * sum(total.values())
    return sorted((name for name in total if total[name] >= least), key=lambda name: -total[name])


def _compared(label: str, on_paper: str, on_land: Sequence[str]) -> Compared:
    """They agree where the paper names one of the land's words, or the land the paper's whole."""
    agrees = None
    if on_paper and on_land:
        plain = [name.partition("（")[0] for name in on_land]
        words = [word for name in plain for word in (name, name.rstrip("树乡镇村")) if word]
        agrees = any(word in on_paper for word in words) or on_paper in "".join(on_land)
    return Compared(label, on_paper, "、".join(on_land), agrees)


# --- areas --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Areas:
    """What is mapped and what the certificate says, in m²; ``percent`` by which paper exceeds map."""

    ellipsoidal_m2: float
    plane_m2: float
    certified_m2: float | None

    @property
    def percent(self) -> Decimal | None:
        if self.certified_m2 is None or self.ellipsoidal_m2 == 0:
            return None
        return Decimal((self.certified_m2 / self.ellipsoidal_m2 - 1) * 100)


def areas_of(review: TitleReview) -> Areas:
    """Ellipsoidal (the one that counts) and plane area in EPSG:4536."""
    shapes = current_shapes(review)
    return Areas(
        ellipsoidal_m2=sum(version.area_m2 for version in shapes),
        plane_m2=sum(plane(as_shapely(version.geom)).area for version in shapes),
        certified_m2=review.certificate.area_m2_certified,
    )


def area_difference_percent(review: TitleReview) -> Decimal | None:
    """By how much the certificate's area exceeds the mapped one; None where it names none."""
    return areas_of(review).percent


# --- the four sides -----------------------------------------------------------------------------
def sides_on_map(review: TitleReview, *, staff: bool) -> dict[Side, str]:
    """Who or what lies within ``SIDE_M`` of the title on each side, named from the register.

    A neighbour counts on the side where most of its near land lies, seen from the title's centre.
    """
    shapes = current_shapes(review)
    if not shapes:
        return dict.fromkeys(Side, "")
    whole = plane(shapely.union_all([as_shapely(version.geom) for version in shapes]))
    zone = whole.buffer(SIDE_M)
    middle = whole.centroid
    names: dict[Side, list[tuple[float, str]]] = {side: [] for side in Side}
    townships = township_names()
    for version in neighbours(review):
        near = plane(as_shapely(version.geom)).intersection(zone)
        if near.is_empty or near.area == 0:
            continue
        side = side_of(near.centroid.x - middle.x, near.centroid.y - middle.y)
        names[side].append((-near.area, name_of(version, townships, staff=staff)))
    return {
        side: "、".join(dict.fromkeys(name for _area, name in sorted(found)[:MOST_NAMES]))
        for side, found in names.items()
    }


def standing_ticks(review: TitleReview) -> dict[str, SideCheck]:
    """The last comparison of each side that was made on the present shapes and the paper's words."""
    if not review.shapes.exists():
        return {}
    made = SideCheck.objects.filter(review=review, shape=newest_row(review))
    return {
        check.side: check
        for check in made
        if check.on_paper == getattr(review.certificate, f"side_{check.side}")
    }


def side_of(east_m: float, north_m: float) -> Side:
    """The quarter of the compass that a direction falls into."""
    quarter = round(np.degrees(math.atan2(north_m, east_m)) / 90) % 4
    return (Side.EAST, Side.NORTH, Side.WEST, Side.SOUTH)[quarter]


def name_of(version: ParcelVersion, townships: dict[str, str], *, staff: bool) -> str:
    """A neighbour as people name it: sub-compartment and, for officers, who holds it."""
    parcel = version.parcel
    right = (
        Right.objects.filter(parcel=parcel, certificate__state__in=["registered", "verified"])
        .select_related("certificate", "party")
        .order_by("-certificate__state", "pk")
        .first()
    )
    label = parcel.place_name or (
        f"{parcel.compartment}-{parcel.subcompartment}" if parcel.subcompartment else ""
    )
    if not staff:
        return label or townships.get(parcel.township_code, "") or _("相邻宗地")
    label = label or parcel.unit_number or (right.certificate.number if right else "")
    return f"{label}（{right.party.name}）" if right else label or _("相邻宗地")


# --- work list ----------------------------------------------------------------------------------
def work_list() -> QuerySet[TitleReview]:
    """Every review that has been handed to the bureau, the most urgent first."""
    return (
        TitleReview.objects.filter(case__isnull=False)
        .select_related("certificate", "case", "taken_by", "run", "prepared_by")
        .order_by("case__due_on", "pk")
    )


def in_township(code: str) -> Q:
    """Reviews that are or were about a parcel of the township."""
    shapes = ReviewShape.objects.filter(review=OuterRef("pk"), parcel__township_code=code)
    return Q(Exists(shapes))


def views_of_list(user: User) -> dict[str, Q]:
    """The list's filters by name."""
    state = TitleReview.State
    going = Q(state__in=[state.PREPARING, state.APPROVING])
    return {
        "new": Q(state=state.PREPARING, taken_by__isnull=True),
        "mine": Q(state__in=[state.PREPARING, state.RETURNED, state.APPROVING], taken_by=user),
        "approving": Q(state=state.APPROVING),
        "returned": Q(state=state.RETURNED),
        "overdue": going & Q(case__due_on__lt=today(), case__due_provisional=False),
        "open": Q(state__in=[state.PREPARING, state.RETURNED, state.APPROVING]),
        "done": Q(state__in=[state.VERIFIED, state.REJECTED, state.WITHDRAWN]),
    }
