"""Gates to documents, cases, notices and messages; absent and forbidden answer alike."""

from __future__ import annotations

import uuid

from portal.accounts.models import STAFF_ROLES, Role, User
from portal.accounts.queries import AnyUser, open_grants
from portal.base.clock import today
from portal.base.errors import NotFound
from portal.base.numbers import parse_code
from portal.casework.models import Comment, Document, Message, Notice, NoticeObjection
from portal.casework.subjects import require_reader, require_reader_inside

DESK_ROLES = STAFF_ROLES | {Role.EXPERT, Role.VERIFIER}


def has_desk(user: AnyUser) -> bool:
    """Whether work may come to this user: an office, or an expert's or verifier's role."""
    return any(role in DESK_ROLES for role, _department in open_grants(user))


def access_desk(user: AnyUser) -> None:
    if not has_desk(user):
        raise NotFound()


def access_document(key: uuid.UUID, user: AnyUser) -> Document:
    """A file, through the gate of the subject that it belongs to; one that only internal remarks attach,
    through the gate to what the review says to itself.
    """
    document = Document.objects.filter(key=key).first()
    if document is None:
        raise NotFound()
    remarks = set(Comment.objects.filter(attachments=document).values_list("internal", flat=True))
    require = require_reader_inside if remarks == {True} else require_reader
    require(document.subject_kind, document.subject_key, user)
    return document


def access_notice(key: uuid.UUID) -> Notice:
    """A notice that has begun and was not taken down; everyone may read it."""
    notice = Notice.objects.filter(
        key=key, withdrawn_at__isnull=True, opens_on__lte=today()
    ).first()
    if notice is None:
        raise NotFound()
    return notice


def access_objection(code: str) -> NoticeObjection:
    """An objection, for who holds its code."""
    parsed = parse_code(code)
    found = (
        NoticeObjection.objects.select_related("notice").filter(code=parsed).first()
        if parsed
        else None
    )
    if found is None:
        raise NotFound()
    return found


def access_message(key: uuid.UUID, user: User) -> Message:
    """One of the user's own messages."""
    message = Message.objects.filter(key=key, user=user).first()
    if message is None:
        raise NotFound()
    return message
