"""The demonstration's titles: verified land of three owners, and a work list in every state.

All of it goes through the real operations, in the order in which people would act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import shapely
import typst
from django.contrib.gis.geos import Point
from django.utils.translation import gettext as _
from shapely.ops import substring

from parcels.models import (
    BoundaryMessage,
    ParcelVersion,
    Right,
    RightKind,
    TitleCertificate,
    TitleReview,
)
from parcels.reviews.boundaries import write_about_boundary
from parcels.reviews.models import Outcome, Side
from parcels.reviews.operations import (
    propose_outcome,
    return_title,
    say_in_review,
    sign_review,
    submit_title,
    take_review,
    tick_side,
)
from parcels.reviews.queries import sides_on_map
from parcels.reviews.repairs import degrees, multi, plane
from parcels.reviews.shapes import as_shapely, seen_mark
from parcels.stand_codes import PURPOSE, in_words
from parcels.titles.land import Land
from parcels.titles.operations import CertificateFacts, register_title, request_change
from portal.accounts.demo import party_of
from portal.accounts.models import Party, User
from portal.base.clock import today
from portal.base.story import Chapter
from portal.casework.documents import PNG, Upload

# Parcels that touch: the township, how many, who holds the first half of them, who the second.
CLUSTERS = (
    ("654002202", 16, "owner1", "owner2"),
    ("654002203", 16, "owner1", "collective"),
    ("654002100", 16, "owner2", "collective"),
    ("654002102", 12, "owner1", "owner2"),
    ("654002101", 12, "owner2", "collective"),
    ("654002205", 12, "owner1", "collective"),
)
INTO_M = 3.0
MOST_DIFFERENCE = 0.04
REVIEW_DAYS_AGO = 40
FONT = "WenQuanYi Micro Hei"


@dataclass(frozen=True, slots=True)
class People:
    """Who acts in this chapter."""

    users: dict[str, User]

    def party(self, name: str) -> Party:
        return party_of(self.users[name])

    @property
    def clerk(self) -> User:
        return self.users["natural_resources"]

    @property
    def approver(self) -> User:
        return self.users["natural_resources_approver"]


def play_titles(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """Verified titles of owner1, owner2 and the collective, on which the later stages stand."""
    people = People(users)
    count = 0
    for township, size, first, second in CLUSTERS:
        cluster = touching_parcels(township, size)
        for at, version in enumerate(cluster):
            verified_title(people, first if at < len(cluster) // 2 else second, version)
            count += 1
    tell(_("示例权属：审核通过 {count} 件").format(count=count))


def play_bench(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """Cases for the work list, when the story's clock has come to its present day."""
    open_cases(People(users))
    tell(
        _("示例权属：在办 {open} 件").format(
            open=TitleReview.objects.filter(state__in=TitleReview.OPEN).count()
        )
    )


def touching_parcels(township: str, count: int) -> list[ParcelVersion]:
    """Parcels of a township that hang together by common borders, found from the first that has
    so many around it.
    """
    there = agreeing_parcels(township)
    shapes = [as_shapely(version.geom) for version in there]
    tree = shapely.STRtree(shapes)
    for start in range(len(there)):
        reached = [start]
        for at in reached:
            near = sorted(int(one) for one in tree.query(shapes[at], predicate="touches"))
            reached += [one for one in near if one not in reached]
            if len(reached) >= count:
                return [there[one] for one in reached[:count]]
    raise AssertionError("the sample land is a mosaic")  # pragma: no cover


def agreeing_parcels(township: str) -> list[ParcelVersion]:
    """Those of a township whose certificate agrees with the map; others are for the officer."""
    certified = dict(
        Right.objects.filter(
            certificate__record__isnull=False, parcel__township_code=township
        ).values_list("parcel_id", "certificate__area_m2_certified")
    )
    return [
        version
        for version in ParcelVersion.objects.standing()
        .filter(parcel__in=certified)
        .select_related("parcel")
        .order_by("parcel__unit_number", "pk")
        if abs((certified[version.parcel_id] or 0) / version.area_m2 - 1) < MOST_DIFFERENCE
    ]


def paper_of(version: ParcelVersion) -> TitleCertificate | None:
    """The certificate that the sample's file names for a parcel."""
    right = (
        Right.objects.filter(parcel=version.parcel_id, certificate__record__isnull=False)
        .select_related("certificate")
        .first()
    )
    return right.certificate if right else None


def facts_on(version: ParcelVersion, *, number: str = "") -> CertificateFacts:
    """What the paper says of one parcel."""
    parcel = version.parcel
    paper = paper_of(version)
    stand = parcel.stands.filter(replaced_at__isnull=True).first()
    return CertificateFacts(
        kind=TitleCertificate.Kind(paper.kind) if paper else TitleCertificate.Kind.FOREST,
        number=number or (paper.number if paper else ""),
        area_m2_certified=paper.area_m2_certified if paper else None,
        term_begins_on=date(2008, 1, 1),
        term_ends_on=date(2057, 12, 31),
        located_at=_("{village} 村 {compartment} 林班").format(
            village=parcel.village, compartment=parcel.compartment
        ),
        species=stand.species if stand else "",
        forest_purpose=in_words(PURPOSE, stand.forest_purpose) if stand else "",
        side_east=_("林带"),
        side_south=_("水渠"),
        side_west=_("田间路"),
        side_north=_("相邻小班"),
    )


def verified_title(people: People, owner: str, version: ParcelVersion) -> TitleReview:
    """One title, registered by tapping its parcel, all the way to the approver's signature."""
    review = registered(people, owner, [Land(parcel=version.parcel)], facts_on(version))
    review = submit_title(review=review, actor=people.users[owner])
    review = proposed(people, review)
    return sign_review(review=review, seen=seen_mark(review), actor=people.approver)


def registered(
    people: People, owner: str, land: Sequence[Land], facts: CertificateFacts
) -> TitleReview:
    return register_title(
        party=people.party(owner),
        facts=facts,
        kinds=[RightKind.TREE_OWNERSHIP, RightKind.TREE_USE],
        land=land,
        actor=people.users[owner],
    )


def proposed(
    people: People,
    review: TitleReview,
    outcome: Outcome = Outcome.VERIFIED,
    *,
    reason: str = "",
    article: str = "",
) -> TitleReview:
    """Taken in hand, the four sides ticked, an opinion given."""
    review = take_review(review=review, actor=people.clerk)
    on_map = sides_on_map(review, staff=True)
    for side in Side:
        tick_side(review=review, side=side, on_map=on_map[side], agrees=True, actor=people.clerk)
    return propose_outcome(
        review=review,
        outcome=outcome,
        seen=seen_mark(review),
        reason=reason,
        article=article,
        actor=people.clerk,
    )


def free_border(version: ParcelVersion, others: Sequence[ParcelVersion]) -> shapely.LineString:
    """The longest stretch of a border with none of ``others`` near; in the plane, maybe empty."""
    theirs = shapely.union_all([plane(as_shapely(other.geom)) for other in others])
    left = plane(as_shapely(version.geom)).boundary.difference(theirs.buffer(5))
    return max(shapely.get_parts(left), key=shapely.length, default=shapely.LineString())


def reaching_into(version: ParcelVersion, others: Sequence[ParcelVersion]) -> Land:
    """A plot laid along a parcel's border that reaches three metres into it, as a careless survey
    would have it; the other verified parcels are spared.
    """
    mine = plane(as_shapely(version.geom))
    theirs = shapely.union_all([plane(as_shapely(other.geom)) for other in others])
    border = free_border(version, others)
    strip = substring(border, 0, min(border.length, 120)).buffer(30, cap_style="flat")
    plot = strip.difference(mine.buffer(-INTO_M)).difference(theirs)
    return Land(wkb=bytes(shapely.to_wkb(multi([degrees(plot)]), byte_order=1)))


def scan_of(facts: CertificateFacts, holder: str) -> Upload:
    """A picture of a paper, as it lies on the scanner."""
    area = f"{facts.area_m2_certified / 10_000:.4f}" if facts.area_m2_certified else "—"
    rows = (
        ("权利人", holder), ("坐落", facts.located_at), ("面积（公顷）", area),
        ("主要树种", facts.species), ("林种", facts.forest_purpose),
        ("终止日期", str(facts.term_ends_on or "")), ("东至", facts.side_east),
        ("南至", facts.side_south), ("西至", facts.side_west), ("北至", facts.side_north),
    )  # fmt: skip
    cells = ", ".join(f"[{label}], [{text}]" for label, text in rows)
    source = (
        f'#set page(width: 148mm, height: 190mm, margin: 14mm, fill: rgb("#fbf6e6"))\n'
        f'#set text(font: "{FONT}", size: 11pt)\n'
        f"#align(center)[#text(size: 20pt)[林 权 证] #v(1mm) {facts.number} #v(1mm)"
        f"#text(size: 8pt, fill: gray)[演示样本，非真实证书]]\n#v(4mm)\n"
        f'#table(columns: (34mm, 1fr), inset: 7pt, stroke: 0.5pt + rgb("#8a5a00"), {cells})'
    )
    data = typst.compile(source.encode(), format="png", ppi=110)
    assert isinstance(data, bytes)  # One page.
    return Upload(data, PNG, "林权证扫描件.png")


def free_parcels() -> Iterator[ParcelVersion]:
    """Sample parcels of the hills that nobody in this story holds yet."""
    for version in agreeing_parcels("654002205"):
        if not version.parcel.verified_titles.exists():
            yield version


def open_cases(people: People) -> None:
    """One case of each kind for the work list."""
    free = free_parcels()
    clerk = people.clerk
    # New: nobody has taken it yet.
    submit_title(
        review=registered(
            people, "owner1", [Land(parcel=(version := next(free)).parcel)], facts_on(version)
        ),
        actor=people.users["owner1"],
    )
    overdue = next(free)
    submit_title(
        review=registered(people, "owner2", [Land(parcel=overdue.parcel)], facts_on(overdue)),
        actor=people.users["owner2"],
        received_on=today() - timedelta(days=REVIEW_DAYS_AGO),
    )
    conflict(people)
    returned = next(free)
    review = submit_title(
        review=registered(people, "collective", [Land(parcel=returned.parcel)], facts_on(returned)),
        actor=people.users["collective"],
    )
    review = take_review(review=review, actor=clerk)
    place = returned.geom.point_on_surface
    say_in_review(
        review=review,
        text=_("此处界址点与现场林带边缘不一致，请核实。"),
        place=Point(place.x, place.y, srid=4490),
        internal=False,
        as_officer=True,
        actor=clerk,
    )
    return_title(
        review=review,
        asked=_("请核实北侧界址点，并补传清晰的证书扫描件。"),
        seen=seen_mark(review),
        actor=clerk,
    )
    approving = next(free)
    proposed(
        people,
        submit_title(
            review=registered(
                people, "owner1", [Land(parcel=approving.parcel)], facts_on(approving)
            ),
            actor=people.users["owner1"],
        ),
    )
    rejected = next(free)
    review = proposed(
        people,
        submit_title(
            review=registered(people, "owner2", [Land(parcel=rejected.parcel)], facts_on(rejected)),
            actor=people.users["owner2"],
        ),
        Outcome.REJECTED,
        reason=_("证书记载的权利人与申请人不一致，权属不清晰。"),
        article="第四条",
    )
    sign_review(review=review, seen=seen_mark(review), actor=people.approver)
    draft = next(free)
    registered(people, "owner1", [Land(parcel=draft.parcel)], facts_on(draft))
    standing = (
        TitleCertificate.objects.filter(state="verified", rights__party=people.party("owner1"))
        .order_by("pk")
        .first()
    )
    assert standing is not None  # This chapter began with them.
    request_change(
        certificate=standing,
        reason=_("拟将林地分割为两宗，分别经营。"),
        party=people.party("owner1"),
        actor=people.users["owner1"],
    )


def conflict(people: People) -> None:
    """A title that reaches into a verified one; the neighbour has been asked."""
    standing = list(
        ParcelVersion.objects.standing()
        .filter(
            parcel__verified_titles__ended_at__isnull=True, parcel__verified_titles__isnull=False
        )
        .select_related("parcel")
        .distinct()
        .order_by("pk")
    )
    mine = [
        version
        for version in standing
        if Right.objects.filter(
            parcel=version.parcel, party=people.party("owner1"), certificate__state="verified"
        ).exists()
    ]

    def others(version: ParcelVersion) -> list[ParcelVersion]:
        return [other for other in standing if other != version]

    version = max(mine, key=lambda one: free_border(one, others(one)).length)
    land = reaching_into(version, others(version))
    assert land.wkb is not None  # ``reaching_into`` draws.
    facts = replace(
        facts_on(version, number="伊市林证字（2012）第0088001号"),
        kind=TitleCertificate.Kind.FOREST,
        area_m2_certified=round(plane(shapely.from_wkb(land.wkb)).area),
    )
    review = register_title(
        party=people.party("owner2"),
        facts=facts,
        kinds=[RightKind.TREE_OWNERSHIP, RightKind.TREE_USE],
        land=[land],
        scan=scan_of(facts, people.party("owner2").name),
        actor=people.users["owner2"],
    )
    review = submit_title(review=review, actor=people.users["owner2"])
    review = take_review(review=review, actor=people.clerk)
    assert review.run is not None  # The submission kept one.
    finding = review.run.findings.filter(severity="conflict", shape__isnull=False).first()
    if finding is not None:
        write_about_boundary(
            review=review,
            finding=finding,
            kind=BoundaryMessage.Kind.ASK_NEIGHBOUR,
            text=_("我方图形与您的林地有重叠，请一起核对界线。"),
            as_officer=False,
            actor=people.users["owner2"],
        )


CHAPTERS = (Chapter(740, play_titles), Chapter(1, play_bench))
