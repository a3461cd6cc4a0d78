"""Random people on a real application: whatever they do, case, application and land agree.

Most turns are what the case waits for, so that it comes far; the others are anybody's anything:
returns and supplements, objections, disqualifications, wrong offices, second decisions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcels.models import Claim
from portal.accounts.models import User
from portal.base.clock import advance_clock, today
from portal.base.errors import PortalError
from portal.casework.models import Expert, NoticeObjection, Opinion, ReviewCase, Verdict
from portal.casework.moves import StepStatus, VerdictKind
from portal.casework.notices import object_to_notice
from portal.casework.operations import ask_expert, give_opinion
from tests.casework.test_moves import assert_course_is_sound
from tests.factories.land import square
from tests.tickets.projects.story import (
    Town,
    confirm_all,
    draft_of,
    enter_as_expert,
    hear_experts,
    own_land,
    say,
    scan,
)
from tickets.projects.checklist import terms_of, unconfirmed_materials
from tickets.projects.models import Application, Disqualification, Material
from tickets.projects.notes import notice_of
from tickets.projects.operations import (
    add_material,
    resubmit_application,
    submit_application,
    withdraw_application,
)
from tickets.projects.plan import Step
from tickets.projects.review import (
    answer_application_objection,
    cure_application_objection,
    decide_disqualification,
    prepare_filing,
    propose_disqualification,
    sign_filing,
    step_of,
)

OFFICES = {
    Step.COMPLETENESS: "forestry",
    Step.TITLE: "natural_resources",
    Step.TECHNICAL: "forestry",
    Step.EXPERT: "forestry",
    Step.DETERMINATION: "forestry",
    Step.FILING: "ecology",
}
ENDED = {
    Application.State.REJECTED: ReviewCase.State.REJECTED,
    Application.State.WITHDRAWN: ReviewCase.State.WITHDRAWN,
    Application.State.DISQUALIFIED: ReviewCase.State.DISQUALIFIED,
}


@dataclass
class World:
    """One application, who may act on it, and the dice."""

    town: Town
    owner: User
    application: Application
    data: st.DataObject

    def draw(self, *choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices))

    def anybody(self) -> User:
        found: User = self.draw(self.owner, *self.town.users.values())
        return found

    def state(self) -> tuple[Any, ...]:
        """Everything that a refusal leaves as it was."""
        self.application = Application.objects.select_related("case", "claim").get(
            pk=self.application.pk
        )
        case, claim = self.application.case, self.application.claim
        assert case is not None
        assert claim is not None
        steps = tuple(case.steps.order_by("pk").values_list("kind", "status", "revision"))
        return self.application.state, case.state, claim.state, claim.filed_at, steps


# --- what the case waits for ----------------------------------------------------------------------
def go_on(world: World) -> None:
    """The next act of who is in turn."""
    application, town = world.application, world.town
    objections = NoticeObjection.objects.filter(notice__subject_key=application.key)
    proposed = application.disqualifications.filter(case__closed_at__isnull=True).first()
    if proposed is not None:
        decide_disqualification(
            disqualification=proposed, approve=world.draw(True, False, False), reason="核实",
            actor=town["forestry_approver"], seen=proposed.case.steps.get().revision,
        )  # fmt: skip
    elif application.state == Application.State.RETURNED:
        supplement(world)
    elif unanswered := objections.filter(answered_at__isnull=True).first():
        answer_application_objection(
            objection=unanswered, upheld=world.draw(True, False), answer="核实",
            actor=town["forestry_clerk"],
        )  # fmt: skip
    elif uncured := objections.filter(upheld=True, cured_at__isnull=True).first():
        cure_application_objection(objection=uncured, reason="已和解", actor=town["forestry_clerk"])
    elif unconfirmed_materials(application):
        confirm_all(town, application)
    else:
        pass_a_step(world)


def pass_a_step(world: World) -> None:
    application, town = world.application, world.town
    assert application.case is not None
    step = application.case.steps.filter(status__in=["open", "prepared"]).order_by("pk").first()
    if step is None:
        return
    kind = Step(step.kind)
    office = OFFICES[kind]
    notice = notice_of(application)
    if kind is Step.FILING:
        act = sign if step.status == StepStatus.PREPARED else prepare
        act(world, town[f"ecology_{'approver' if act is sign else 'clerk'}"])
    elif kind is Step.EXPERT and step.opinions.filter(round=step.round).count() == 0:
        hear_experts(town, application)
    elif kind is Step.DETERMINATION and notice and notice.closes_on >= today():
        advance_clock(timedelta(days=(notice.closes_on - today()).days + 1))
    elif step.status == StepStatus.PREPARED:
        say(application, kind, VerdictKind.ENDORSE, town[f"{office}_approver"])
    else:
        verdict = VerdictKind.PREPARE if step.pair else VerdictKind.ENDORSE
        say(application, kind, verdict, town[f"{office}_clerk"], "符合要求")


def supplement(world: World) -> None:
    """Answer a return, with or without another paper."""
    kind = world.draw(None, *Material.Kind)
    if kind is not None:
        add_material(application=world.application, kind=kind, upload=scan(), actor=world.owner)
    world.application.refresh_from_db()
    resubmit_application(
        application=world.application,
        actor=world.owner,
        seen=world.application.revision,
        answer="已补正",
    )


def prepare(world: World, actor: User) -> None:
    step = step_of(world.application, Step.FILING)
    prepare_filing(
        application=world.application,
        quantity_kg=world.draw(100_000, 100_000, 101_000, 500),
        actor=actor,
        seen=step.revision,
    )


def sign(world: World, actor: User) -> None:
    step = step_of(world.application, Step.FILING)
    sign_filing(application=world.application, actor=actor, seen=step.revision)


# --- what anybody may try -------------------------------------------------------------------------
def say_anything(world: World) -> None:
    say(
        world.application, world.draw(*Step), world.draw(*VerdictKind), world.anybody(),
        world.draw("理由", "理由", ""),
    )  # fmt: skip


def send_back(world: World) -> None:
    """A return by an office that has the step in hand, if there is one."""
    kind = world.draw(*Step)
    step = step_of(world.application, kind)
    role = "approver" if step.status == StepStatus.PREPARED else "clerk"
    say(world.application, kind, VerdictKind.RETURN, world.town[f"{OFFICES[kind]}_{role}"], "补正")


def object_to_it(world: World) -> None:
    notice = notice_of(world.application)
    if notice is not None:
        object_to_notice(
            notice=notice, name="邻居", contact="电话", text="是我的地", shape=None, actor=None
        )


def propose(world: World) -> None:
    propose_disqualification(
        application=world.application,
        scope=Disqualification.Scope.APPLICATION,
        until=None,
        grounds="涉嫌伪造",
        hearing_on=today(),
        hearing_record="到场陈述",
        actor=world.draw(world.town["forestry_clerk"], world.anybody()),
    )


def advise(world: World) -> None:
    """Somebody who holds an office and is an expert too."""
    user = world.town[world.draw("natural_resources_clerk", "ecology_approver", "expert4")]
    opinion = ask_expert(
        step=step_of(world.application, Step.EXPERT),
        expert=Expert.objects.get(user=user),
        actor=world.town["forestry_clerk"],
    )
    give_opinion(opinion=opinion, advice=Opinion.Advice.PASS, text="方法得当", actor=user)


def withdraw(world: World) -> None:
    withdraw_application(application=world.application, actor=world.anybody())


WILD: tuple[Callable[[World], None], ...] = (
    say_anything,
    say_anything,
    send_back,
    send_back,
    object_to_it,
    propose,
    advise,
    withdraw,
    supplement,
    lambda world: prepare(world, world.anybody()),
    lambda world: sign(world, world.anybody()),
)


def assert_all_agree(world: World) -> None:
    """Application, case, claim and filing say the same; nothing stands on what nobody confirmed."""
    state, matter, claim, filed_at, _steps = world.state()
    application = world.application
    assert application.case is not None
    assert_course_is_sound(application.case)
    assert_nobody_speaks_twice(application.case)
    determined = step_of(application, Step.DETERMINATION).status == StepStatus.ENDORSED
    if state in ENDED:
        assert (matter, claim) == (ENDED[state], Claim.State.ENDED)
        return
    assert claim in (Claim.State.PENDING, Claim.State.LIVE)
    assert (state == Application.State.RETURNED) == (matter == ReviewCase.State.STOPPED)
    assert (state == Application.State.FILED) == (matter == ReviewCase.State.APPROVED)
    assert (state == Application.State.FILED) == (filed_at is not None)
    if state in (Application.State.DETERMINED, Application.State.FILED):
        assert determined
        assert claim == Claim.State.LIVE
    if state == Application.State.SUBMITTED:
        assert not determined
    if state == Application.State.FILED:
        assert not unconfirmed_materials(application)
        assert not NoticeObjection.objects.filter(
            notice=notice_of(application), upheld=True, cured_at__isnull=True
        ).exists()
        filing = application.filing
        assert filing.signed_by != filing.prepared_by
    if state != Application.State.RETURNED:
        terms = {share.consented_to for share in application.shares.all()}
        assert terms == {terms_of(application)}


def assert_nobody_speaks_twice(case: ReviewCase) -> None:
    """Whoever was heard as an expert said nothing in the case by office."""
    heard = Opinion.objects.filter(step__case=case, given_at__isnull=False)
    by_office = Verdict.objects.filter(step__case=case).exclude(
        verdict__in=[VerdictKind.RESUBMIT, VerdictKind.WITHDRAW]
    )
    assert not by_office.filter(actor__in=heard.values("expert__user")).exists()


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_random_people_on_a_real_application_never_part_it_from_its_case(
    town: Town, data: st.DataObject
) -> None:
    owner, party = town.owner()
    land = square(0, Application.objects.count() * 500)
    draft = draft_of(town, owner, party, land, tonnes=100, titles=[own_land(party, land)])
    application = submit_application(application=draft, actor=owner, seen=draft.revision)
    for name in ("natural_resources_clerk", "ecology_approver"):
        if not Expert.objects.filter(user=town[name]).exists():
            enter_as_expert(town[name])
    world = World(town, owner, application, data)
    for _turn in range(data.draw(st.integers(10, 28))):
        before = world.state()
        act = world.draw(*[go_on] * 2 * len(WILD), *WILD)
        try:
            act(world)
        except PortalError:
            assert world.state() == before
        assert_all_agree(world)
