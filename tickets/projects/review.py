"""What the departments do with an application: each verdict with its effect, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import override

from parcels.claims.operations import determine_claim, end_claim, file_claim
from parcels.models import Claim, RuleRun
from parcels.rules.table import Stage
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role
from portal.base.clock import now, today
from portal.base.errors import NotFound
from portal.base.numbers import NumberKind, draw_number, new_code
from portal.base.transactions import write_transaction
from portal.casework.errors import NotYourOffice
from portal.casework.models import NoticeObjection, ReviewStep, Verdict
from portal.casework.moves import StepStatus, VerdictKind
from portal.casework.notices import answer_objection, cure_objection
from portal.casework.operations import open_case, record_verdict, refuse_own_matter
from portal.casework.signatures import sign
from portal.journal.operations import record_event
from tickets.projects.checklist import (
    CHECKLISTS,
    applicants_of,
    latest_result,
    titles_gone,
    unconfirmed_materials,
)
from tickets.projects.errors import (
    ApplicationMoveNotAllowed,
    ChecklistIncomplete,
    DisqualificationIncomplete,
    DisqualificationPending,
    FilingQuantityWrong,
    FilingRefused,
    MaterialsNotConfirmed,
    ObjectionsOpen,
    PublicityNotOver,
    ReportDiffers,
    ReportMissing,
    TitlesChanged,
)
from tickets.projects.models import (
    KG_PER_TONNE,
    Application,
    Disqualification,
    Filing,
    Material,
)
from tickets.projects.notes import (
    notice_of,
    publish_application,
    take_notice_down,
    tell_applicants,
    tell_office,
)
from tickets.projects.operations import (
    SUBJECT,
    check_land,
    is_disqualification_pending,
    refuse_disqualified,
    settle_consents,
    unfinished_step,
)
from tickets.projects.plan import DISQUALIFICATION_CASE, Step, disqualification_steps
from tickets.projects.queries import open_objections
from tickets.projects.signing import content_of


def step_of(application: Application, kind: Step) -> ReviewStep:
    """One step of the application's case; NotFound before it was submitted."""
    step = ReviewStep.objects.filter(case__application=application, kind=kind).first()
    if step is None:
        raise NotFound()
    return step


@write_transaction
def confirm_material(*, material: Material, checked: Iterable[str], actor: User) -> Material:
    """The clerk's tick on every item of one material's checklist (article 7)."""
    if not has_role(actor, Role.CLERK, Department.FORESTRY):
        raise NotFound()
    if material.application.case is not None:
        refuse_own_matter(material.application.case, actor)
    wanted = CHECKLISTS[Material.Kind(material.kind)]
    ticked = [item for item in wanted if item in set(checked)]
    if len(ticked) != len(wanted):
        raise ChecklistIncomplete()
    Material.objects.filter(pk=material.pk).update(checked=ticked, confirmed_by=actor)
    material.refresh_from_db()
    _record(material.application, "material_confirmed", actor, kind=material.kind)
    return material


@write_transaction
def judge_step(
    *,
    application: Application,
    step: ReviewStep,
    verdict: VerdictKind,
    actor: User,
    seen: int,
    reason: str = "",
) -> Verdict:
    """A verdict on any step but the filing's own two, with what follows for the application."""
    standing = _locked(application)
    if step.case_id != standing.case_id:
        raise NotFound()
    if step.kind == Step.FILING and verdict in (VerdictKind.PREPARE, VerdictKind.ENDORSE):
        raise ApplicationMoveNotAllowed()
    if verdict in (VerdictKind.RESUBMIT, VerdictKind.WITHDRAW, VerdictKind.DISQUALIFY):
        raise ApplicationMoveNotAllowed()
    # Who may not is told so, whatever else is missing: the verdict is judged first.
    given = record_verdict(step=step, verdict=verdict, actor=actor, seen=seen, reason=reason)
    _require_ready(standing, Step(step.kind), verdict)
    if verdict == VerdictKind.RETURN:
        _follow_return(standing, given)
    elif verdict == VerdictKind.REJECT:
        _follow_rejection(standing, given)
    elif verdict == VerdictKind.ENDORSE and step.kind == Step.COMPLETENESS:
        take_notice_down(standing, actor)
        publish_application(standing, actor)
    elif verdict == VerdictKind.ENDORSE and step.kind == Step.DETERMINATION:
        _determine(standing, actor)
    _tell_whose_turn(standing, given)
    return given


@write_transaction
def prepare_filing(
    *, application: Application, quantity_kg: int, actor: User, seen: int, reason: str = ""
) -> Verdict:
    """The ecology clerk's draft: how many tonnes, on a numbered uniqueness report of today."""
    standing = _locked(application)
    _require_ecology(actor, Role.CLERK)
    refuse_disqualified(applicants_of(standing))
    _require_confirmed(standing)
    _require_quantity(standing, quantity_kg)
    report = _uniqueness_report(standing, actor)
    given = record_verdict(
        step=step_of(standing, Step.FILING),
        verdict=VerdictKind.PREPARE,
        actor=actor,
        seen=seen,
        reason=reason,
        facts={"quantity_kg": quantity_kg, "uniqueness_report": report.number},
    )
    _tell_whose_turn(standing, given)
    return given


@write_transaction
def sign_filing(*, application: Application, actor: User, seen: int) -> Filing:
    """The bureau's signature under what the clerk prepared; the land stays claimed for ever.

    The land is asked anew and the filing rests on the report of this moment: what stood free on the
    day of the preparation may not any more (TitlesChanged, AreaHasConflicts; articles 6 and 24). The second factor
    is asked before (``require_second_factor``), outside this transaction.
    """
    standing = _locked(application)
    step = step_of(standing, Step.FILING)
    draft = step.verdicts.filter(verdict=VerdictKind.PREPARE).order_by("-pk").first()
    if step.status != StepStatus.PREPARED or draft is None or standing.claim is None:
        raise ApplicationMoveNotAllowed()
    _require_ecology(actor, Role.APPROVER)
    _refuse_pending_disqualification(standing)
    refuse_disqualified(applicants_of(standing))
    _require_confirmed(standing)
    quantity_kg = int(draft.facts["quantity_kg"])
    _require_quantity(standing, quantity_kg)
    result = latest_result(standing)
    if result is None or standing.case is None:
        raise FilingRefused()
    report = _uniqueness_report(standing, actor)
    record_verdict(step=step, verdict=VerdictKind.ENDORSE, actor=actor, seen=seen)
    filing = Filing(
        number=draw_number(NumberKind.FILING),
        code=new_code(),
        application=standing,
        quantity_kg=quantity_kg,
        area_version=standing.area_version,
        period=standing.period,
        accounting_result=result,
        uniqueness_report=report,
        method_code=result.method_code,
        method_version=result.method_version,
        parameters_sha256=result.parameters_sha256,
        regulation=standing.case.regulation,
        prepared_by=draft.actor,
        signed_by=actor,
        signed_at=now(),
    )
    content = content_of(filing)
    signature = sign(content)
    filing.content_sha256 = hashlib.sha256(content).hexdigest()
    filing.signature = signature.value
    filing.signature_algorithm = signature.algorithm
    filing.signing_key_id = signature.key_id
    filing.save(force_insert=True)
    file_claim(claim=standing.claim, actor=actor)
    Application.objects.filter(pk=standing.pk).update(state=Application.State.FILED)
    record_event(
        subject_kind="filing",
        subject_key=filing.key,
        verb="signed",
        actor_key=actor.key,
        facts={
            "number": filing.number,
            "quantity_kg": quantity_kg,
            "content_sha256": filing.content_sha256,
            "signature": signature.value.hex(),
            "key": signature.key_id,
        },
    )
    with override("zh-hans"):
        tell_applicants(
            standing,
            _("减排量已备案签发：{number}").format(number=filing.number),
            _("项目“{name}”的减排量 {tonnes} 吨已备案签发，可以申领林业碳票。").format(
                name=standing.project.name, tonnes=quantity_kg // KG_PER_TONNE
            ),
        )
    return filing


@write_transaction
def answer_application_objection(
    *, objection: NoticeObjection, upheld: bool, answer: str, actor: User
) -> NoticeObjection:
    """Forestry answers what was said against a project in its publicity period."""
    _require_objections_office(objection, actor)
    return answer_objection(objection=objection, upheld=upheld, answer=answer, actor=actor)


@write_transaction
def cure_application_objection(
    *, objection: NoticeObjection, reason: str, actor: User
) -> NoticeObjection:
    """Forestry, which upheld it, says what cured it without the area being drawn anew (article 20)."""
    _require_objections_office(objection, actor)
    return cure_objection(objection=objection, reason=reason, actor=actor)


# --- disqualification (article 7) ---------------------------------------------------------------
@write_transaction
def propose_disqualification(
    *,
    application: Application,
    scope: Disqualification.Scope,
    until: date | None,
    grounds: str,
    hearing_on: date,
    hearing_record: str,
    actor: User,
) -> Disqualification:
    """The forestry clerk's proposal after the hearing: a case of its own, decided by the approver."""
    if not has_role(actor, Role.CLERK, Department.FORESTRY):
        raise NotFound()
    if (scope == Disqualification.Scope.PARTY) != (until is not None):
        raise DisqualificationIncomplete()
    if not grounds.strip() or not hearing_record.strip() or hearing_on > today():
        raise DisqualificationIncomplete()
    if until is not None and until <= today():
        raise DisqualificationIncomplete()
    standing = _locked(application)
    if standing.state not in (
        Application.State.SUBMITTED,
        Application.State.RETURNED,
        Application.State.DETERMINED,
    ) or is_disqualification_pending(standing):
        raise ApplicationMoveNotAllowed()
    case = open_case(
        kind=DISQUALIFICATION_CASE,
        title=standing.project.name,
        subject_kind="disqualification",
        subject_key=standing.key,
        steps=disqualification_steps(),
        actor=actor,
        others=applicants_of(standing),
    )
    wanted = Disqualification.objects.create(
        application=standing,
        party=standing.project.applicant,
        scope=scope,
        until=until,
        grounds=grounds.strip(),
        hearing_on=hearing_on,
        hearing_record=hearing_record.strip(),
        case=case,
    )
    step = case.steps.get()
    given = record_verdict(
        step=step,
        verdict=VerdictKind.PREPARE,
        actor=actor,
        seen=step.revision,
        reason=grounds,
        facts={"hearing_on": hearing_on.isoformat(), "scope": str(scope)},
    )
    _record(standing, "disqualification_proposed", actor, verdict=str(given.key))
    tell_office(standing, step)
    return wanted


@write_transaction
def decide_disqualification(
    *, disqualification: Disqualification, approve: bool, reason: str, actor: User, seen: int
) -> Disqualification:
    """The approver's decision; when it stands, the application ends and its land is free."""
    step = disqualification.case.steps.get()
    record_verdict(
        step=step,
        verdict=VerdictKind.ENDORSE if approve else VerdictKind.REJECT,
        actor=actor,
        seen=seen,
        reason=reason,
    )
    if not approve:
        return disqualification
    application = _locked(disqualification.application)
    current = unfinished_step(application)
    record_verdict(
        step=current,
        verdict=VerdictKind.DISQUALIFY,
        actor=actor,
        seen=current.revision,
        reason=disqualification.grounds,
        article="第七条",
        facts={"case": disqualification.case.number},
    )
    Disqualification.objects.filter(pk=disqualification.pk).update(decided_at=now())
    assert application.claim is not None
    end_claim(claim=application.claim, because=Claim.EndedBecause.DISQUALIFIED, actor=actor)
    take_notice_down(application, actor)
    Application.objects.filter(pk=application.pk).update(state=Application.State.DISQUALIFIED)
    _record(application, "disqualified", actor, scope=disqualification.scope)
    with override("zh-hans"):
        tell_applicants(
            application,
            _("取消申报资格：{name}").format(name=application.project.name),
            disqualification.grounds,
        )
    disqualification.refresh_from_db()
    return disqualification


# --- inside -------------------------------------------------------------------------------------
def _locked(application: Application) -> Application:
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("project__applicant", "case__regulation", "claim", "area_version__area")
        .get(pk=application.pk)
    )


def _require_ecology(actor: User, role: Role) -> None:
    """Who may not is told so before what is missing; the verdict, which names the report, comes after that."""
    if not has_role(actor, role, Department.ECOLOGY):
        raise NotYourOffice()


def _require_objections_office(objection: NoticeObjection, actor: User) -> None:
    notice = objection.notice
    if notice.subject_kind != SUBJECT or not has_role(actor, Role.CLERK, Department.FORESTRY):
        raise NotFound()
    application = Application.objects.select_related("case").get(key=notice.subject_key)
    if application.case is not None:
        refuse_own_matter(application.case, actor)


def _require_ready(application: Application, kind: Step, verdict: VerdictKind) -> None:
    """What a verdict of this step presupposes beyond the step itself."""
    if verdict == VerdictKind.REJECT:
        _refuse_pending_disqualification(application)
    if (kind, verdict) == (Step.COMPLETENESS, VerdictKind.ENDORSE):
        _require_confirmed(application)
    if kind == Step.DETERMINATION and verdict in (VerdictKind.PREPARE, VerdictKind.ENDORSE):
        if verdict == VerdictKind.ENDORSE:
            _require_publicity(application)
        refuse_disqualified(applicants_of(application))
        _require_confirmed(application)
        _require_titles(application)


def _refuse_pending_disqualification(application: Application) -> None:
    if is_disqualification_pending(application):
        raise DisqualificationPending()


def _require_confirmed(application: Application) -> None:
    missing = unconfirmed_materials(application)
    if missing:
        raise MaterialsNotConfirmed(missing="、".join(missing))


def _require_publicity(application: Application) -> None:
    notice = notice_of(application)
    if notice is None or notice.closes_on >= today():
        raise PublicityNotOver(closes_on=notice.closes_on if notice else "?")
    if open_objections(application).exists():
        raise ObjectionsOpen()


def _require_quantity(application: Application, quantity_kg: int) -> None:
    result = latest_result(application)
    if result is None:
        raise ReportMissing()
    if result.quantity_kg_calculated != result.quantity_kg_reported:
        raise ReportDiffers()
    whole = quantity_kg > 0 and quantity_kg % KG_PER_TONNE == 0
    if not whole or quantity_kg > result.quantity_kg_calculated:
        raise FilingQuantityWrong()


def _uniqueness_report(application: Application, actor: User) -> RuleRun:
    """The land asked anew under a number of its own; TitlesChanged before any rule is asked."""
    _require_titles(application)
    return check_land(
        application, actor, stage=Stage.REVIEW, own_claim=application.claim, numbered=True
    )


def _require_titles(application: Application) -> None:
    gone = titles_gone(application)
    if gone:
        raise TitlesChanged(titles="、".join(gone))


def _determine(application: Application, actor: User) -> None:
    """LandHasAnotherClaim where another project holds, or asked earlier for, part of the land;
    AreaHasConflicts where titles, other programmes or harvests have changed since the submission.
    """
    assert application.claim is not None
    # A signer's return for a newer report is determined again on land that is live already.
    if application.claim.state != Claim.State.LIVE:
        determine_claim(claim=application.claim, actor=actor)
    check_land(application, actor, stage=Stage.REVIEW, own_claim=application.claim)
    Application.objects.filter(pk=application.pk).update(state=Application.State.DETERMINED)
    _record(application, "determined", actor)


def _follow_return(application: Application, given: Verdict) -> None:
    Application.objects.filter(pk=application.pk).update(state=Application.State.RETURNED)
    settle_consents(application, given.actor)
    with override("zh-hans"):
        tell_applicants(
            application,
            _("请补正：{name}").format(name=application.project.name),
            _("“{step}”环节退回补正，审核期限暂停计算。理由：{reason}").format(
                step=given.step.title, reason=given.reason
            ),
        )


def _follow_rejection(application: Application, given: Verdict) -> None:
    assert application.claim is not None
    end_claim(claim=application.claim, because=Claim.EndedBecause.REJECTED, actor=given.actor)
    take_notice_down(application, given.actor)
    Application.objects.filter(pk=application.pk).update(state=Application.State.REJECTED)
    with override("zh-hans"):
        tell_applicants(
            application,
            _("不予通过：{name}").format(name=application.project.name),
            _("“{step}”环节决定不予通过。理由：{reason}").format(
                step=given.step.title, reason=given.reason
            ),
        )


def _tell_whose_turn(application: Application, given: Verdict) -> None:
    """The offices to which this verdict brought a step."""
    assert application.case is not None
    if given.verdict in (VerdictKind.PREPARE, VerdictKind.SEND_BACK):
        given.step.refresh_from_db()
        tell_office(application, given.step)
    elif given.verdict == VerdictKind.ENDORSE:
        for step in application.case.steps.filter(
            status=StepStatus.OPEN, opened_at__gte=given.given_at
        ):
            tell_office(application, step)


def _record(application: Application, verb: str, actor: User, **facts: object) -> None:
    record_event(
        subject_kind=SUBJECT,
        subject_key=application.key,
        verb=verb,
        actor_key=actor.key,
        facts={"project": application.project.number, **facts},
    )
