"""Public notices and objections to them, and messages to users."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.base.clock import PortalNow, now, today
from portal.base.models import Webhook
from portal.base.numbers import new_code
from portal.base.outbox import post_message, post_to_webhook
from portal.base.transactions import write_transaction
from portal.base.webhooks import dead_webhooks, end_webhook
from portal.casework.models import Message, Notice, NoticeObjection
from portal.journal.operations import record_event


@write_transaction
def publish_notice(
    *,
    kind: str,
    title: str,
    text: str,
    closes_on: date,
    subject_kind: str,
    subject_key: uuid.UUID,
    actor: User,
    opens_on: date | None = None,
    shape: MultiPolygon | None = None,
) -> Notice:
    """What everyone may read until ``closes_on``; ``shape`` must be the generalised one."""
    notice = Notice.objects.create(
        kind=kind,
        title=title.strip()[:200],
        text=text.strip(),
        opens_on=opens_on or today(),
        closes_on=closes_on,
        subject_kind=subject_kind,
        subject_key=subject_key,
        shape=shape,
        made_by=actor,
    )
    _record(notice, "published", actor.key, closes_on=closes_on.isoformat())
    return notice


@write_transaction
def withdraw_notice(*, notice: Notice, actor: User) -> Notice:
    """Take a notice down before its last day (the application was withdrawn, say)."""
    Notice.objects.filter(pk=notice.pk, withdrawn_at__isnull=True).update(withdrawn_at=PortalNow())
    notice.refresh_from_db()
    _record(notice, "withdrawn", actor.key)
    return notice


@write_transaction
def object_to_notice(
    *,
    notice: Notice,
    name: str,
    contact: str,
    text: str,
    shape: GEOSGeometry | None,
    actor: User | None,
) -> NoticeObjection:
    """Anyone's word against a notice while it is open; ``shape`` marks the disputed patch."""
    objection = NoticeObjection.objects.create(
        notice=notice,
        code=new_code(),
        name=name.strip(),
        contact=contact.strip(),
        text=text.strip(),
        shape=shape,
    )
    objection.refresh_from_db()
    _record(notice, "objected", actor.key if actor else None, objection=str(objection.key))
    return objection


@write_transaction
def answer_objection(
    *, objection: NoticeObjection, upheld: bool, answer: str, actor: User
) -> NoticeObjection:
    """Answer once. Who may is asked by the subject whose notice it is."""
    NoticeObjection.objects.filter(pk=objection.pk).update(
        upheld=upheld, answer=answer.strip(), answered_by=actor, answered_at=now()
    )
    objection.refresh_from_db()
    _record(objection.notice, "answered", actor.key, objection=str(objection.key), upheld=upheld)
    return objection


@write_transaction
def cure_objection(*, objection: NoticeObjection, reason: str, actor: User) -> NoticeObjection:
    """Say once why an upheld objection stands in the way no longer (article 20); CureIncomplete for
    any other. Who may is asked by the subject whose notice it is.
    """
    NoticeObjection.objects.filter(pk=objection.pk).update(
        cure=reason.strip(), cured_by=actor, cured_at=now()
    )
    objection.refresh_from_db()
    _record(objection.notice, "cured", actor.key, objection=str(objection.key), article="第二十条")
    return objection


@write_transaction
def tell(*, users: Iterable[User], subject: str, body: str, link: str = "") -> list[Message]:
    """A message in each user's inbox, by e-mail where an address is known, and to the webhook that
    the user has named."""
    told = []
    people = {user.key: user for user in users}
    for user in people.values():
        told.append(Message.objects.create(user=user, subject=subject[:200], body=body, link=link))
        if user.email:
            post_message(recipient=user.email, subject=subject, body=body)
    for webhook in Webhook.objects.in_use().filter(owner_key__in=people):
        post_to_webhook(webhook=webhook, subject=subject, text=body, link=link)
    return told


def give_up_dead_webhooks() -> int:
    """Addresses that have refused too often in a row are used no more, and their people are told;
    how many. A job's act."""
    return sum(_give_up(webhook) for webhook in dead_webhooks())


@write_transaction
def _give_up(webhook: Webhook) -> bool:
    if not end_webhook(owner_key=webhook.owner_key):
        return False
    tell(
        users=User.objects.filter(key=webhook.owner_key),
        subject=_("系统对接已停用"),
        body=_(
            "接收地址 {address} 连续 {count} 次未接收消息，已停用。消息仍在收件箱中；修复后请重新登记。"
        ).format(address=webhook.address, count=webhook.refusals),
        link=reverse("casework:webhook"),
    )
    return True


@write_transaction
def mark_read(*, user: User, messages: QuerySet[Message]) -> int:
    """The user's own messages that were shown to him."""
    return messages.filter(user=user, read_at__isnull=True).update(read_at=PortalNow())


def _record(notice: Notice, verb: str, actor_key: uuid.UUID | None, **facts: Any) -> None:
    record_event(
        subject_kind="notice",
        subject_key=notice.key,
        verb=verb,
        actor_key=actor_key,
        facts={"kind": notice.kind, **facts},
    )
