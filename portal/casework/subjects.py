"""What casework must know of the subjects it does not know: their pages, and who may read.

Each app names its kinds in its ``AppConfig.ready``; cases, documents and notices then lead to the
subject's page, and a document is read through the subject's own gate.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from portal.accounts.queries import AnyUser
from portal.base.errors import NotFound


@dataclass(frozen=True, slots=True)
class Subject:
    """``page`` answers the address of a subject's page; ``may_read`` raises NotFound, and ``may_read_inside``
    for what the review says to itself, where that is kept from others who read the subject.
    """

    kind: str
    label: str | Promise
    page: Callable[[uuid.UUID], str]
    may_read: Callable[[uuid.UUID, AnyUser], object]
    may_read_inside: Callable[[uuid.UUID, AnyUser], object] | None = None


_SUBJECTS: dict[str, Subject] = {}


def register_subject(subject: Subject) -> None:
    """Make a kind known; the last registration of a kind stands."""
    _SUBJECTS[subject.kind] = subject


def subject_of(kind: str) -> Subject:
    """NotFound for a kind that no app has named."""
    if kind not in _SUBJECTS:
        raise NotFound()
    return _SUBJECTS[kind]


def subject_page(kind: str, key: uuid.UUID) -> str:
    """The address of a subject's page, or empty where its app shows none."""
    return _SUBJECTS[kind].page(key) if kind in _SUBJECTS else ""


def require_reader(kind: str, key: uuid.UUID, user: AnyUser) -> None:
    """The subject's own gate; NotFound where it refuses or where no app has named the kind."""
    subject_of(kind).may_read(key, user)


def require_reader_inside(kind: str, key: uuid.UUID, user: AnyUser) -> None:
    """The gate to what the review says to itself; the subject's own where it keeps nothing from its readers."""
    subject = subject_of(kind)
    (subject.may_read_inside or subject.may_read)(key, user)
