"""The demonstration's projects: drafts on the owners' verified land, then their way to filings.

Four waves of projects over two years, and the ones that are under review now. A wave is drafted,
its reports are signed (the accounting's chapter of the same day), and some days later it is reviewed
to the filing. Everything goes through the real operations, in the order in which people would act.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.translation import gettext as _
from django.utils.translation import override

from parcels.claims.operations import open_project_area
from parcels.claims.queries import days
from parcels.models import (
    ExclusionArea,
    ProjectAreaVersion,
    RightKind,
    TitleCertificate,
    VerifiedTitle,
)
from portal.accounts.demo import party_of
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import names_of, people_acting_for
from portal.base.clock import advance_clock, now, today
from portal.base.models import STORAGE_SRID
from portal.base.pdf import compile_pdf
from portal.base.story import Chapter
from portal.casework.documents import PDF, Upload
from portal.casework.models import Expert, ExpertConflict, Opinion
from portal.casework.moves import VerdictKind
from portal.casework.notices import object_to_notice
from portal.casework.operations import add_comment, ask_expert, entrust_step, give_opinion
from tickets.projects.checklist import (
    CHECKLISTS,
    latest_materials,
    latest_result,
    terms_of,
    without_consent,
)
from tickets.projects.models import (
    KG_PER_TONNE,
    Application,
    ApplicationTitle,
    Material,
    Project,
)
from tickets.projects.notes import notice_of
from tickets.projects.operations import (
    PlannedMeasure,
    Share,
    add_material,
    consent_to_share,
    link_titles,
    set_measures,
    set_shares,
    start_application,
    start_project,
    submit_application,
)
from tickets.projects.papers import SHEETS, registration_rows, signed_paper
from tickets.projects.plan import Step
from tickets.projects.queries import SHARE_DENOMINATOR, area_by_party, shares_of_whole
from tickets.projects.review import (
    confirm_material,
    judge_step,
    prepare_filing,
    sign_filing,
    step_of,
)

SPECIALITIES = ("森林经理", "森林培育", "碳计量", "遥感与测绘", "林业政策")
YEARS_MONITORED = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """A project of the story: who owns it, and how many touching parcels of a township."""

    owner: str
    name: str
    type: Project.Type
    township: str
    parcels: int


@dataclass(frozen=True, slots=True)
class Wave:
    """Projects that are drafted together."""

    days_ago: int
    projects: tuple[Wanted, ...]

    def draw_up(self, users: dict[str, User], tell: Callable[[str], object]) -> None:
        """Projects with area, period, titles and measures: what a report is made for."""
        people = People(users)
        appoint_experts(people)
        with override("zh-hans"):
            for wanted in self.projects:
                land = free_titles(people.party(wanted.owner), wanted.township)
                draft_on(people, wanted, touching(land, wanted.parcels))
        tell(_("示例项目 {n} 个").format(n=len(self.projects)))

    def drafts(self) -> list[Application]:
        """Those of this wave, in its order."""
        found = {
            draft.project.name: draft
            for draft in Application.objects.filter(
                project__name__in=[wanted.name for wanted in self.projects]
            ).select_related("project__applicant", "area_version__area", "made_by")
        }
        return [found[wanted.name] for wanted in self.projects]

    def pass_to_filing(self, users: dict[str, User], tell: Callable[[str], object]) -> None:
        """All six offices within their terms, some three weeks from submission to signature."""
        people, drafts = People(users), self.drafts()
        with override("zh-hans"):
            for draft in drafts:
                hand_in(draft, draft.made_by)
            advance_clock(timedelta(days=2))
            for draft in drafts:
                pass_completeness(people, draft)
            advance_clock(timedelta(days=4))
            for draft in drafts:
                pass_reviews(people, draft)
            pass_publicity(drafts)
            for draft in drafts:
                pass_pair(people, draft, Step.DETERMINATION, "forestry", "同意审定。")
            advance_clock(timedelta(days=4))
            for draft in drafts:
                sign(people, draft)
        tell(_("示例备案 {filed} 件").format(filed=len(drafts)))


_PLANTING, _TENDING = Project.Type.PLANTING, Project.Type.TENDING
_RESTORATION = Project.Type.RESTORATION
WAVES = (
    Wave(
        726,
        (
            Wanted("owner1", "北山坡杨树造林项目", _PLANTING, "654002202", 4),
            Wanted("owner2", "河滩防护林抚育项目", _TENDING, "654002202", 4),
            Wanted("collective", "达达木图村退化林修复项目", _RESTORATION, "654002203", 4),
            Wanted("owner2", "南渠沿岸造林项目", _PLANTING, "654002100", 4),
        ),
    ),
    Wave(
        546,
        (
            Wanted("owner1", "东梁榆树抚育项目", _TENDING, "654002203", 4),
            Wanted("collective", "达达木图村杨树造林项目", _PLANTING, "654002100", 4),
            Wanted("owner2", "英也尔河谷造林项目", _PLANTING, "654002102", 6),
        ),
    ),
    Wave(
        371,
        (
            Wanted("owner1", "克伯克于孜云杉抚育项目", _TENDING, "654002205", 6),
            Wanted("collective", "潘津林带修复项目", _RESTORATION, "654002101", 6),
            Wanted("owner2", "潘津白蜡抚育项目", _TENDING, "654002101", 6),
        ),
    ),
    Wave(
        201,
        (
            Wanted("owner1", "英也尔农田防护林项目", _PLANTING, "654002102", 6),
            Wanted("collective", "克伯克于孜退化林修复项目", _RESTORATION, "654002205", 6),
        ),
    ),
)
UNDER_WAY = Wave(
    24,
    (
        Wanted("owner1", "北山坡二期造林项目", _PLANTING, "654002202", 4),
        Wanted("owner2", "河滩二期抚育项目", _TENDING, "654002202", 4),
        Wanted("collective", "村集体二期修复项目", _RESTORATION, "654002203", 4),
        Wanted("owner1", "东梁二期抚育项目", _TENDING, "654002203", 4),
        Wanted("owner2", "南渠二期造林项目", _PLANTING, "654002100", 4),
    ),
)
UNFINISHED = "村集体三期造林项目"


@dataclass(frozen=True, slots=True)
class People:
    """Who acts in these chapters."""

    users: dict[str, User]

    def __getitem__(self, name: str) -> User:
        return self.users[name]

    def party(self, name: str) -> Party:
        return party_of(self.users[name])


# --- drafts -------------------------------------------------------------------------------------
def appoint_experts(people: People) -> None:
    """The register of experts; the last one declared a conflict."""
    day = today()
    for n, speciality in enumerate(SPECIALITIES, start=1):
        Expert.objects.get_or_create(
            user=people[f"expert{n}"],
            defaults={
                "speciality": speciality,
                "qualification": "正高级工程师" if n % 2 else "教授",
                "valid_from": day - timedelta(days=200),
                "valid_to": day + timedelta(days=1800),
            },
        )
    ExpertConflict.objects.get_or_create(
        expert=Expert.objects.get(user=people["expert5"]),
        party=people.party("owner1"),
        defaults={"declared": "曾受该业主委托编制项目设计"},
    )


def free_titles(party: Party, township: str) -> list[VerifiedTitle]:
    """The party's verified tree ownership there that no project and no exclusion area has yet."""
    held = VerifiedTitle.objects.filter(
        ended_at__isnull=True,
        kind=RightKind.TREE_OWNERSHIP,
        parcel__township_code=township,
        certificate__rights__party__in=names_of(party),
    ).exclude(certificate__in=ApplicationTitle.objects.values("certificate"))
    excluded = [shape_of(area.geom) for area in ExclusionArea.objects.standing()]
    barred = shapely.union_all(excluded) if excluded else None
    return [
        hold
        for hold in held.distinct().order_by("pk")
        if barred is None or not shapely.intersects(shape_of(hold.geom), barred)
    ]


def touching(holds: Sequence[VerifiedTitle], count: int) -> Sequence[VerifiedTitle]:
    """``count`` parcels that hang together; the first ones where none do."""
    for start in holds:
        reached = [start]
        for hold in reached:
            reached += [
                other
                for other in holds
                if other not in reached
                and shapely.touches(shape_of(hold.geom), shape_of(other.geom))
            ]
            if len(reached) >= count:
                return reached[:count]
    return holds[:count]


def monitored() -> DateRange:
    """The five calendar years that were over when this year began."""
    year = today().year
    return days(date(year - YEARS_MONITORED, 1, 1), date(year - 1, 12, 31))


def draft_on(people: People, wanted: Wanted, holds: Sequence[VerifiedTitle]) -> Application:
    """A draft that lacks its report and what follows it."""
    owner, party = people[wanted.owner], people.party(wanted.owner)
    version = open_project_area(
        name=wanted.name,
        geom=union_of(holds),
        actor=owner,
        party=party,
        because=ProjectAreaVersion.Because.TITLES,
    )
    project = start_project(name=wanted.name, applicant=party, type=wanted.type, actor=owner)
    period = monitored()
    first = period.lower.year
    draft = start_application(project=project, area_version=version, period=period, actor=owner)
    certificates = TitleCertificate.objects.filter(pk__in=[hold.certificate_id for hold in holds])
    draft = link_titles(
        application=draft, certificates=certificates, seen=draft.revision, actor=owner
    )
    place = version.geom.point_on_surface
    draft = set_measures(
        application=draft,
        measures=[
            PlannedMeasure("补植补造", date(first, 4, 1), date(first, 5, 20), place),
            PlannedMeasure("灌水抚育", date(first + 1, 5, 10), date(first + 3, 9, 30), place),
        ],
        seen=draft.revision,
        actor=owner,
    )
    if wanted.owner == "collective":
        share_among_members(people, draft)
    return draft


def share_among_members(people: People, draft: Application) -> None:
    """A smallholders' project: the collective and its members by the land that each brings in."""
    assert draft.area_version is not None
    owner = people["collective"]
    partners = [people.party(name) for name in ("collective", "owner1", "owner2")]
    areas = area_by_party(draft.area_version.geom)
    # Whose land is another's still shares: a tenth for each member, as their agreement says.
    weights = [max(areas.get(party.pk, 0.0), 1.0) for party in partners]
    tenth = sum(weights) / 10
    parts = shares_of_whole([weights[0], *[max(weight, tenth) for weight in weights[1:]]])
    set_shares(
        application=draft,
        denominator=SHARE_DENOMINATOR,
        shares=[Share(party, part) for party, part in zip(partners, parts, strict=True)],
        seen=draft.revision,
        actor=owner,
    )


def union_of(holds: Sequence[VerifiedTitle]) -> MultiPolygon:
    whole = shapely.union_all([shape_of(hold.geom) for hold in holds])
    parts = [part for part in shapely.get_parts(whole) if part.geom_type == "Polygon"]
    made = GEOSGeometry(memoryview(shapely.to_wkb(shapely.multipolygons(parts))), srid=STORAGE_SRID)
    assert isinstance(made, MultiPolygon)
    return made


def shape_of(geom: GEOSGeometry) -> shapely.Geometry:
    return shapely.from_wkb(bytes(geom.wkb))


# --- review -------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class UnderReview:
    """One of the projects under way, handed in some days ago, and how far it came."""

    place: int
    course: Callable[[People, Application], None]

    def hand_in(self, users: dict[str, User], tell: Callable[[str], object]) -> None:
        draft = UNDER_WAY.drafts()[self.place]
        with override("zh-hans"):
            hand_in(draft, draft.made_by)
            self.course(People(users), draft)
        tell(_("示例在审项目：{name}").format(name=draft.project.name))


def leave_unfinished(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """A project that its owner has only named."""
    people = People(users)
    project = start_project(
        name=UNFINISHED,
        applicant=people.party("collective"),
        type=Project.Type.PLANTING,
        actor=people["collective"],
    )
    start_application(project=project, actor=people["collective"])


def hand_in(draft: Application, owner: User) -> None:
    """The seven materials, the co-owners' consents, and submission."""
    for kind in Material.Kind:
        if kind in (Material.Kind.REGISTRATION, Material.Kind.COMMITMENT):
            add_material(
                application=draft,
                kind=kind,
                upload=signed_paper(draft, kind, owner),
                signed=True,
                actor=owner,
            )
        elif kind in (Material.Kind.IDENTITY, Material.Kind.TITLES):
            add_material(application=draft, kind=kind, actor=owner)
        else:
            add_material(application=draft, kind=kind, upload=scan_of(draft, kind), actor=owner)
    # The agreement is there: now the co-owners know what they consent to.
    terms = terms_of(draft)
    for share in without_consent(draft):
        [partner, *_others] = people_acting_for([share.party], Mandate.Scope.ALL)
        consent_to_share(share=share, terms=terms, actor=partner)
    draft.refresh_from_db()
    submit_application(application=draft, actor=owner, seen=draft.revision)
    draft.refresh_from_db()


LINES = {
    Material.Kind.DESIGN: (
        "本设计已经林业主管部门批复。项目按下列措施实施，措施位置见项目范围图。",
        "树种选择、整地、栽植密度和抚育强度按设计执行，成活率和保存率按年度检查。",
    ),
    Material.Kind.REPORT: (
        "本报告由第三方核算机构编制并在门户内签署，碳层、参数和不确定性见核算页。",
    ),
    Material.Kind.AGREEMENT: (
        "各方同意依托上述业主申报，碳汇收益按登记的份额分配。",
        "代表人的权限：申报与补正；处分碳票须另行授权。",
    ),
}


def scan_of(draft: Application, kind: Material.Kind) -> Upload:
    """The owner's paper, as a PDF."""
    return letter(
        title=str(kind.label),
        number=draft.project.number,
        rows=registration_rows(draft),
        lines=LINES[kind],
        signer=draft.project.applicant.name,
    )


def letter(
    *, title: str, number: str, rows: Sequence[Sequence[str]], lines: Sequence[str], signer: str
) -> Upload:
    """A paper with a table of facts and some sentences."""
    moment = now()
    facts = {
        "title": title,
        "number": number,
        "rows": [list(row) for row in rows],
        "lines": list(lines),
        "signer": signer,
        "signed_at": moment.date().isoformat(),
        "sha256": "—",
    }
    data = compile_pdf(SHEETS / "letter.typ", facts=facts, pictures={}, dated=moment)
    return Upload(data, PDF, f"{title}.pdf")


def say(
    application: Application, kind: Step, verdict: VerdictKind, actor: User, reason: str = ""
) -> None:
    step = step_of(application, kind)
    judge_step(
        application=application,
        step=step,
        verdict=verdict,
        actor=actor,
        seen=step.revision,
        reason=reason,
    )


def pass_completeness(people: People, application: Application) -> None:
    for kind, material in latest_materials(application).items():
        confirm_material(
            material=material, checked=CHECKLISTS[Material.Kind(kind)], actor=people["forestry"]
        )
    say(application, Step.COMPLETENESS, VerdictKind.ENDORSE, people["forestry"], "材料齐全。")


def pass_pair(
    people: People, application: Application, kind: Step, office: str, opinion: str
) -> None:
    say(application, kind, VerdictKind.PREPARE, people[office], opinion)
    say(application, kind, VerdictKind.ENDORSE, people[f"{office}_approver"])


def hear(people: People, application: Application, names: Sequence[str]) -> None:
    step = step_of(application, Step.EXPERT)
    for name in names:
        expert = Expert.objects.get(user=people[name])
        opinion = ask_expert(step=step, expert=expert, actor=people["forestry"])
        give_opinion(
            opinion=opinion,
            advice=Opinion.Advice.PASS,
            text="碳层划分合理，蓄积增量与立地条件相符，同意通过。",
            actor=expert.user,
        )


def pass_reviews(people: People, application: Application) -> None:
    pass_pair(people, application, Step.TITLE, "natural_resources", "权属清晰，范围与证载一致。")
    pass_pair(people, application, Step.TECHNICAL, "forestry", "方法适用，参数有出处，结果可信。")
    hear(people, application, ("expert1", "expert2", "expert3"))
    say(
        application, Step.EXPERT, VerdictKind.ENDORSE, people["forestry"],
        "三位专家一致同意，意见已汇总。",
    )  # fmt: skip


def pass_publicity(applications: Sequence[Application]) -> None:
    """The clock goes to the day after the last of them."""
    closes = [notice.closes_on for one in applications if (notice := notice_of(one)) is not None]
    if closes and max(closes) >= today():
        advance_clock(timedelta(days=(max(closes) - today()).days + 1))


def sign(people: People, application: Application) -> None:
    result = latest_result(application)
    assert result is not None
    step = step_of(application, Step.FILING)
    prepare_filing(
        application=application,
        quantity_kg=result.quantity_kg_calculated // KG_PER_TONNE * KG_PER_TONNE,
        actor=people["ecology"],
        seen=step.revision,
        reason="减排量与核算结果一致，拟予备案签发。",
    )
    step.refresh_from_db()
    sign_filing(application=application, actor=people["ecology_approver"], seen=step.revision)


# --- where the others stand ---------------------------------------------------------------------
def just_submitted(people: People, application: Application) -> None:
    """Waits for the completeness check."""


def in_title_review(people: People, application: Application) -> None:
    """Title review prepared, technical review entrusted; a neighbour objected to a patch."""
    pass_completeness(people, application)
    say(application, Step.TITLE, VerdictKind.PREPARE, people["natural_resources"], "权属无异议。")
    result = latest_result(application)
    assert result is not None
    other = "verifier2" if result.verifier == people["verifier1"] else "verifier1"
    entrust_step(
        step=step_of(application, Step.TECHNICAL),
        to=people[other],
        actor=people["forestry_approver"],
    )
    notice = notice_of(application)
    assert notice is not None
    assert application.area_version is not None
    patch = application.area_version.geom.point_on_surface.buffer(0.0006, quadsegs=2)
    patch.srid = STORAGE_SRID
    object_to_notice(
        notice=notice,
        name="阿布都",
        contact="13900000000",
        text="范围北侧这块地是我家承包的，没有同意过参加项目。",
        shape=patch,
        actor=None,
    )


def with_experts(people: People, application: Application) -> None:
    """Two of three opinions are in."""
    pass_completeness(people, application)
    pass_pair(people, application, Step.TITLE, "natural_resources", "权属清晰，范围与证载一致。")
    pass_pair(people, application, Step.TECHNICAL, "forestry", "方法适用，结果可信。")
    hear(people, application, ("expert1", "expert2"))
    ask_expert(
        step=step_of(application, Step.EXPERT),
        expert=Expert.objects.get(user=people["expert3"]),
        actor=people["forestry"],
    )


def returned(people: People, application: Application) -> None:
    """Sent back for correction; the clock stands still."""
    assert application.case is not None
    say(
        application, Step.COMPLETENESS, VerdictKind.RETURN, people["forestry"],
        "收益分配协议缺少共有人签字页，请补正后重新上传。",
    )  # fmt: skip
    add_comment(
        case=application.case,
        text="签字页请一并注明签署日期。",
        actor=people["forestry"],
        internal=False,
    )


def waiting_for_determination(people: People, application: Application) -> None:
    """Everything is passed but the publicity period."""
    pass_completeness(people, application)
    pass_reviews(people, application)


CHAPTERS = (
    *(Chapter(wave.days_ago, wave.draw_up) for wave in (*WAVES, UNDER_WAY)),
    Chapter(2, leave_unfinished),
)
# They follow the reports, which are signed on drafts.
REVIEW_CHAPTERS = (
    *(Chapter(wave.days_ago - 6, wave.pass_to_filing) for wave in WAVES),
    *(
        Chapter(days_ago, UnderReview(place, course).hand_in)
        for place, (days_ago, course) in enumerate(
            (
                (14, with_experts),
                (11, in_title_review),
                (9, returned),
                (5, waiting_for_determination),
                (2, just_submitted),
            )
        )
    ),
)
