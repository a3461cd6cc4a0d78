"""What may be done on an application's page, and doing it: one entry an action."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.accounts.forms import PortalForm
from portal.accounts.models import Department, Mandate, Role, User
from portal.accounts.operations import require_second_factor
from portal.accounts.queries import acts_for, has_role, is_staff_reader
from portal.base.answers import pressed_once, sent_once, typed_into
from portal.base.errors import InvalidInput, NotFound
from portal.casework.documents import add_document
from portal.casework.models import Expert, NoticeObjection, Opinion, ReviewStep
from portal.casework.moves import MOVES, By, StepStatus, VerdictKind
from portal.casework.operations import (
    add_comment,
    ask_expert,
    assign_step,
    entrust_step,
    give_opinion,
)
from portal.casework.queries import opinions_wanted_of, steps_my_turn
from tickets.projects.access import is_inside
from tickets.projects.errors import ApplicationMoveNotAllowed, ProjectsError
from tickets.projects.forms import (
    CommentForm,
    DisqualificationForm,
    FilingForm,
    SeenForm,
    SignatureForm,
    VerdictForm,
)
from tickets.projects.models import Application, Disqualification, Material
from tickets.projects.operations import INSIDE, SUBJECT, discard_draft, withdraw_application
from tickets.projects.plan import Step
from tickets.projects.review import (
    answer_application_objection,
    confirm_material,
    cure_application_objection,
    decide_disqualification,
    judge_step,
    prepare_filing,
    propose_disqualification,
    sign_filing,
    step_of,
)

# Forms whose words are kept when the act itself is refused. A code is typed anew.
FORMS: dict[str, type[PortalForm]] = {
    "prepare": FilingForm,
    "comment": CommentForm,
    "propose": DisqualificationForm,
}


class FormRefused(ProjectsError):
    """A form's own messages, shown with what was typed."""

    code = "form_refused"

    def __init__(self, form: PortalForm) -> None:
        super().__init__()
        self.form = form


@dataclass(frozen=True, slots=True)
class Choice:
    """A verdict that may be given now."""

    verdict: VerdictKind
    reasoned: bool


def my_steps(application: Application, user: User) -> list[ReviewStep]:
    """The steps of this case that wait for the user."""
    if application.case is None:
        return []
    return list(steps_my_turn(user).filter(case=application.case))


def choices_of(step: ReviewStep) -> list[Choice]:
    """The verdicts that the table of moves allows where the step stands."""
    speaker = By.APPROVER if step.status == StepStatus.PREPARED else By.HANDLER
    return [
        Choice(verdict, verdict is not VerdictKind.ENDORSE)
        for (before, verdict), move in MOVES.items()
        if before == step.status and move.by is speaker and move.pair in (None, step.pair)
    ]


def judge(request: HttpRequest, application: Application, user: User) -> str:
    form = _valid(VerdictForm(request.POST))
    step = _step(request, application)
    judge_step(
        application=application,
        step=step,
        verdict=VerdictKind(form["verdict"]),
        actor=user,
        seen=form["seen"],
        reason=form["reason"],
    )
    return _("结论已登记。")


def confirm(request: HttpRequest, application: Application, user: User) -> str:
    material = _one_of(application.materials.all(), request.POST.get("material"))
    confirm_material(material=material, checked=request.POST.getlist("checked"), actor=user)
    return _("“{material}”已核对。").format(material=Material.Kind(material.kind).label)


def ask(request: HttpRequest, application: Application, user: User) -> str:
    expert = Expert.objects.filter(user__username=request.POST.get("expert", "")).first()
    if expert is None:
        raise NotFound()
    ask_expert(step=step_of(application, Step.EXPERT), expert=expert, actor=user)
    return _("已征求{name}的意见。").format(name=expert.user.get_full_name())


def opine(request: HttpRequest, application: Application, user: User) -> str:
    opinion = opinions_wanted_of(user).filter(step__case=application.case).first()
    if opinion is None:
        raise NotFound()
    advice, text = request.POST.get("advice", ""), request.POST.get("text", "").strip()
    if advice not in Opinion.Advice.values or not text:
        raise InvalidInput(field=_("专家意见"), reason=_("请选择意见并写明理由"))
    give_opinion(opinion=opinion, advice=Opinion.Advice(advice), text=text[:8000], actor=user)
    return _("意见已提交。")


def entrust(request: HttpRequest, application: Application, user: User) -> str:
    name = request.POST.get("verifier", "")
    verifier = User.objects.filter(username=name).first() if name else None
    if name and verifier is None:
        raise NotFound()
    entrust_step(step=step_of(application, Step.TECHNICAL), to=verifier, actor=user)
    return _("委托已更新。")


def take(request: HttpRequest, application: Application, user: User) -> str:
    step = _step(request, application)
    assign_step(step=step, to=None if step.assigned_to_id == user.pk else user, actor=user)
    return _("已更新经办人。")


def prepare(request: HttpRequest, application: Application, user: User) -> str:
    form = FilingForm(request.POST)
    given = _valid(form)
    prepare_filing(
        application=application,
        quantity_kg=form.quantity_kg(),
        actor=user,
        seen=given["seen"],
        reason=given["reason"],
    )
    return _("备案已拟稿，等待签发。")


def sign(request: HttpRequest, application: Application, user: User) -> str:
    given = _valid(SignatureForm(request.POST))

    def ask_code() -> None:
        if all(step.kind != Step.FILING for step in my_steps(application, user)):
            raise ApplicationMoveNotAllowed()
        # Counted and committed before the act, so that a wrong code cannot be tried for ever.
        require_second_factor(user=user, code=given["code"])

    number = pressed_once(
        request,
        "sign_filing",
        lambda: sign_filing(application=application, actor=user, seen=given["seen"]).number,
        actor_key=user.key,
        before=ask_code,
    )
    return _("已签发：{number}。").format(number=number)


def answer(request: HttpRequest, application: Application, user: User) -> str:
    objection = _objection(request, application)
    text = request.POST.get("answer", "").strip()
    if not text or request.POST.get("upheld") not in ("yes", "no"):
        raise InvalidInput(field=_("答复"), reason=_("请选择异议是否成立并写明答复"))
    answer_application_objection(
        objection=objection,
        upheld=request.POST["upheld"] == "yes",
        answer=text[:8000],
        actor=user,
    )
    return _("异议已答复。")


def cure(request: HttpRequest, application: Application, user: User) -> str:
    cure_application_objection(
        objection=_objection(request, application),
        reason=request.POST.get("reason", "").strip()[:8000],
        actor=user,
    )
    return _("已登记异议所指问题的消除。")


def comment(request: HttpRequest, application: Application, user: User) -> str:
    if application.case is None:
        raise NotFound()
    given = _valid(CommentForm(request.POST, request.FILES))
    case, upload = application.case, given["file"]
    internal = is_inside(application, user) and not given["public"]

    def say() -> None:
        attachments = (
            [
                add_document(
                    subject_kind=INSIDE if internal else SUBJECT,
                    subject_key=application.key,
                    kind="comment",
                    upload=upload,
                    actor=user,
                )
            ]
            if upload
            else []
        )
        add_comment(
            case=case,
            text=given["text"],
            actor=user,
            place=given["place"],
            internal=internal,
            attachments=attachments,
        )

    content = [typed_into(request), upload.sha256 if upload else ""]
    sent_once(request, "comment_application", content, say, actor_key=user.key)
    return _("意见已添加。")


def propose(request: HttpRequest, application: Application, user: User) -> str:
    given = _valid(DisqualificationForm(request.POST))
    propose_disqualification(
        application=application,
        scope=Disqualification.Scope(given["scope"]),
        until=given["until"],
        grounds=given["grounds"],
        hearing_on=given["hearing_on"],
        hearing_record=given["hearing_record"],
        actor=user,
    )
    return _("已提出取消申报资格的意见，等待审批。")


def decide(request: HttpRequest, application: Application, user: User) -> str:
    wanted = _one_of(application.disqualifications.all(), request.POST.get("disqualification"))
    given = _valid(SeenForm(request.POST))
    decide_disqualification(
        disqualification=wanted,
        approve=request.POST.get("approve") == "yes",
        reason=request.POST.get("reason", "").strip()[:8000],
        actor=user,
        seen=given["seen"],
    )
    return _("决定已登记。")


def withdraw(request: HttpRequest, application: Application, user: User) -> str:
    if "sure" not in request.POST:
        raise InvalidInput(field=_("撤回申请"), reason=_("请勾选确认"))
    withdraw_application(
        application=application, actor=user, reason=request.POST.get("reason", "").strip()[:4000]
    )
    return _("申请已撤回，土地占用已解除。")


def discard(request: HttpRequest, application: Application, user: User) -> str:
    if "sure" not in request.POST:
        raise InvalidInput(field=_("作废草稿"), reason=_("请勾选确认"))
    discard_draft(application=application, actor=user)
    return _("草稿已作废。")


ACTS: dict[str, Callable[[HttpRequest, Application, User], str]] = {
    "judge": judge,
    "confirm": confirm,
    "ask": ask,
    "opine": opine,
    "entrust": entrust,
    "take": take,
    "prepare": prepare,
    "sign": sign,
    "answer": answer,
    "cure": cure,
    "comment": comment,
    "propose": propose,
    "decide": decide,
    "withdraw": withdraw,
    "discard": discard,
}


def act(request: HttpRequest, application: Application, user: User) -> str:
    """Do what the sent form asks for; the words that confirm it."""
    wanted = ACTS.get(request.POST.get("action", ""))
    if wanted is None:
        raise ApplicationMoveNotAllowed()
    return wanted(request, application, user)


def offices(application: Application, user: User) -> dict[str, bool]:
    """What of the page concerns this user."""
    return {
        "inside": is_inside(application, user),
        "applies": acts_for(user, application.project.applicant, Mandate.Scope.APPLY),
        "staff": is_staff_reader(user),
        "forestry_clerk": has_role(user, Role.CLERK, Department.FORESTRY),
        "forestry_approver": has_role(user, Role.APPROVER, Department.FORESTRY),
    }


def _step(request: HttpRequest, application: Application) -> ReviewStep:
    try:
        kind = Step(request.POST.get("step", ""))
    except ValueError as error:
        raise NotFound() from error
    return step_of(application, kind)


def _objection(request: HttpRequest, application: Application) -> NoticeObjection:
    rows = NoticeObjection.objects.filter(
        notice__subject_kind=SUBJECT, notice__subject_key=application.key
    )
    found: NoticeObjection = _one_of(rows, request.POST.get("objection"))
    return found


def _one_of(rows: Any, key: str | None) -> Any:
    """The row of this key among those that belong to the application; NotFound else."""
    try:
        found = rows.filter(key=uuid.UUID(key or "")).first()
    except ValueError as error:
        raise NotFound() from error
    if found is None:
        raise NotFound()
    return found


def _valid(form: PortalForm) -> dict[str, Any]:
    if not form.is_valid():
        raise FormRefused(form)
    return form.cleaned_data
