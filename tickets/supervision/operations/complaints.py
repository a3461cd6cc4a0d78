"""Complaints from the first word to the answer (article 20)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from django.contrib.gis.geos import Point
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.accounts.errors import TooManyAttempts
from portal.accounts.models import Attempt, Department, Role, User
from portal.accounts.operations import note_attempt
from portal.accounts.queries import has_role, officers
from portal.base.clock import now, today
from portal.base.errors import InvalidInput, NotFound
from portal.base.numbers import new_code
from portal.base.policy import policy_number, policy_text
from portal.base.transactions import write_transaction
from portal.casework.deadlines import due_on
from portal.casework.documents import Upload, add_document
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.registry.models import CarbonTicket
from tickets.supervision.access import may_handle
from tickets.supervision.errors import (
    ComplaintMovedOn,
    NotTheOffice,
    OwnDraft,
    TooManyComplaints,
)
from tickets.supervision.models import Complainant, Complaint

TEXT_LENGTH = 4000
State: TypeAlias = Complaint.State
Topic: TypeAlias = Complaint.Topic
# Whose matter it is (article 3); a complaint never comes to the department it is about.
COMPETENT: dict[Topic, Department] = {
    Topic.FALSEHOOD: Department.FORESTRY,
    Topic.LAND: Department.NATURAL_RESOURCES,
    Topic.FOREST: Department.FORESTRY,
    Topic.TRADING: Department.DEVELOPMENT_REFORM,
    Topic.OFFSET: Department.ECOLOGY,
    Topic.FINANCE: Department.FINANCE,
    Topic.CONDUCT: Department.JUSTICE,
}


def competent_department(topic: Topic, accused: Department | None) -> Department:
    """Where a complaint goes: forestry instead of an accused department, justice instead of it."""
    for department in (COMPETENT[topic], Department.FORESTRY, Department.JUSTICE):
        if department is not accused:
            return department
    raise AssertionError("unreachable")  # pragma: no cover


def note_complaint(source: str) -> None:
    """Count a try before the act; TooManyComplaints names another way to be heard."""
    try:
        note_attempt(kind=Attempt.Kind.COMPLAINT, source=source)
    except TooManyAttempts as error:
        raise TooManyComplaints(
            minutes=error.facts["minutes"], contact=policy_text("supervision.complaint_contact")
        ) from error


@write_transaction
def make_complaint(
    *,
    topic: Topic,
    text: str,
    actor: User | None,
    accused: Department | None = None,
    ticket: CarbonTicket | None = None,
    place: Point | None = None,
    name: str = "",
    contact: str = "",
    files: Sequence[Upload] = (),
) -> Complaint:
    """Anyone's complaint, with or without a name, sent to the competent department."""
    if not text.strip() or len(text) > TEXT_LENGTH:
        raise InvalidInput(field=_("举报内容"), reason=_("请写 1 至 4000 字"))
    deadline = due_on(today(), int(policy_number("supervision.complaint_working_days")))
    complaint = Complaint.objects.create(
        code=new_code(),
        topic=topic,
        text=text.strip(),
        place=place,
        ticket=ticket,
        accused=accused or "",
        department=competent_department(topic, accused),
        due_on=deadline.day,
        due_provisional=deadline.provisional,
    )
    if name.strip() or contact.strip():
        Complainant.objects.create(
            complaint=complaint, name=name.strip(), contact=contact.strip(), user=actor
        )
    for serial, upload in enumerate(files, 1):
        # An uploader's account would name the complainant: files carry none.
        add_document(
            subject_kind="complaint",
            subject_key=complaint.key,
            kind=f"evidence-{serial}",
            upload=upload,
            actor=None,
        )
    complaint.refresh_from_db()
    _record(complaint, "received", None, files=len(files))
    _tell_office(complaint)
    return complaint


@write_transaction
def accept_complaint(*, complaint: Complaint, actor: User) -> Complaint:
    """A clerk of the competent department takes it in hand."""
    found = _held(complaint, actor, Role.CLERK, State.RECEIVED)
    found.state, found.accepted_by = State.ACCEPTED, actor
    found.save(update_fields=["state", "accepted_by"])
    _record(found, "accepted", actor)
    return found


@write_transaction
def pass_on_complaint(
    *, complaint: Complaint, to: Department, reason: str, actor: User
) -> Complaint:
    """To the department whose matter it is; the deadline goes on. Never to the accused."""
    found = _held(complaint, actor, Role.CLERK, State.RECEIVED, State.ACCEPTED)
    if not reason.strip():
        raise InvalidInput(field=_("理由"), reason=_("请写明移交理由"))
    if to.value == found.department:
        raise InvalidInput(field=_("移交至"), reason=_("已在该部门"))
    left = found.department
    found.department, found.state, found.accepted_by = to, State.RECEIVED, None
    found.remark = reason.strip()
    found.save(update_fields=["department", "state", "accepted_by", "remark"])
    _record(found, "passed_on", actor, left=left, to=to.value)
    _tell_office(found)
    return found


@write_transaction
def draft_answer(*, complaint: Complaint, upheld: bool, answer: str, actor: User) -> Complaint:
    """The clerk's proposal; the approver gives it."""
    found = _held(complaint, actor, Role.CLERK, State.ACCEPTED)
    if not answer.strip() or len(answer) > TEXT_LENGTH:
        raise InvalidInput(field=_("答复"), reason=_("请写 1 至 4000 字"))
    found.state, found.drafted_by = State.DRAFTED, actor
    found.upheld, found.answer, found.remark = upheld, answer.strip(), ""
    found.save(update_fields=["state", "drafted_by", "upheld", "answer", "remark"])
    _record(found, "drafted", actor, upheld=upheld)
    return found


@write_transaction
def return_draft(*, complaint: Complaint, reason: str, actor: User) -> Complaint:
    """Back to the clerk, with what is missing."""
    found = _held(complaint, actor, Role.APPROVER, State.DRAFTED)
    if not reason.strip():
        raise InvalidInput(field=_("理由"), reason=_("请写明退回理由"))
    found.state, found.remark = State.ACCEPTED, reason.strip()
    found.save(update_fields=["state", "remark"])
    _record(found, "returned", actor)
    return found


@write_transaction
def answer_complaint(*, complaint: Complaint, actor: User) -> Complaint:
    """The approver gives the drafted answer; who holds the code reads it."""
    found = _held(complaint, actor, Role.APPROVER, State.DRAFTED)
    if found.drafted_by == actor:
        raise OwnDraft()
    found.state, found.answered_by, found.answered_at = State.ANSWERED, actor, now()
    found.save(update_fields=["state", "answered_by", "answered_at"])
    _record(found, "answered", actor, upheld=found.upheld)
    named = Complainant.objects.filter(complaint=found, user__isnull=False).first()
    if named is not None and named.user is not None:
        tell(
            users=[named.user],
            subject=str(_("您的举报已有答复")),
            body=found.answer,
            link=reverse("supervision:complaint", args=[found.code]),
        )
    return found


@write_transaction
def reveal_complainant(*, complaint: Complaint, reason: str, actor: User) -> Complainant:
    """Name and contact, for the handling department alone; each reading is journalled."""
    if not may_handle(actor, complaint):
        raise NotFound()
    if not reason.strip():
        raise InvalidInput(field=_("理由"), reason=_("请写明查看理由"))
    named = Complainant.objects.filter(complaint=complaint).first()
    if named is None:
        raise NotFound()
    _record(complaint, "complainant_read", actor)
    return named


def _held(complaint: Complaint, actor: User, role: Role, *states: State) -> Complaint:
    """The row locked, after the gate; ComplaintMovedOn unless it is in one of ``states``."""
    found = Complaint.objects.select_for_update().get(pk=complaint.pk)
    if not may_handle(actor, found):
        raise NotFound()
    if not has_role(actor, role, Department(found.department)):
        raise NotTheOffice(office=role.label)
    if found.state not in states:
        raise ComplaintMovedOn()
    return found


def _tell_office(complaint: Complaint) -> None:
    clerks = officers(Role.CLERK, Department(complaint.department))
    tell(
        users=[clerk for clerk in clerks if may_handle(clerk, complaint)],
        subject=str(_("收到一件举报：{topic}")).format(topic=complaint.get_topic_display()),
        body=str(_("请于 {day} 前答复。")).format(day=complaint.due_on.isoformat()),
        link=reverse("supervision:complaint-case", args=[complaint.key]),
    )


def _record(complaint: Complaint, verb: str, actor: User | None, **facts: Any) -> None:
    record_event(
        subject_kind="complaint",
        subject_key=complaint.key,
        verb=verb,
        actor_key=actor.key if actor else None,
        facts={"topic": complaint.topic, "department": complaint.department, **facts},
    )
