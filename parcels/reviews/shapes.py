"""The versions a review is about, the land around them, and newer versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely
from django.contrib.gis.db.models.functions import Intersection
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery
from shapely.geometry.base import BaseGeometry

from parcels.errors import ShapeInvalid
from parcels.measures import EllipsoidArea
from parcels.models import (
    BoundaryMessage,
    ExclusionArea,
    Parcel,
    ParcelLineage,
    ParcelVersion,
    ReviewShape,
    Right,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.errors import ParcelLeftReview
from portal.accounts.models import User
from portal.base.clock import now
from portal.base.models import STORAGE_SRID

NEIGHBOURHOOD_DEG = 0.0006  # About 50 m: what is drawn in grey around a title.
MOST_EXCLUSIONS = 100
LEAST_SHARED_M2 = 1.0  # A parcel that shares less only borders on what it came from.


def current_shapes(review: TitleReview) -> list[ParcelVersion]:
    """The version of each parcel that the review is about now, in the order of parcels."""
    return [row.version for row in newest_rows(review) if not row.leaves]


def newest_rows(review: TitleReview) -> QuerySet[ReviewShape]:
    """What was last done with each parcel that the review is or was about, in the order of parcels."""
    return (
        ReviewShape.objects.filter(review=review)
        .order_by("parcel_id", "-id")
        .distinct("parcel_id")
        .select_related("version__parcel")
    )


def present_shape(review: TitleReview, parcel: Parcel) -> ParcelVersion:
    """What the review is about on one parcel now; ParcelLeftReview where that was split or merged."""
    for version in current_shapes(review):
        if version.parcel_id == parcel.pk:
            return version
    raise ParcelLeftReview()


def newest_row(review: TitleReview) -> ReviewShape:
    """The last change of what the review is about; it begins with one."""
    return ReviewShape.objects.filter(review=review).latest("pk")


@dataclass(slots=True)
class Successor:
    """What stands in the place of shapes under review that stand no more.

    It is a newer version of the same parcel, or a parcel that came from ``formers`` by a split or a
    merge and shares ``shared_m2`` of land with them; which of several such parts are meant, people
    say. What an import brought to verified land ``waits``.
    """

    version: ParcelVersion
    formers: list[ParcelVersion] = field(default_factory=list)
    shared_m2: float = 0.0

    @property
    def is_part(self) -> bool:
        return all(former.parcel_id != self.version.parcel_id for former in self.formers)

    @property
    def waits(self) -> bool:
        return self.version.stands_from is None

    @property
    def lies_mostly_inside(self) -> bool:
        return bool(self.shared_m2 >= self.version.area_m2 / 2)


def successors(review: TitleReview) -> list[Successor]:
    """What stands by now instead of the shapes under review, or waits after what the bureau proposes,
    in the order of parcels.
    """
    found: dict[int, Successor] = {}
    brought = {version.parcel_id: version for version in later_imports(review)}
    for former in current_shapes(review):
        if former.parcel_id in brought:
            found[former.parcel_id] = Successor(brought[former.parcel_id], [former])
            continue
        if former.stands_to is None and former.parcel.ended_at is None:
            continue
        heirs = {former.parcel_id} | descendants_of(former.parcel)
        for version in (
            ParcelVersion.objects.standing()
            .filter(parcel__in=heirs, parcel__ended_at__isnull=True)
            .annotate(shared_m2=EllipsoidArea(Intersection("geom", former.geom)))
            .select_related("parcel")
        ):
            if version.parcel_id != former.parcel_id and version.shared_m2 < LEAST_SHARED_M2:
                continue
            successor = found.setdefault(version.parcel_id, Successor(version))
            successor.formers.append(former)
            successor.shared_m2 += version.shared_m2
    return [found[parcel] for parcel in sorted(found)]


def waiting_imports(certificate: TitleCertificate | None = None) -> QuerySet[ParcelVersion]:
    """Shapes that an import brought to verified land (of one certificate): the newest of each parcel,
    on which nobody has decided.
    """
    held = VerifiedTitle.objects.filter(ended_at__isnull=True)
    if certificate is not None:
        held = held.filter(certificate=certificate)
    brought = Q(because=ParcelVersion.Because.IMPORT) | Q(stands_from__isnull=False)
    newer = ParcelVersion.objects.filter(
        brought, parcel=OuterRef("parcel"), number__gt=OuterRef("number")
    )
    return ParcelVersion.objects.filter(
        ~Exists(newer),
        ~Exists(ReviewShape.objects.filter(version=OuterRef("pk"))),
        stands_from__isnull=True,
        because=ParcelVersion.Because.IMPORT,
        parcel__in=held.values("parcel"),
    )


def later_imports(review: TitleReview) -> list[ParcelVersion]:
    """Shapes that an import brought to land of which a case by office proposes another one, or which it
    divides or merges: nobody has decided on them.
    """
    if review.because != TitleReview.Because.OFFICE:
        return []
    proposed = [
        row.parcel_id
        for row in newest_rows(review)
        if row.leaves or row.version.stands_from is None
    ]
    if not proposed:
        return []
    return list(
        waiting_imports().filter(parcel__in=proposed).select_related("parcel").order_by("parcel")
    )


def companions(review: TitleReview) -> list[TitleReview]:
    """The other changes by office that move the same land, through every parcel that is shared: several
    verified titles of one parcel, of different kinds of right, are reshaped together or not at all.
    """
    found: dict[int, TitleReview] = {review.pk: review}
    new = [review] if review.because == TitleReview.Because.OFFICE else []
    while new:
        moved = {
            version.parcel_id
            for one in new
            for version in current_shapes(one)
            if version.stands_from is None
        }
        held = VerifiedTitle.objects.filter(parcel__in=moved, ended_at__isnull=True)
        new = list(
            changes_by_office()
            .filter(certificate__supersedes__in=held.values("certificate"))
            .exclude(pk__in=found)
        )
        found |= {one.pk: one for one in new}
    return [found[pk] for pk in sorted(found) if pk != review.pk]


def changes_by_office() -> QuerySet[TitleReview]:
    """The bureau's own changes of verified titles that are under way."""
    return TitleReview.objects.filter(
        because=TitleReview.Because.OFFICE, state__in=TitleReview.OPEN
    ).select_related("certificate", "case")


def changes_about(parcels: Iterable[Parcel]) -> QuerySet[TitleReview]:
    """Those of the bureau's changes under way that are or were about one of these parcels."""
    about = ReviewShape.objects.filter(parcel__in=[parcel.pk for parcel in parcels])
    return changes_by_office().filter(pk__in=about.values("review"))


def seen_mark(review: TitleReview) -> str:
    """What a page shows and sends back with a verdict: how far the case had come and which versions
    were before the eyes, ``revision:id,id``; after semicolons the same of its companions.
    """
    return ";".join(_seen_of(one) for one in [review, *companions(review)])


def _seen_of(review: TitleReview) -> str:
    revision = review.case.steps.get().revision if review.case is not None else 0
    versions = sorted(version.pk for version in current_shapes(review))
    return f"{revision}:{','.join(map(str, versions))}"


def ancestors_of(parcels: Iterable[Parcel]) -> set[int]:
    """The parcels that these came from, through every split and merge."""
    found: set[int] = set()
    children = {parcel.pk for parcel in parcels}
    while children:
        lines = ParcelLineage.objects.filter(child__in=children)
        children = set(lines.values_list("parent_id", flat=True)) - found
        found |= children
    return found


def descendants_of(parcel: Parcel) -> set[int]:
    """Every parcel that came from this one, through every split and merge."""
    found: set[int] = set()
    parents = {parcel.pk}
    while parents:
        lines = ParcelLineage.objects.filter(parent__in=parents)
        parents = set(lines.values_list("child_id", flat=True)) - found
        found |= parents
    return found


def own_corrections(review: TitleReview) -> list[ParcelVersion]:
    """Standing shapes of land that no verified title holds, which this review was the first to have
    as a correction or repair.
    """
    rows = ReviewShape.objects.filter(version=OuterRef("pk")).order_by("pk")
    held = VerifiedTitle.objects.filter(parcel=OuterRef("parcel"), ended_at__isnull=True)
    return list(
        ParcelVersion.objects.standing()
        .filter(
            ~Exists(held),
            because__in=[ParcelVersion.Because.CORRECTION, ParcelVersion.Because.REPAIR],
            parcel__in=own_parcels(review),
        )
        .alias(first_of=Subquery(rows.values("review")[:1]))
        .filter(first_of=review.pk)
        .order_by("parcel")
    )


def restore_shape(corrected: ParcelVersion, actor: User) -> None:
    """Let the shape stand again, as a newer version, that stood before this review corrected it, and
    that no other review made which came to nothing.
    """
    own = ReviewShape.objects.filter(version=corrected).earliest("pk").review
    rows = ReviewShape.objects.filter(version=OuterRef("pk")).order_by("pk")
    # What an officer mended of a takeover stays with the register's certificate.
    undone = TitleReview.objects.filter(
        Q(pk=own.pk)
        | Q(state__in=[TitleReview.State.REJECTED, TitleReview.State.WITHDRAWN])
        & ~Q(because=TitleReview.Because.TAKEOVER)
    )
    mended = (
        ParcelVersion.objects.filter(
            parcel=corrected.parcel_id,
            because__in=[ParcelVersion.Because.CORRECTION, ParcelVersion.Because.REPAIR],
        )
        .alias(first_of=Subquery(rows.values("review")[:1]))
        .filter(first_of__in=undone.values("pk"))
    )
    before = (
        ParcelVersion.objects.filter(
            parcel=corrected.parcel_id, number__lt=corrected.number, stands_from__isnull=False
        )
        .exclude(pk__in=mended.values("pk"))
        .latest("number")
    )
    moment = now()
    ParcelVersion.objects.filter(pk=corrected.pk).update(stands_to=moment)
    last = ParcelVersion.objects.filter(parcel=corrected.parcel_id).latest("number")
    ParcelVersion.objects.create(
        parcel_id=corrected.parcel_id,
        number=last.number + 1,
        geom=before.geom,
        because=ParcelVersion.Because.RESTORATION,
        made_by=actor,
        stands_from=moment,
    )


def awaits_signature(parcels: Sequence[Parcel]) -> bool:
    """Whether a verified title holds these or what they came from: whatever is made of them is a
    proposal until the change is signed.
    """
    land = ancestors_of(parcels) | {parcel.pk for parcel in parcels}
    return VerifiedTitle.objects.filter(parcel__in=land, ended_at__isnull=True).exists()


def neighbours(
    review: TitleReview, *, margin_deg: float = NEIGHBOURHOOD_DEG
) -> list[ParcelVersion]:
    """The standing shapes around, without the review's own parcels and what they came from."""
    shapes = current_shapes(review)
    if not shapes:
        return []
    own = {version.parcel_id for version in shapes} | own_parcels(review)
    found: dict[int, ParcelVersion] = {}
    for version in shapes:
        box = _box_around(version, margin_deg)
        for near in (
            ParcelVersion.objects.standing()
            .filter(geom__bboverlaps=box, parcel__ended_at__isnull=True)
            .exclude(parcel__in=own)
            .select_related("parcel")[:400]
        ):
            found[near.pk] = near
    return list(found.values())


def _box_around(version: ParcelVersion, margin_deg: float) -> GEOSGeometry:
    box = version.geom.envelope.buffer(margin_deg).envelope
    box.srid = version.geom.srid
    return box


def exclusions_around(review: TitleReview) -> list[ExclusionArea]:
    """Other programmes' projects and planned harvests on the land under review and beside it."""
    near = Q()
    for version in current_shapes(review):
        near |= Q(geom__bboverlaps=_box_around(version, NEIGHBOURHOOD_DEG))
    if not near:
        return []
    return list(ExclusionArea.objects.standing().filter(near).order_by("pk")[:MOST_EXCLUSIONS])


def own_parcels(review: TitleReview) -> set[int]:
    """Every parcel that the review is or was about."""
    return set(ReviewShape.objects.filter(review=review).values_list("parcel_id", flat=True))


def rivals(review: TitleReview, *, verified_only: bool) -> list[ParcelVersion]:
    """Neighbours with a right of the same kind: those whose border a title must keep."""
    around = neighbours(review)
    kinds = set(Right.objects.filter(certificate=review.certificate).values_list("kind", flat=True))
    parcels = [version.parcel_id for version in around]
    held = VerifiedTitle.objects.filter(
        parcel__in=parcels, ended_at__isnull=True, kind__in=kinds
    ).values_list("parcel_id", flat=True)
    if verified_only:
        kept = set(held)
    else:
        of_other_kinds = set(
            Right.objects.filter(parcel__in=parcels).values_list("parcel_id", flat=True)
        ) - set(
            Right.objects.filter(parcel__in=parcels, kind__in=kinds).values_list(
                "parcel_id", flat=True
            )
        )
        kept = set(parcels) - of_other_kinds
    return [version for version in around if version.parcel_id in kept]


def agreed_patches(parcel: Parcel) -> list[GEOSGeometry]:
    """The land of a parcel, or of what it came from, that was reported as an error of its title, where
    the bureau agreed.
    """
    return list(
        BoundaryMessage.objects.filter(
            parcel__in={parcel.pk} | ancestors_of([parcel]),
            kind=BoundaryMessage.Kind.REPORT_ERROR,
            answer=BoundaryMessage.Answer.AGREED,
        ).values_list("patch", flat=True)
    )


def as_shapely(geom: GEOSGeometry) -> BaseGeometry:
    return shapely.from_wkb(bytes(geom.wkb))


def as_stored(shape: BaseGeometry) -> MultiPolygon:
    """A MultiPolygon as the register keeps it; ShapeInvalid where it is none."""
    if shape.is_empty or not shape.is_valid:
        raise ShapeInvalid()
    if isinstance(shape, shapely.Polygon):
        shape = shapely.MultiPolygon([shape])
    return stored(shapely.to_wkb(shape, byte_order=1))


def stored(wkb: bytes) -> MultiPolygon:
    """WKB of a MultiPolygon in EPSG:4490 as the register takes it."""
    geom = GEOSGeometry(memoryview(wkb), srid=STORAGE_SRID)
    if not isinstance(geom, MultiPolygon):
        raise ShapeInvalid()
    return geom


def add_version(
    *,
    review: TitleReview,
    parcel: Parcel,
    geom: MultiPolygon,
    because: ParcelVersion.Because,
    facts: Mapping[str, Any],
    actor: User,
    beside: Sequence[TitleReview] = (),
) -> ParcelVersion:
    """A newer version of a parcel under review, and under the reviews ``beside`` it.

    It stands at once where the parcel is only registered; under a verified title it is a proposal
    until the change is verified. Whether the parcel is the review's to change is asked before.
    """
    held = awaits_signature([parcel])
    last = ParcelVersion.objects.filter(parcel=parcel).aggregate(last=Max("number"))["last"] or 0
    moment = now()
    if not held:
        ParcelVersion.objects.standing().filter(parcel=parcel).update(stands_to=moment)
    version = ParcelVersion.objects.create(
        parcel=parcel,
        number=last + 1,
        geom=geom,
        because=because,
        made_by=actor,
        stands_from=None if held else moment,
    )
    version.refresh_from_db()
    for one in [review, *beside]:
        ReviewShape.objects.create(
            review=one, parcel=parcel, version=version, facts=dict(facts), made_by=actor
        )
    return version
