"""Publishing methods, parameter sets and equations: a change is a newer version with its source."""

from __future__ import annotations

from typing import Any, TypeVar

from portal.accounts.models import User
from portal.accounts.queries import may_administer
from portal.base.errors import NotFound
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event
from tickets.accounting.models import BiomassEquation, Method, ParameterSet

Published = TypeVar("Published", Method, ParameterSet, BiomassEquation)


@write_transaction
def publish(*, row: Published, actor: User) -> Published:
    """Write the next version of a method, parameter set or equation; the former ones stand.

    Signed reports keep what they were signed with; drafts go on with the set that they chose.
    """
    if not may_administer(actor):
        raise NotFound()
    kind = type(row)
    latest = kind.objects.filter(code=row.code).order_by("-version").first()
    row.pk = None
    row.version = 1 + (latest.version if latest else 0)
    row.content_sha256 = b""  # The database writes it.
    row.made_by = actor
    row.save(force_insert=True)
    row.refresh_from_db()
    facts: dict[str, Any] = {"version": row.version, "sha256": row.sha256}
    record_event(
        subject_kind=f"accounting_{kind._meta.model_name}",
        subject_key=row.code,
        verb="published",
        actor_key=actor.key,
        facts=facts,
    )
    return row
