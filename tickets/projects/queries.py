"""Reads around applications: whose they are, what may be linked, how shares follow from land."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.gis.geos import GEOSGeometry
from django.db import connection
from django.db.models import Max, Prefetch, Q, QuerySet

from parcels.models import (
    ProjectArea,
    ProjectAreaVersion,
    Right,
    RightKind,
    TitleCertificate,
    VerifiedTitle,
)
from portal.accounts.models import Department, Mandate, Party, User
from portal.accounts.queries import (
    members_of,
    names_of,
    parties_acted_for,
    standing_party,
    works_in,
)
from portal.casework.models import NoticeObjection
from tickets.projects.checklist import applicants_of
from tickets.projects.models import (
    OPEN_STATES,
    Application,
    ApplicationShare,
    ApplicationTitle,
    Project,
)

SHARE_DENOMINATOR = 10_000
# The part of some land that each party's verified titles hold, in m².
AREA_BY_PARTY = """
SELECT coalesce(link.checked_id, held.party_id) AS party,
       sum(ST_Area(ST_Intersection(area.geom, hold.geom)::geography)
           * held.share_numerator / held.share_denominator)
FROM (SELECT %s::geometry AS geom) AS area
JOIN parcels_verifiedtitle AS hold
  ON hold.geom && area.geom AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
 AND ST_Intersects(hold.geom, area.geom)
JOIN parcels_right AS held
  ON held.certificate_id = hold.certificate_id AND held.parcel_id = hold.parcel_id
 AND held.kind = hold.kind
LEFT JOIN accounts_partylink AS link
  ON link.name_only_id = held.party_id AND link.ended_at IS NULL
GROUP BY 1 ORDER BY 1
"""


def projects_of(user: User) -> QuerySet[Project]:
    """Projects whose owner the user acts for, or in whose tonnes he shares; the newest first."""
    mine = parties_acted_for(user)
    return (
        Project.objects.filter(Q(applicant__in=mine) | Q(applications__shares__party__in=mine))
        .select_related("applicant")
        .prefetch_related(
            Prefetch(
                "applications",
                Application.objects.exclude(state=Application.State.DISCARDED).select_related(
                    "case", "filing"
                ),
            )
        )
        .distinct()
        .order_by("-pk")
    )


def applicants_for(user: User) -> QuerySet[Party]:
    """Checked parties for whom the user may apply."""
    return parties_acted_for(user, Mandate.Scope.APPLY).filter(checked_at__isnull=False)


def consents_wanted_of(user: User) -> QuerySet[Application]:
    """Drafts that wait for the consent of a co-owner for whom the user gives it."""
    mine = parties_acted_for(user, Mandate.Scope.ALL)
    waiting = ApplicationShare.objects.filter(party__in=mine, consented_at__isnull=True)
    return Application.objects.filter(
        pk__in=waiting.values("application"), state__in=OPEN_STATES
    ).select_related("project__applicant")


def areas_of(party: Party) -> QuerySet[ProjectAreaVersion]:
    """The newest version of each area drawn for the party."""
    newest = (
        ProjectArea.objects.filter(party__in=names_of(party))
        .annotate(newest=Max("versions__pk"))
        .values("newest")
    )
    return (
        ProjectAreaVersion.objects.filter(pk__in=newest).select_related("area").order_by("-made_at")
    )


def open_objections(application: Application) -> QuerySet[NoticeObjection]:
    """What stands in the way of the determination: not answered, or upheld and not cured. Of notices
    before the newest, what names no patch or one that is still part of the land.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT projects_open_objections(%s)", [application.pk])
        found = [objection for (objection,) in cursor.fetchall()]
    return NoticeObjection.objects.filter(pk__in=found)


REVIEWING = (Department.FORESTRY, Department.NATURAL_RESOURCES, Department.ECOLOGY)


def with_changed_titles() -> QuerySet[Application]:
    """Under review or determined, though a certificate that they rest on is not verified any more."""
    gone = ApplicationTitle.objects.exclude(certificate__state=TitleCertificate.State.VERIFIED)
    return (
        Application.objects.filter(
            pk__in=gone.values("application"),
            state__in=[Application.State.SUBMITTED, Application.State.DETERMINED],
        )
        .select_related("project", "case")
        .order_by("submitted_at", "pk")
    )


def changed_titles_count(user: User) -> int | None:
    """How many applications wait to be returned for it; None for who reviews none."""
    if not any(works_in(user, office) for office in REVIEWING):
        return None
    return with_changed_titles().count()


def linkable_titles(application: Application, user: User) -> QuerySet[TitleCertificate]:
    """Verified certificates of tree ownership of the applicants, of their members, and of those for
    whom the user applies: several owners with one representative (article 5).
    """
    holders = set(parties_acted_for(user, Mandate.Scope.APPLY).values_list("pk", flat=True))
    for party in applicants_of(application):
        holders.update(names_of(party).values_list("pk", flat=True))
        for membership in members_of(party):
            holders.update(names_of(membership.member).values_list("pk", flat=True))
    held = Right.objects.filter(party__in=holders, kind=RightKind.TREE_OWNERSHIP)
    titles = TitleCertificate.objects.filter(
        state=TitleCertificate.State.VERIFIED, pk__in=held.values("certificate")
    )
    return titles.order_by("number")


def covering_titles(land: GEOSGeometry) -> QuerySet[VerifiedTitle]:
    """Verified tree ownership under the land; neighbours that only share a border do not count."""
    return VerifiedTitle.objects.filter(
        ended_at__isnull=True,
        kind=RightKind.TREE_OWNERSHIP,
        geom__bboverlaps=land,
        geom__relate=(land, "T********"),
    )


def possible_sharers(application: Application) -> list[Party]:
    """Who may share the tonnes: the applicant, its members, and who holds the linked titles."""
    found = {application.project.applicant_id: application.project.applicant}
    for share in application.shares.select_related("party"):
        found[share.party_id] = share.party
    for membership in members_of(application.project.applicant):
        member = standing_party(membership.member)
        found[member.pk] = member
    rights = Right.objects.filter(
        certificate__in=application.titles.values("certificate"), kind=RightKind.TREE_OWNERSHIP
    ).select_related("party")
    for right in rights:
        party = standing_party(right.party)
        if party.checked_at is not None:
            found[party.pk] = party
    return list(found.values())


def area_by_party(land: GEOSGeometry) -> dict[int, float]:
    """Party → m² of the land that its verified titles of tree ownership hold."""
    with connection.cursor() as cursor:
        cursor.execute(AREA_BY_PARTY, [land.hexewkb.decode()])
        return {int(party): float(area) for party, area in cursor.fetchall()}


def shares_of_whole(weights: Sequence[float], whole: int = SHARE_DENOMINATOR) -> list[int]:
    """Whole numerators in proportion, by largest remainder in the order of the list; they sum to
    ``whole``. Weights that are all zero are shared equally.
    """
    total = sum(weights)
    if total <= 0:
        weights, total = [1.0] * len(weights), float(len(weights))
    exact = [weight * whole / total for weight in weights]
    parts = [int(value) for value in exact]
    by_remainder = sorted(
        range(len(exact)), key=lambda place: (-(exact[place] - parts[place]), place)
    )
    for place in by_remainder[: whole - sum(parts)]:
        parts[place] += 1
    return parts
