"""Inspections from proposal to signature, and what they freeze (article 21)."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from django.contrib.gis.geos import MultiPolygon, Point
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role, people_acting_for
from portal.base.clock import PortalNow, now, today
from portal.base.errors import InvalidInput
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from portal.casework.documents import JPEG, Upload, add_document
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.market.access import DISPOSE
from tickets.registry.access import owners_of, refuse_own_ticket, require_office
from tickets.registry.models import CarbonTicket
from tickets.registry.operations import Paper, freeze_found
from tickets.registry.quantities import tonnes
from tickets.supervision.affected import affected_kg
from tickets.supervision.errors import (
    InspectionIncomplete,
    InspectionMovedOn,
    InspectionStands,
    NothingAffected,
    NotTheInspector,
    OwnOrder,
)
from tickets.supervision.geotag import place_of
from tickets.supervision.models import Inspection, InspectionPhoto

State: TypeAlias = Inspection.State
Outcome: TypeAlias = Inspection.Outcome
PHOTOS_MAX = 20


@write_transaction
def propose_inspection(
    *,
    ticket: CarbonTicket,
    cause: Inspection.Cause,
    reason: str,
    actor: User | None,
    suspect: MultiPolygon | None = None,
    source: str = "",
    follows: Inspection | None = None,
) -> Inspection:
    """A visit that somebody of forestry, or the nightly check (``actor`` None), thinks due."""
    if actor is not None:
        require_office(actor, Role.CLERK, Department.FORESTRY)
    if not reason.strip():
        raise InvalidInput(field=_("说明"), reason=_("请写明检查的理由"))
    inspection = Inspection.objects.create(
        ticket=ticket,
        cause=cause,
        reason=reason.strip()[:500],
        suspect=suspect,
        source=source,
        follows=follows,
    )
    _record(inspection, "proposed", actor, cause=str(cause))
    return inspection


@write_transaction
def order_inspection(
    *, inspection: Inspection, inspector: User, due_on: date, number: str, actor: User
) -> Inspection:
    """Forestry's approver orders it; a clerk of forestry makes it."""
    found = _decidable(inspection, actor, State.PROPOSED)
    if not number.strip():
        raise InvalidInput(field=_("检查通知书文号"), reason=_("不能为空"))
    found.order_number = number.strip()
    _assign(found, inspector, due_on, actor)
    _record(found, "ordered", actor, inspector=str(inspector.key), due_on=due_on.isoformat())
    return found


@write_transaction
def hand_on_inspection(
    *, inspection: Inspection, inspector: User, due_on: date, actor: User
) -> Inspection:
    """Another inspector, or another day: who was to go is ill, has left the office, or may not.

    Pictures that were taken stay with the visit; the former inspector hears of it.
    """
    found = _decidable(inspection, actor, State.ORDERED)
    former = found.inspector
    assert former is not None  # The constraint asks it of what is ordered.
    _assign(found, inspector, due_on, actor)
    _record(
        found, "handed_on", actor,
        former=str(former.key), inspector=str(inspector.key), due_on=due_on.isoformat(),
    )  # fmt: skip
    if former != inspector:
        _tell_inspector(former, found, str(_("现场检查已改派他人：{ticket}")))
    return found


def _assign(found: Inspection, inspector: User, due_on: date, actor: User) -> None:
    if inspector == actor:
        raise OwnOrder()
    if not has_role(inspector, Role.CLERK, Department.FORESTRY):
        raise InvalidInput(field=_("检查人员"), reason=_("须为林业主管部门的经办人"))
    refuse_own_ticket(found.ticket, inspector)
    if due_on < today():
        raise InvalidInput(field=_("检查期限"), reason=_("不能早于今天"))
    found.state, found.ordered_by, found.inspector = State.ORDERED, actor, inspector
    found.due_on = due_on
    found.save()
    _tell_inspector(inspector, found, str(_("请按期现场检查：{ticket}")))


def _tell_inspector(inspector: User, found: Inspection, subject: str) -> None:
    tell(
        users=[inspector],
        subject=subject.format(ticket=found.ticket.number),
        body=found.reason,
        link=reverse("supervision:inspection", args=[found.key]),
    )


@write_transaction
def drop_inspection(*, inspection: Inspection, reason: str, actor: User) -> Inspection:
    """Forestry's approver sees no need, or no need any more; the reason stays."""
    found = _decidable(inspection, actor, State.PROPOSED, State.ORDERED)
    if not reason.strip():
        raise InvalidInput(field=_("理由"), reason=_("不能为空"))
    found.state, found.findings, found.dropped_by = State.DROPPED, reason.strip(), actor
    found.save(update_fields=["state", "findings", "dropped_by"])
    _record(found, "dropped", actor)
    if found.inspector is not None:
        _tell_inspector(found.inspector, found, str(_("现场检查已取消：{ticket}")))
    return found


@write_transaction
def add_photo(
    *, inspection: Inspection, upload: Upload, device_place: Point | None, actor: User
) -> InspectionPhoto:
    """A picture with its place: its own tag counts before the device's.

    A phone that did not hear the answer sends again: the same picture is kept once.
    """
    found = _under_way(inspection, actor)
    known = found.photos.filter(document__sha256=upload.sha256).first()
    if known is not None:
        return known
    count = found.photos.count()
    if count >= PHOTOS_MAX:
        raise InvalidInput(field=_("照片"), reason=_("最多 20 张"))
    tagged = place_of(upload.data) if upload.media_type == JPEG else None
    place = Point(*tagged, srid=4490) if tagged else device_place
    tag = InspectionPhoto.Tag.PICTURE if tagged else InspectionPhoto.Tag.DEVICE
    document = add_document(
        subject_kind="inspection",
        subject_key=found.key,
        kind=f"photo-{count + 1}",
        upload=upload,
        actor=actor,
    )
    return InspectionPhoto.objects.create(
        inspection=found, document=document, place=place, tag=tag if place else ""
    )


@write_transaction
def sign_inspection(
    *,
    inspection: Inspection,
    visited_on: date,
    outcome: Inspection.Outcome,
    findings: str,
    actor: User,
    measures: str = "",
    measures_due_on: date | None = None,
    affected: MultiPolygon | None = None,
    mended: bool | None = None,
) -> Inspection:
    """The inspector signs; from now on nothing of it changes.

    A visit that follows one with measures says whether they were ``mended``; those that were not
    are demanded anew, or have cost tonnes.

    A loss freezes exactly the tonnes that stand on the affected part, as far as they are still live
    with the ticket's owners, until forestry's approver confirms or rejects that.
    """
    found = _under_way(inspection, actor)
    if visited_on > today():
        raise InvalidInput(field=_("检查日期"), reason=_("不能晚于今天"))
    if not findings.strip():
        raise InvalidInput(field=_("检查情况"), reason=_("不能为空"))
    lossy = outcome is Outcome.LOSS
    if lossy != (affected is not None):
        raise InspectionIncomplete()
    if outcome is Outcome.MEASURES and (not measures.strip() or measures_due_on is None):
        raise InspectionIncomplete()
    follows_measures = found.follows is not None and found.follows.outcome == Outcome.MEASURES
    if follows_measures != (mended is not None) or (mended is False and outcome is Outcome.GOOD):
        raise InspectionIncomplete()
    said = hashlib.sha256(f"{findings.strip()}\n{measures.strip()}".encode())
    if affected is not None:
        _freeze(found, affected, said.digest(), actor)
    found.state, found.outcome, found.visited_on = State.SIGNED, outcome, visited_on
    found.findings, found.measures = findings.strip(), measures.strip()
    found.measures_due_on, found.mended = measures_due_on, mended
    found.signed_at = PortalNow()  # type: ignore[assignment]
    found.save()
    found.refresh_from_db()
    _record(
        found, "signed", actor,
        outcome=str(outcome), affected_kg=found.affected_kg, photos=found.photos.count(),
        mended=mended, findings_sha256=said.hexdigest(),
    )  # fmt: skip
    if outcome is Outcome.MEASURES:
        _tell_owners(
            found,
            str(_("现场检查要求整改：{ticket}")),
            str(_("请于 {day} 前完成：{measures}")).format(
                day=found.measures_due_on, measures=found.measures
            ),
        )
    elif found.freeze is not None:
        _tell_owners(
            found,
            str(_("现场检查临时冻结：{ticket}")),
            str(_("受影响的 {tonnes} 吨自检查签字起冻结，等待林业主管部门审批。")).format(
                tonnes=tonnes(found.freeze.quantity_kg or 0)
            ),
        )
    return found


def _tell_owners(found: Inspection, subject: str, body: str) -> None:
    """What has to be mended by when, or what they cannot dispose of for now."""
    tell(
        users=people_acting_for(owners_of(found.ticket), DISPOSE),
        subject=subject.format(ticket=found.ticket.number),
        body=body,
        link=f"/tickets/{found.ticket.number}/",
    )


@write_transaction
def propose_follow_ups() -> list[Inspection]:
    """A visit for each measure whose term has passed (article 21), once, and again when it was dropped
    and the days of the policy have gone by without a visit. A job's act."""
    visits = Inspection.objects.filter(follows=OuterRef("pk"))
    due = (
        Inspection.objects.measures_overdue()
        .exclude(Exists(visits.exclude(state=State.DROPPED)))
        .exclude(Exists(visits.dropped_since(proposed_again_after())))
    )
    return [
        propose_inspection(
            ticket=one.ticket,
            cause=Inspection.Cause.FOLLOW_UP,
            reason=str(_("整改期限已到：{measures}")).format(measures=one.measures),
            source=f"measures:{one.key}",
            follows=one,
            actor=None,
        )
        for one in due.select_for_update(of=("self",)).select_related("ticket").order_by("pk")
    ]


def proposed_again_after() -> datetime:
    """What was dropped before this moment, and still stands, is proposed again."""
    return now() - timedelta(days=int(policy_number("supervision.dropped_again_days")))


def _freeze(found: Inspection, affected: MultiPolygon, said: bytes, actor: User) -> None:
    """The affected tonnes stand still from now on; none when nothing of them is live with the owners."""
    issuance = found.ticket.issuance
    kilograms = affected_kg(issuance.filing, issuance.quantity_kg, affected)
    if kilograms == 0:
        raise NothingAffected()
    found.affected, found.affected_kg = affected, kilograms
    found.freeze = freeze_found(
        ticket=found.ticket,
        quantity_kg=kilograms,
        document=Paper(
            number=found.order_number,
            sha256=said,
            authority=str(Department.FORESTRY.label),
        ),
        reason=str(_("现场检查发现林木受损，冻结受影响的减排量。")),
        actor=actor,
    )


def _locked(inspection: Inspection, *states: Inspection.State) -> Inspection:
    found = (
        Inspection.objects.select_for_update(of=("self",))
        .select_related("ticket__issuance__filing__accounting_result", "follows", "inspector")
        .get(pk=inspection.pk)
    )
    if found.state == State.SIGNED:
        raise InspectionStands()
    if found.state not in states:
        raise InspectionMovedOn()
    return found


def _decidable(inspection: Inspection, actor: User, *states: Inspection.State) -> Inspection:
    """For forestry's approver, unless he acts for an owner."""
    require_office(actor, Role.APPROVER, Department.FORESTRY)
    found = _locked(inspection, *states)
    refuse_own_ticket(found.ticket, actor)
    return found


def _under_way(inspection: Inspection, actor: User) -> Inspection:
    """For its inspector, unless he acts for an owner."""
    found = _locked(inspection, State.ORDERED)
    if found.inspector != actor or not has_role(actor, Role.CLERK, Department.FORESTRY):
        raise NotTheInspector()
    refuse_own_ticket(found.ticket, actor)
    return found


def _record(inspection: Inspection, verb: str, actor: User | None, **facts: Any) -> None:
    record_event(
        subject_kind="inspection",
        subject_key=inspection.key,
        verb=verb,
        actor_key=actor.key if actor else None,
        facts={"ticket": str(inspection.ticket_id), **facts},
    )
