"""What applicants, offices and the public are told of an application."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.models import Mandate, Party, RoleGrant, User
from portal.accounts.queries import people_acting_for, standing_party
from portal.base.clock import PortalNow, today
from portal.base.policy import policy_number
from portal.casework.models import Notice, ReviewStep
from portal.casework.moves import StepStatus
from portal.casework.notices import publish_notice, tell, withdraw_notice
from tickets.projects.checklist import period_text
from tickets.projects.models import Application

PUBLICITY = "publicity"
SQUARE_METRES_PER_HECTARE = 10_000


def page_of(application: Application) -> str:
    return reverse("projects:application", args=[application.key])


def officers(step: ReviewStep) -> list[User]:
    """Whose turn it is: the handlers of an open step, the approvers of a prepared one."""
    if step.entrusted and step.status == StepStatus.OPEN:
        return [step.assigned_to] if step.assigned_to else []
    role = "approver" if step.status == StepStatus.PREPARED else step.role
    held = RoleGrant.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=PortalNow()),
        role=role,
        department=step.department,
        valid_from__lte=PortalNow(),
        user__is_active=True,
    ).exclude(user=step.prepared_by)
    return [grant.user for grant in held.select_related("user")]


def tell_office(application: Application, step: ReviewStep) -> None:
    """A step has come to an office."""
    with override("zh-hans"):
        tell(
            users=officers(step),
            subject=_("待办：{project} {step}").format(
                project=application.project.name, step=step.title
            ),
            body=_("案件 {case} 的“{step}”环节等待您的办理。").format(
                case=step.case.number, step=step.title
            ),
            link=page_of(application),
        )


def tell_of_late_materials(application: Application, intake: ReviewStep) -> None:
    """Versions that came after the completeness check wait for the clerk's confirmation."""
    with override("zh-hans"):
        tell(
            users=officers(intake),
            subject=_("待核对：{project} 的补正材料").format(project=application.project.name),
            body=_("申请补正后有新版本的材料，核对后才能审定和备案签发。"),
            link=page_of(application),
        )


def ask_for_consent(application: Application, party: Party) -> None:
    """A co-owner has something before him that he has not consented to."""
    with override("zh-hans"):
        tell(
            users=people_acting_for([standing_party(party)], Mandate.Scope.ALL),
            subject=_("请确认收益份额：{project}").format(project=application.project.name),
            body=_("项目的范围、份额或协议有新的内容，“{party}”同意后申请才能提交。").format(
                party=party.name
            ),
            link=reverse("projects:consent", args=[application.key]),
        )


def tell_applicants(application: Application, subject: str, body: str) -> None:
    """A word to everyone who may apply for the applicant."""
    owner = standing_party(application.project.applicant)
    tell(
        users=people_acting_for([owner], Mandate.Scope.APPLY),
        subject=subject,
        body=body,
        link=page_of(application),
    )


def publish_application(application: Application, actor: User) -> Notice:
    """The publicity period: outline (generalised), days, type and term; anyone may object."""
    assert application.area_version is not None
    project, version = application.project, application.area_version
    closes_on = today() + timedelta(days=int(policy_number("publicity.days")))
    with override("zh-hans"):
        text = _(
            "项目编号 {number}，类型：{type}，面积约 {hectares} 公顷，监测期 {period}。"
            "对项目范围、权属或唯一性有异议的，可在公示期内提出，并在图上标出有争议的地块。"
        ).format(
            number=project.number,
            type=project.get_type_display(),
            hectares=round(version.area_m2 / SQUARE_METRES_PER_HECTARE, 1),
            period=period_text(application.period),
        )
        return publish_notice(
            kind=PUBLICITY,
            title=_("林业碳票项目公示：{name}").format(name=project.name),
            text=text,
            closes_on=closes_on,
            subject_kind="application",
            subject_key=application.key,
            actor=actor,
            shape=version.geom_public,
        )


def notice_of(application: Application) -> Notice | None:
    """The standing notice of the application."""
    return (
        Notice.objects.filter(
            kind=PUBLICITY,
            subject_kind="application",
            subject_key=application.key,
            withdrawn_at__isnull=True,
        )
        .order_by("-pk")
        .first()
    )


def take_notice_down(application: Application, actor: User) -> None:
    """When the application ends before its publicity does, or its land changed."""
    notice = notice_of(application)
    if notice is not None and notice.closes_on >= today():
        withdraw_notice(notice=notice, actor=actor)
