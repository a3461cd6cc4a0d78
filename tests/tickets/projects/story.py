"""People, land and an application on its way, made by the operations themselves."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.contrib.gis.geos import MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.claims.operations import determine_claim, open_project_area
from parcels.claims.queries import days
from parcels.models import ProjectAreaVersion, Right, RightKind, TitleCertificate
from portal.accounts.models import Department, Party, Role, RoleGrant, User
from portal.accounts.operations import MemberShare, record_members
from portal.base.clock import advance_clock, today
from portal.casework.documents import Upload, parse_upload
from portal.casework.models import Expert, Opinion
from portal.casework.moves import MOVES, StepStatus, VerdictKind
from portal.casework.operations import ask_expert, give_opinion, record_verdict
from tests.accounts.people import accepted, body_waiting, officer, person_waiting, user_named
from tests.factories.land import parcel_at, square, verify
from tickets.projects.checklist import CHECKLISTS, UPLOADED, latest_materials, terms_of
from tickets.projects.models import Application, Filing, Material, Project
from tickets.projects.notes import notice_of
from tickets.projects.operations import (
    PlannedMeasure,
    add_material,
    consent_to_share,
    link_titles,
    record_accounting_result,
    set_measures,
    start_application,
    start_project,
    submit_application,
)
from tickets.projects.plan import Step
from tickets.projects.review import (
    confirm_material,
    judge_step,
    prepare_filing,
    sign_filing,
    step_of,
)

PERIOD = days(date(2021, 1, 1), date(2025, 12, 31))
# The smallest PDF that has a page.
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
_serial = itertools.count(1)


@dataclass
class Town:
    """The offices, each held by somebody, and the experts of the register."""

    users: dict[str, User] = field(default_factory=dict)

    @classmethod
    def staffed(cls) -> Town:
        town = cls()
        for department in (Department.FORESTRY, Department.NATURAL_RESOURCES, Department.ECOLOGY):
            for role in (Role.CLERK, Role.APPROVER):
                name = f"{department.value}_{role.value}"
                town.users[name] = officer(name, role, department)
        for n in (1, 2, 3, 4):
            user = town.users[f"expert{n}"] = officer(f"expert{n}", Role.EXPERT)
            enter_as_expert(user)
        town.users["verifier"] = officer("verifier", Role.VERIFIER)
        town.users["other_verifier"] = officer("other_verifier", Role.VERIFIER)
        return town

    def __getitem__(self, name: str) -> User:
        return self.users[name]

    def village(self, members: int) -> tuple[User, Party, list[tuple[User, Party]]]:
        """A collective and who acts for it, and its members with equal parts."""
        name = f"village{next(_serial)}"
        collective = accepted(
            body_waiting(name, kind=Party.Kind.COLLECTIVE), self["forestry_clerk"]
        )
        head = User.objects.get(username=name)
        people = [self.owner() for _n in range(members)]
        record_members(
            collective=collective,
            members=[MemberShare(party, 1) for _user, party in people],
            denominator=members,
            actor=head,
        )
        return head, collective, people

    def owner(self, name: str = "") -> tuple[User, Party]:
        """A checked person and the user who is that person."""
        name = name or f"holder{next(_serial)}"
        check = person_waiting(name)
        party = accepted(check, self["forestry_clerk"])
        return User.objects.get(username=name), party


def enter_as_expert(user: User) -> Expert:
    """Into the register, whatever office the user holds besides."""
    RoleGrant.objects.get_or_create(user=user, role=Role.EXPERT, department="")
    return Expert.objects.create(
        user=user,
        speciality="森林经理",
        qualification="高级工程师",
        valid_from=date(2026, 1, 1),
        valid_to=date(2029, 12, 31),
    )


def scan(name: str = "材料.pdf") -> Upload:
    return parse_upload(PDF + uuid.uuid4().bytes.hex().encode() + b"\n%%EOF\n", name=name)


def own_land(party: Party, geom: MultiPolygon, *, until: date | None = None) -> TitleCertificate:
    """A verified certificate of tree ownership on one parcel."""
    parcel = parcel_at(geom)
    number = f"伊市林证字（2026）第{uuid.uuid4().hex[:8]}号"
    title = TitleCertificate.objects.create(
        kind="forest", number=number, number_key=number, term_ends_on=until
    )
    Right.objects.create(
        certificate=title, parcel=parcel, kind=RightKind.TREE_OWNERSHIP, party=party
    )
    verify(title)
    return title


def draft_of(
    town: Town,
    owner: User,
    party: Party,
    geom: MultiPolygon,
    *,
    period: DateRange = PERIOD,
    tonnes: int = 2242,
    titles: Iterable[TitleCertificate] | None = None,
) -> Application:
    """A draft on own land to which nothing is missing."""
    certificates = [own_land(party, geom)] if titles is None else list(titles)
    version: ProjectAreaVersion = open_project_area(
        name="北山坡项目", geom=geom, actor=owner, party=party
    )
    project = start_project(
        name=f"北山坡造林{next(_serial)}", applicant=party, type=Project.Type.PLANTING, actor=owner
    )
    draft = start_application(project=project, area_version=version, period=period, actor=owner)
    return filled(town, draft, owner, certificates, tonnes=tonnes)


def filled(
    town: Town,
    draft: Application,
    owner: User,
    certificates: Iterable[TitleCertificate],
    *,
    tonnes: int,
) -> Application:
    """The draft with titles, measures, calculation and materials."""
    assert draft.area_version is not None
    year, place = draft.period.lower.year, draft.area_version.geom.point_on_surface
    draft = link_titles(
        application=draft, certificates=list(certificates), seen=draft.revision, actor=owner
    )
    draft = set_measures(
        application=draft,
        measures=[PlannedMeasure("补植杨树", date(year, 4, 1), date(year, 5, 10), place)],
        seen=draft.revision,
        actor=owner,
    )
    calculate(draft, town["verifier"], tonnes=tonnes)
    hand_in(draft, owner)
    return draft


def calculate(
    draft: Application, verifier: User, *, tonnes: int = 2242, reported: int | None = None
) -> None:
    assert draft.area_version is not None
    record_accounting_result(
        application=draft,
        report_key=uuid.uuid4(),
        area_version=draft.area_version,
        period=draft.period,
        report_sha256=uuid.uuid4().hex * 2,
        quantity_kg_calculated=tonnes * 1000,
        quantity_kg_reported=(tonnes if reported is None else reported) * 1000,
        method_code="stock-difference",
        method_version="2026.1",
        parameters_sha256="ab" * 32,
        verifier=verifier,
    )


def hand_in(draft: Application, owner: User) -> None:
    """All seven materials, over the data as they are."""
    for kind in Material.Kind:
        upload = scan() if kind in UPLOADED else None
        add_material(application=draft, kind=kind, upload=upload, signed=True, actor=owner)


def submitted(
    town: Town, geom: MultiPolygon | None = None, *, tonnes: int = 2242
) -> tuple[Application, User]:
    """An application that has just been handed in, and its owner."""
    owner, party = town.owner()
    geom = geom or square(next(_serial) * 500, 0)
    draft = draft_of(town, owner, party, geom, tonnes=tonnes)
    return submit_application(application=draft, actor=owner, seen=draft.revision), owner


def consent(application: Application, user: User, party: Party) -> None:
    """To the terms as they stand."""
    share = application.shares.get(party=party)
    consent_to_share(share=share, terms=terms_of(application), actor=user)


def say(
    application: Application, kind: Step, verdict: VerdictKind, actor: User, reason: str = ""
) -> None:
    """A verdict on the step as it stands."""
    step = step_of(application, kind)
    judge_step(
        application=application,
        step=step,
        verdict=verdict,
        actor=actor,
        seen=step.revision,
        reason=reason,
    )


def confirm_all(town: Town, application: Application) -> None:
    for kind, material in latest_materials(application).items():
        if material.confirmed_by_id is None:
            confirm_material(
                material=material,
                checked=CHECKLISTS[Material.Kind(kind)],
                actor=town["forestry_clerk"],
            )


def pass_completeness(town: Town, application: Application) -> None:
    confirm_all(town, application)
    say(application, Step.COMPLETENESS, VerdictKind.ENDORSE, town["forestry_clerk"])


def pass_pair(town: Town, application: Application, kind: Step, office: str) -> None:
    say(application, kind, VerdictKind.PREPARE, town[f"{office}_clerk"], "审查意见：符合要求")
    say(application, kind, VerdictKind.ENDORSE, town[f"{office}_approver"])


def hear_experts(
    town: Town, application: Application, advice: Iterable[str] = ("pass", "pass", "pass")
) -> None:
    step = step_of(application, Step.EXPERT)
    for n, word in enumerate(advice, start=1):
        expert = Expert.objects.get(user=town[f"expert{n}"])
        opinion = ask_expert(step=step, expert=expert, actor=town["forestry_clerk"])
        give_opinion(
            opinion=opinion, advice=Opinion.Advice(word), text="方法得当", actor=expert.user
        )


def pass_reviews(town: Town, application: Application) -> None:
    """Titles, technique and experts."""
    pass_pair(town, application, Step.TITLE, "natural_resources")
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    hear_experts(town, application)
    say(application, Step.EXPERT, VerdictKind.ENDORSE, town["forestry_clerk"], "三位专家均同意")


def determine(town: Town, application: Application) -> None:
    """After the publicity period."""

    notice = notice_of(application)
    if notice is not None and notice.closes_on >= today():
        advance_clock(timedelta(days=(notice.closes_on - today()).days + 1))
    pass_pair(town, application, Step.DETERMINATION, "forestry")


def determine_by_hand(town: Town, application: Application) -> None:
    """Round the application's own operations, each of which asks: case and land first, then the state."""
    for verdict, office in (
        (VerdictKind.PREPARE, "forestry_clerk"),
        (VerdictKind.ENDORSE, "forestry_approver"),
    ):
        step = step_of(application, Step.DETERMINATION)
        if (StepStatus(step.status), verdict) in MOVES:
            record_verdict(step=step, verdict=verdict, actor=town[office], seen=step.revision)
    assert application.claim is not None
    determine_claim(claim=application.claim, actor=town["forestry_approver"])
    Application.objects.filter(pk=application.pk).update(state=Application.State.DETERMINED)


def file_it(town: Town, application: Application, tonnes: int) -> Filing:
    step = step_of(application, Step.FILING)
    prepare_filing(
        application=application,
        quantity_kg=tonnes * 1000,
        actor=town["ecology_clerk"],
        seen=step.revision,
    )
    step.refresh_from_db()
    return sign_filing(application=application, actor=town["ecology_approver"], seen=step.revision)


def signed_filing(
    town: Town | None = None, geom: MultiPolygon | None = None, *, tonnes: int = 2242
) -> Filing:
    """The whole way, from own land to the bureau's signature."""
    town = town or Town.staffed()
    application, _owner = submitted(town, geom, tonnes=tonnes)
    return passed(town, application, tonnes)


def passed(town: Town, application: Application, tonnes: int) -> Filing:
    """All offices, to the bureau's signature."""
    pass_completeness(town, application)
    pass_reviews(town, application)
    determine(town, application)
    return file_it(town, application, tonnes)


def another_period(town: Town, former: Filing, period: DateRange, *, tonnes: int = 2242) -> Filing:
    """The same project's filing for another monitoring period, on the same version of its area."""
    application = former.application
    owner = User.objects.get(mandates__party=application.project.applicant)
    draft = start_application(
        project=application.project, area_version=former.area_version, period=period, actor=owner
    )
    certificates = [one.certificate for one in application.titles.select_related("certificate")]
    draft = filled(town, draft, owner, certificates, tonnes=tonnes)
    submit_application(application=draft, actor=owner, seen=draft.revision)
    draft.refresh_from_db()
    return passed(town, draft, tonnes)


def stranger() -> User:
    return user_named(f"stranger{next(_serial)}")
