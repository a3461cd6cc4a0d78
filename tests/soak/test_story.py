"""The demonstration's two years in a database of their own, from its migration to today."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command

from portal.base.clock import CITY_TIME, today
from portal.base.models import Installation
from portal.casework.deadlines import Calendar
from portal.casework.models import Document
from portal.journal.models import Event, Seal
from portal.journal.queries import verify_journal
from portal.site.story import CHAPTERS, SUBJECT_KEY, SUBJECT_KIND, morning_of
from tickets.offsets.models import Offset
from tickets.registry.management.commands.verify_register import Command
from tickets.registry.models import Cause, LedgerEntry, Registration
from tickets.registry.moves import EntryKind
from tickets.registry.queries import Standing, state_table

# Verbs of the journal by subject: every kind of act beside the ledger's.
ACTS = {
    "listing": {
        "asked", "confirmed", "prepared", "opened", "refused", "retracted", "deposit_shown",
        "deposit_accepted", "deposit_refused", "deposit_returned", "deposit_forfeited", "bid",
        "extended", "closed", "ended", "unsold",
    },
    "trade": {
        "agreed", "payment_shown", "payment_refused", "settled", "disputed", "dispute_settled",
        "lapsed", "refund", "receipt_found", "refunded",
    },
    "retail_order": {
        "ordered", "payment_said", "settled", "lapsed", "refund", "receipt_found", "refunded",
    },
    "retail_pool": {"prepared", "open", "refused", "closed"},
    "offset_request": {"asked", "prepared", "refused", "withdrawn"},
    "beneficiary": {"proposed", "accepted", "refused"},
    "complaint": {
        "received", "accepted", "passed_on", "drafted", "returned", "answered", "complainant_read",
    },
}  # fmt: skip


def unsealed_chapters() -> list[str]:
    """Chapters with no seal between the morning that they were to begin and the end of their telling.

    One that was put off to a Monday may begin a little late: the one before it may last till then.
    """
    sealed = set(Seal.objects.values_list("day", flat=True))
    told = dict(
        Event.objects.filter(subject_kind=SUBJECT_KIND, subject_key=SUBJECT_KEY).values_list(
            "facts__chapter", "recorded_at"
        )
    )
    unsealed = []
    for chapter in CHAPTERS:
        first = morning_of(chapter, Calendar()).date()
        last = told[chapter.name].astimezone(CITY_TIME).date()
        if not any(first <= day <= last for day in sealed):
            unsealed.append(chapter.name)
    return unsealed


@pytest.mark.soak
def test_the_story_of_two_years_leaves_a_whole_register(empty_db: str) -> None:
    call_command("migrate", story=True, verbosity=0, interactive=False)
    call_command("seed_demo")
    assert Installation.objects.get().clock_offset == timedelta(0)
    first, last = (
        LedgerEntry.objects.order_by(order)[0].recorded_at for order in ("pk", "-pk")
    )  # fmt: skip
    assert last - first > timedelta(days=600)
    assert last.date() <= today()
    assert unsealed_chapters() == []
    assert set(LedgerEntry.objects.values_list("kind", flat=True)) == set(EntryKind)
    for kind, verbs in ACTS.items():
        events = Event.objects.filter(subject_kind=kind)
        assert verbs - set(events.values_list("verb", flat=True)) == set()
    # The papers themselves are kept; an inspection's freeze stands on its signed findings.
    named = Registration.objects.exclude(document_sha256=None).exclude(freeze_kind="inspection")
    kept = {bytes.fromhex(sha256) for sha256 in Document.objects.values_list("sha256", flat=True)}
    assert {bytes(one.document_sha256) for one in named} <= kept
    shown = {row.standing for row in state_table()}
    ended = {Standing.VOID, Standing.SUPERSEDED}  # A later ticket stands in their place.
    assert shown >= set(Standing) - ended
    assert Cause.objects.filter(kind=Cause.Kind.OFFSET, offset__isnull=True).count() == 0
    assert Offset.objects.count() >= 5
    assert Command().verify(replay=True)["faults"] == []
    assert verify_journal().faults == []
