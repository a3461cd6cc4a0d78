"""Whose the land under a review is: what is proved, what is the same paper, what others hold."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from parcels.access import own_land, proves_land
from parcels.models import (
    Finding,
    Parcel,
    ParcelLineage,
    ParcelVersion,
    Right,
    TitleCertificate,
    TitleReview,
)
from parcels.reviews.errors import LandNotProved, ParcelShared
from parcels.reviews.shapes import (
    ancestors_of,
    changes_by_office,
    current_shapes,
    own_parcels,
)
from portal.accounts.models import Party
from portal.accounts.queries import AnyUser, parties_acted_for, standing_links, standing_party
from portal.casework.moves import VerdictKind


def holders_of(certificate: TitleCertificate) -> list[Party]:
    """The parties of a certificate's rights."""
    return list(Party.objects.filter(rights__certificate=certificate).distinct().order_by("pk"))


def former_holders(review: TitleReview) -> list[Party]:
    """The parties of the title that a change replaces, whose matter it stays."""
    former = review.certificate.supersedes
    return [] if former is None else holders_of(former)


def hand_rights_on(certificate: TitleCertificate, *, former: Parcel, heir: Parcel) -> None:
    """Let a certificate hold ``heir`` as it holds ``former``."""
    Right.objects.bulk_create(
        Right(
            certificate=certificate,
            parcel=heir,
            kind=right.kind,
            party_id=right.party_id,
            share_numerator=right.share_numerator,
            share_denominator=right.share_denominator,
        )
        for right in Right.objects.filter(certificate=certificate, parcel=former).order_by("pk")
    )


def names_of_holders(certificate: TitleCertificate) -> QuerySet[Party]:
    """A certificate's holders under every name: the checked parties and all names linked to them."""
    checked = [standing_party(party).pk for party in holders_of(certificate)]
    linked = standing_links().filter(checked__in=checked).values("name_only")
    return Party.objects.filter(Q(pk__in=checked) | Q(pk__in=linked))


def same_paper(certificate: TitleCertificate, parcels: Iterable[int]) -> QuerySet[TitleCertificate]:
    """The same certificate as it came before on these parcels: of the same number, and held by its
    holders or by names that nobody has been linked to.

    A stranger who writes another's number on his form has another paper.
    """
    unlinked = Party.objects.filter(kind=Party.Kind.NAME_ONLY).exclude(
        pk__in=standing_links().values("name_only")
    )
    strangers = (
        Right.objects.filter(certificate=OuterRef("pk"))
        .exclude(party__in=names_of_holders(certificate))
        .exclude(party__in=unlinked)
    )
    return (
        TitleCertificate.objects.filter(
            number_key=certificate.number_key,
            state=TitleCertificate.State.REGISTERED,
            pk__in=Right.objects.filter(parcel__in=list(parcels)).values("certificate"),
        )
        .exclude(pk=certificate.pk)
        .exclude(Exists(strangers))
    )


def former_papers(review: TitleReview) -> QuerySet[TitleCertificate]:
    """The reviewed certificate as it came before, which the signature supersedes. A split or merge
    left its rights behind, on what the present parcels came from.
    """
    parcels = [version.parcel for version in current_shapes(review)]
    land = {parcel.pk for parcel in parcels} | ancestors_of(parcels)
    return same_paper(review.certificate, land)


def under_own_name(
    certificate: TitleCertificate, others: QuerySet[TitleCertificate]
) -> QuerySet[TitleCertificate]:
    """Those of ``others`` that bear the name of a holder of ``certificate``, checked or linked."""
    names = names_of_holders(certificate).values("name")
    return others.filter(pk__in=Right.objects.filter(party__name__in=names).values("certificate"))


def known_parcels(review: TitleReview, user: AnyUser) -> set[int]:
    """Parcels of the review that are proved to be of a party that ``user`` acts for, drawn by whoever
    registered the title and unchanged since, or made of nothing else: he may know their exact border and mend it.
    """
    return _proved(review, parties_acted_for(user))


def _proved(review: TitleReview, parties: QuerySet[Party]) -> set[int]:
    about = own_parcels(review)
    known = set(
        Right.objects.filter(
            proves_land("certificate__"), parcel__in=about, party__in=parties
        ).values_list("parcel", flat=True)
    )
    known |= set(
        ParcelVersion.objects.filter(
            parcel__in=about, number=1, because=ParcelVersion.Because.DRAWING,
            made_by=review.made_by, pk__in=review.shapes.values("version"),
        ).values_list("parcel", flat=True)
    )  # fmt: skip
    parents: dict[int, set[int]] = {}
    for parent, child in ParcelLineage.objects.filter(child__in=about).values_list(
        "parent", "child"
    ):
        parents.setdefault(child, set()).add(parent)
    while more := {child for child, of in parents.items() if child not in known and of <= known}:
        known |= more
    return known


def told_to_owner(review: TitleReview, user: AnyUser) -> set[str]:
    """The parcels whose exact border, and the certificates whose number, the owner may know: his own,
    and those that the officer's last return named in its findings. Otherwise a drawn shape would
    trace any neighbour's line.
    """
    papers = Right.objects.filter(party__in=parties_acted_for(user)).values("certificate")
    own = [own_land(user), TitleCertificate.objects.filter(pk__in=papers)]
    told = {str(key) for found in own for key in found.values_list("key", flat=True)}
    if review.case is None:
        return told
    returned = review.case.steps.get().verdicts.filter(verdict=VerdictKind.RETURN).last()
    if returned is not None:
        found = Finding.objects.filter(run__key=returned.facts["run"], other_key__isnull=False)
        told |= {str(key) for key in found.values_list("other_key", flat=True)}
    return told


def refuse_shared(parcel: Parcel, review: TitleReview, actor: AnyUser) -> None:
    """ParcelShared where the parcel is not this certificate's alone to change; LandNotProved where
    nobody else holds it, but nothing proves it the owner's and no officer has asked for a change.

    An owner stands on what is proved of the parties that he acts for, an officer on the holders of
    the certificate before him and on the paper itself. Where the land is proved theirs, only what
    proves as much blocks them: a draft on tapped land proves nothing. A verified title of another
    certificate is changed by a review of its own; one that the office changes at the same time gives
    way. The database refuses what goes against another's proved title (migrations 0025, 0040).
    """
    certificate = review.certificate
    by_office = review.state not in TitleReview.WITH_OWNER
    ours = names_of_holders(certificate) if by_office else parties_acted_for(actor)
    own = {certificate.pk, certificate.supersedes_id or certificate.pk}
    if by_office:
        own |= set(same_paper(certificate, [parcel.pk]).values_list("pk", flat=True))
    if by_office and review.because == TitleReview.Because.OFFICE:
        beside = changes_by_office().filter(certificate__rights__parcel=parcel)
        for newer in beside.values_list("certificate", "certificate__supersedes"):
            own |= {pk for pk in newer if pk is not None}
    others = (
        Right.objects.filter(parcel=parcel, certificate__state__in=["registered", "verified"])
        .exclude(certificate__in=own)
        .filter(Q(certificate__state=TitleCertificate.State.VERIFIED) | ~Q(party__in=ours))
    )
    proved = parcel.pk in _proved(review, ours)
    if proved:
        others = others.filter(proves_land("certificate__"))
    other = others.select_related("certificate").order_by("certificate").first()
    if other is not None:
        raise ParcelShared(number=other.certificate.number)
    if not proved and review.state == TitleReview.State.DRAFT:
        raise LandNotProved()
