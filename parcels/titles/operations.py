"""What an owner does with a title: register, correct, repair, split, merge, change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import shapely
from django.contrib.gis.geos import MultiPolygon
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from shapely.geometry.base import BaseGeometry

from parcels.intake.numbers import normalised
from parcels.models import (
    Parcel,
    ParcelLineage,
    ParcelVersion,
    ReviewShape,
    Right,
    RightKind,
    TitleCertificate,
    TitleReview,
)
from parcels.reviews.errors import (
    DecidedTogether,
    LeftToOwner,
    NeighboursNotOpen,
    NotWithBureau,
    NotWithOwner,
)
from parcels.reviews.holding import hand_rights_on, holders_of, refuse_shared, told_to_owner
from parcels.reviews.operations import (
    change_of,
    change_the_others,
    held_land,
    locked,
    record,
    require_officer,
    show_check,
    tell_owner,
)
from parcels.reviews.queries import CERTIFICATE, ORIGINAL, SCAN, holders_in_words
from parcels.reviews.repairs import RepairKind, clip, cut_along, joined, simplify, snap
from parcels.reviews.shapes import (
    add_version,
    agreed_patches,
    as_shapely,
    as_stored,
    awaits_signature,
    changes_about,
    current_shapes,
    present_shape,
    rivals,
    stored,
)
from parcels.rules.table import Stage
from parcels.titles.errors import (
    LandMissing,
    NumberInUse,
    RegisterNumbersKept,
    TapTooMuch,
)
from parcels.titles.land import Land, Place
from parcels.titles.owners import SOLE, Shares, holders
from portal.accounts.errors import MandateMissing
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import AnyUser, parties_acted_for, require_mandate
from portal.base.clock import now
from portal.base.errors import InvalidInput
from portal.base.transactions import write_transaction
from portal.casework.documents import Upload, add_document

NUMBER_LENGTH = 80


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What is written on the paper."""

    kind: TitleCertificate.Kind
    number: str
    area_m2_certified: float | None = None
    term_begins_on: date | None = None
    term_ends_on: date | None = None
    located_at: str = ""
    species: str = ""
    tree_count: int | None = None
    forest_purpose: str = ""
    side_east: str = ""
    side_south: str = ""
    side_west: str = ""
    side_north: str = ""


@write_transaction
def register_title(
    *,
    party: Party,
    facts: CertificateFacts,
    kinds: Sequence[RightKind],
    land: Sequence[Land],
    actor: User,
    scan: Upload | None = None,
    original: Upload | None = None,
    shares: Shares = SOLE,
) -> TitleReview:
    """Register a certificate of a party that ``actor`` acts for, on new or registered land.

    Co-owners hold each right in their ``shares``; a mandate is needed for one of them, the party.

    It is registered, not verified: it may overlap others, and waits as a draft for its submission.
    """
    require_mandate(actor, party, Mandate.Scope.APPLY)
    number_key = normalised(facts.number)
    if not number_key:
        raise InvalidInput(field=_("证号"), reason=facts.number)
    if not kinds:
        raise InvalidInput(field=_("权利种类"), reason=_("请至少选择一项"))
    if not land:
        raise LandMissing()
    _refuse_number_in_use([party], facts.number)
    held_by = holders(party, shares)
    certificate = TitleCertificate.objects.create(
        **{**asdict(facts), "number": facts.number[:NUMBER_LENGTH]},
        number_key=number_key[:NUMBER_LENGTH],
        made_by=actor,
    )
    review = TitleReview.objects.create(
        certificate=certificate, because=TitleReview.Because.REGISTRATION, made_by=actor
    )
    moment = now()
    for piece in land:
        parcel = piece.parcel
        if parcel is None:
            assert piece.wkb is not None  # One of the two: ``land`` makes no other.
            parcel = Parcel.objects.create(**piece.place.as_columns())
            version = ParcelVersion.objects.create(
                parcel=parcel,
                number=1,
                geom=stored(piece.wkb),
                because=ParcelVersion.Because.DRAWING,
                made_by=actor,
                stands_from=moment,
            )
        else:
            present = ParcelVersion.objects.standing().filter(parcel=parcel).first()
            if present is None:  # Split or merged since it was tapped.
                raise TapTooMuch()
            version = present
        Right.objects.bulk_create(
            Right(
                certificate=certificate,
                parcel=parcel,
                kind=kind,
                party=holder,
                share_numerator=share,
                share_denominator=shares.of,
            )
            for kind in kinds
            for holder, share in held_by
        )
        ReviewShape.objects.create(review=review, parcel=parcel, version=version, made_by=actor)
    if scan is not None:
        attach_scan(certificate=certificate, scan=scan, actor=actor)
    if original is not None:
        add_document(
            subject_kind=CERTIFICATE,
            subject_key=certificate.key,
            kind=ORIGINAL,
            upload=original,
            actor=actor,
        )
    record(
        review,
        "registered",
        actor,
        parcels=len(land),
        certificate=str(certificate.key),
        holders=len(held_by),
    )
    return _checked(review, actor)


def _refuse_number_in_use(
    parties: Sequence[Party], number: str, *, but: Sequence[int | None] = ()
) -> None:
    """NumberInUse where another certificate of one of the parties bears the number, ``but`` for
    these. A takeover's conflict whose case came to nothing is registered anew under it.
    """
    newest = TitleReview.objects.filter(certificate=OuterRef("pk")).order_by("-pk").values("state")
    if (
        TitleCertificate.objects.filter(
            number_key=normalised(number)[:NUMBER_LENGTH],
            state__in=["registered", "verified"],
            rights__party__in=parties,
        )
        .exclude(pk__in=[pk for pk in but if pk is not None])
        .annotate(reviewed=Coalesce(Subquery(newest[:1]), Value("")))
        .exclude(reviewed__in=[TitleReview.State.REJECTED, TitleReview.State.WITHDRAWN])
        .exists()
    ):
        raise NumberInUse(number=number)


@write_transaction
def attach_scan(*, certificate: TitleCertificate, scan: Upload, actor: User) -> None:
    """A scan of the paper, kept under its hash; a newer one is a further version."""
    add_document(
        subject_kind=CERTIFICATE, subject_key=certificate.key, kind=SCAN, upload=scan, actor=actor
    )


@write_transaction
def change_facts(
    *, review: TitleReview, facts: CertificateFacts, as_officer: bool, actor: User
) -> None:
    """Correct what was typed from the paper, while the title is with its owner or, by office, in hand.

    NumberInUse where another certificate of its holders bears the corrected number.
    """
    review = _in_hand(review, actor, as_officer=as_officer)
    number_key = normalised(facts.number)
    if not number_key:
        raise InvalidInput(field=_("证号"), reason=facts.number)
    certificate = review.certificate
    _refuse_number_in_use(
        holders_of(certificate), facts.number, but=[certificate.pk, certificate.supersedes_id]
    )
    TitleCertificate.objects.filter(pk=certificate.pk).update(
        **{**asdict(facts), "number": facts.number[:NUMBER_LENGTH]},
        number_key=number_key[:NUMBER_LENGTH],
    )
    record(review, "facts_changed", actor)
    _checked(review, actor)


@write_transaction
def correct_place(*, review: TitleReview, parcel: Parcel, place: Place, actor: User) -> None:
    """Correct the unit number and compartment of one's own drawn parcel, while it is with its owner.

    RegisterNumbersKept for land that a file brought, ParcelShared where others stand on it too,
    VerifiedParcelFrozen under a verified title.
    """
    review = _with_owner(locked(review))
    present_shape(review, parcel)
    refuse_shared(parcel, review, actor)
    if parcel.versions.filter(because=ParcelVersion.Because.IMPORT).exists():
        raise RegisterNumbersKept()
    Parcel.objects.filter(pk=parcel.pk).update(**place.as_columns())
    record(review, "place_corrected", actor, parcel=str(parcel.key))
    _checked(review, actor)


@write_transaction
def change_shares(*, review: TitleReview, party: Party, shares: Shares, actor: User) -> None:
    """Correct who holds the rights together and in which shares, while the title is with its owner.

    ``party`` is the holder that ``actor`` acts for; every right of the certificate on every parcel
    is held alike, as it was registered.
    """
    review = _with_owner(locked(review))
    require_mandate(actor, party, Mandate.Scope.APPLY)
    rights = Right.objects.filter(certificate=review.certificate_id)
    present = list(Party.objects.filter(rights__in=rights).distinct())
    if party not in present:
        raise InvalidInput(field=_("权利人"), reason=party.name)
    held_by = holders(party, shares, present)
    land = sorted(set(rights.values_list("parcel", "kind")))
    rights.delete()
    Right.objects.bulk_create(
        Right(
            certificate_id=review.certificate_id,
            parcel_id=parcel,
            kind=kind,
            party=holder,
            share_numerator=share,
            share_denominator=shares.of,
        )
        for parcel, kind in land
        for holder, share in held_by
    )
    record(review, "shares_changed", actor, holders=len(held_by))
    tell_owner(
        review,
        _("权利人和份额已更正：{number}"),
        "、".join(holders_in_words(review.certificate)),
        but=actor,
    )
    _checked(review, actor)


@write_transaction
def correct_shape(
    *, review: TitleReview, parcel: Parcel, geom: MultiPolygon, as_officer: bool, actor: User
) -> ParcelVersion:
    """A corrected boundary: a newer version, while the title is with its owner or, by office, in hand."""
    review = _in_hand(review, actor, as_officer=as_officer)
    present_shape(review, parcel)
    beside = _beside(review, parcel, actor)
    refuse_shared(parcel, review, actor)
    version = add_version(
        review=review,
        beside=beside,
        parcel=parcel,
        geom=geom,
        because=ParcelVersion.Because.CORRECTION,
        facts={},
        actor=actor,
    )
    for one in [review, *beside]:
        record(one, "corrected", actor, parcel=str(parcel.key), version=version.number)
        _checked(one, actor)
    return version


def repaired(
    review: TitleReview,
    version: ParcelVersion,
    kind: RepairKind,
    metres: float,
    *,
    reader: AnyUser | None,
) -> shapely.MultiPolygon:
    """What a repair would make of a version; RepairChangesNothing when nothing.

    ``reader`` is the owner's user, who is given no border that he may not know (NeighboursNotOpen);
    None for an officer.
    """
    shape = as_shapely(version.geom)
    if kind is RepairKind.SIMPLIFY:
        return simplify(shape, metres)
    if kind is RepairKind.YIELD:
        if reader is not None:
            raise NeighboursNotOpen()
        return clip(shape, [as_shapely(patch) for patch in agreed_patches(version.parcel)])
    around = rivals(review, verified_only=kind is RepairKind.CLIP)
    if reader is not None:
        told = told_to_owner(review, reader)
        known = [one for one in around if str(one.parcel.key) in told]
        if around and not known:
            raise NeighboursNotOpen()
        around = known
    shapes = [as_shapely(one.geom) for one in around]
    return clip(shape, shapes) if kind is RepairKind.CLIP else snap(shape, shapes, metres)


@write_transaction
def repair_shape(
    *,
    review: TitleReview,
    parcel: Parcel,
    kind: RepairKind,
    metres: float,
    as_officer: bool,
    actor: User,
) -> ParcelVersion:
    """Accept an offered repair as a newer version; by the owner or, in hand, by the clerk."""
    review = locked(review)
    if as_officer:
        require_officer(review, actor)
        if review.state != TitleReview.State.PREPARING:
            raise NotWithBureau(state=review.get_state_display())
    else:
        _with_owner(review)
    present = present_shape(review, parcel)
    beside = _beside(review, parcel, actor)
    refuse_shared(parcel, review, actor)
    shape = repaired(review, present, kind, metres, reader=None if as_officer else actor)
    facts: dict[str, Any] = {"kind": kind.value, "metres": metres, "from": present.number}
    version = add_version(
        review=review,
        beside=beside,
        parcel=parcel,
        geom=as_stored(shape),
        because=ParcelVersion.Because.REPAIR,
        facts=facts,
        actor=actor,
    )
    for one in [review, *beside]:
        record(one, "repaired", actor, parcel=str(parcel.key), **facts, version=version.number)
        _checked(one, actor)
    return version


@write_transaction
def split_parcel(
    *, review: TitleReview, parcel: Parcel, line: shapely.LineString, actor: User
) -> list[Parcel]:
    """Cut a parcel along a line; the pieces descend from it and take its rights over."""
    review = _with_owner(locked(review))
    present = present_shape(review, parcel)
    pieces = cut_along(as_shapely(present.geom), line)
    return _replace(review, [present], pieces, ParcelVersion.Because.SPLIT, actor)


@write_transaction
def merge_parcels(*, review: TitleReview, parcels: Sequence[Parcel], actor: User) -> Parcel:
    """Join touching parcels of one certificate into one that descends from them."""
    review = _with_owner(locked(review))
    present = [present_shape(review, parcel) for parcel in dict.fromkeys(parcels)]
    if len(present) < 2:
        raise InvalidInput(field=_("宗地"), reason=_("请至少选择两宗"))
    whole = joined([as_shapely(one.geom) for one in present])
    return _replace(review, present, [whole], ParcelVersion.Because.MERGE, actor)[0]


def _replace(
    review: TitleReview,
    former: Sequence[ParcelVersion],
    shapes: Sequence[BaseGeometry],
    because: ParcelVersion.Because,
    actor: User,
) -> list[Parcel]:
    """New parcels in the place of former ones. Under a verified title all of it is a proposal."""
    certificate, moment = review.certificate, now()
    parents = [version.parcel for version in former]
    for parent in parents:
        refuse_shared(parent, review, actor)
    proposed = awaits_signature(parents)
    for version in former:
        ReviewShape.objects.create(
            review=review, parcel=version.parcel, version=version, leaves=True, made_by=actor
        )
    children = []
    first = parents[0]
    for shape in shapes:
        child = Parcel.objects.create(
            county_code=first.county_code,
            township_code=first.township_code,
            village=first.village,
            compartment=first.compartment,
            place_name=first.place_name,
        )
        version = ParcelVersion.objects.create(
            parcel=child,
            number=1,
            geom=as_stored(shape),
            because=because,
            made_by=actor,
            stands_from=None if proposed else moment,
        )
        ReviewShape.objects.create(review=review, parcel=child, version=version, made_by=actor)
        hand_rights_on(certificate, former=first, heir=child)
        ParcelLineage.objects.bulk_create(
            ParcelLineage(parent=parent, child=child, because=because, made_by=actor)
            for parent in parents
        )
        children.append(child)
    Right.objects.filter(certificate=certificate, parcel__in=parents).delete()
    if not proposed:
        ParcelVersion.objects.standing().filter(parcel__in=parents).update(stands_to=moment)
        Parcel.objects.filter(pk__in=[parent.pk for parent in parents]).update(ended_at=moment)
    record(
        review,
        because.value,
        actor,
        parents=[str(parent.key) for parent in parents],
        children=[str(child.key) for child in children],
    )
    _checked(review, actor)
    return children


@write_transaction
def request_change(
    *, certificate: TitleCertificate, reason: str, party: Party, actor: User
) -> TitleReview:
    """Ask to change a verified title: a newer certificate of the same number with its own review.

    The verified one stands, frozen, until the change is signed; then it is superseded.
    """
    require_mandate(actor, party, Mandate.Scope.APPLY)
    review = change_of(certificate, TitleReview.Because.CHANGE, reason, actor)
    for version in held_land(certificate):
        ReviewShape.objects.create(
            review=review, parcel_id=version.parcel_id, version=version, made_by=actor
        )
    record(review, "change_requested", actor, certificate=str(certificate.key))
    tell_owner(review, _("已提出权属变更：{number}"), review.request_reason, but=actor)
    return _checked(review, actor)


def _beside(review: TitleReview, parcel: Parcel, actor: User) -> list[TitleReview]:
    """The changes by office that a new shape of this parcel concerns too; those that had none open.

    DecidedTogether where one of them is not in hand.
    """
    if review.because != TitleReview.Because.OFFICE or review.state in TitleReview.WITH_OWNER:
        return []
    change_the_others(review, [parcel], actor)
    others = [
        locked(one)
        for one in changes_about([parcel]).exclude(pk=review.pk).order_by("pk")
        if parcel in [version.parcel for version in current_shapes(one)]
    ]
    for one in others:
        require_officer(one, actor)
        if one.state != TitleReview.State.PREPARING:
            raise DecidedTogether(number=one.certificate.number, state=one.get_state_display())
    return others


def _checked(review: TitleReview, actor: User) -> TitleReview:
    """The rules' word on what the title has become, before anybody else sees it."""
    stage = Stage.SUBMIT if review.state in TitleReview.WITH_OWNER else Stage.REVIEW
    return show_check(review=review, stage=stage, actor=actor)


def _with_owner(review: TitleReview) -> TitleReview:
    if review.state not in TitleReview.WITH_OWNER:
        raise NotWithOwner(state=review.get_state_display())
    return review


def _in_hand(review: TitleReview, actor: User, *, as_officer: bool) -> TitleReview:
    """For whoever corrects it now: who applies for a holder, or, of a case by office, its officer.

    NotWithOwner, MandateMissing; LeftToOwner, NotWithBureau, and as ``require_officer`` says.
    """
    review = locked(review)
    if not as_officer:
        if not (
            parties_acted_for(actor, Mandate.Scope.APPLY)
            .filter(rights__certificate=review.certificate_id)
            .exists()
        ):
            raise MandateMissing(party=str(review.certificate.key))
        return _with_owner(review)
    require_officer(review, actor)
    if not review.by_office:
        raise LeftToOwner()
    if review.state != TitleReview.State.PREPARING:
        raise NotWithBureau(state=review.get_state_display())
    return review
