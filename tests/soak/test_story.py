"""The demonstration's two years in a database of their own, from its migration to today."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from psycopg import sql

from portal.base.clock import today
from portal.base.models import Installation
from portal.casework.deadlines import Calendar
from portal.journal.models import Seal
from portal.journal.queries import verify_journal
from portal.site.story import CHAPTERS, morning_of
from tests.databases import OWNER_HOME, PREFIX, drop_database, owner_connection, use_database
from tickets.offsets.models import Offset
from tickets.registry.management.commands.verify_register import Command
from tickets.registry.models import Cause, LedgerEntry
from tickets.registry.moves import EntryKind
from tickets.registry.queries import Standing, state_table

# Before these no chapter runs into the next one's day.
LAST_DAYS = 14


@pytest.fixture
def empty_db(settings: Any, tmp_path: Path, django_db_blocker: Any) -> Iterator[str]:
    """A database that nothing was migrated into."""
    settings.INSTALLATION_KIND, settings.DEMO_ACCOUNTS = "embedded", True
    settings.SECRETS, settings.MEDIA_ROOT = tmp_path / "secrets", tmp_path / "files"
    before = settings.DATABASES["default"]["NAME"]
    name = f"{PREFIX}_{os.getpid()}_story"
    with owner_connection(OWNER_HOME) as control, django_db_blocker.unblock():
        control.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        use_database(name)
        try:
            yield name
        finally:
            use_database(before)
            drop_database(control, name)


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
    mornings = [morning_of(one, Calendar()).date() for one in CHAPTERS if one.days_ago > LAST_DAYS]
    assert set(mornings) <= set(Seal.objects.values_list("day", flat=True))
    assert set(LedgerEntry.objects.values_list("kind", flat=True)) == set(EntryKind)
    shown = {row.standing for row in state_table()}
    ended = {Standing.VOID, Standing.SUPERSEDED}  # A later ticket stands in their place.
    assert shown >= set(Standing) - ended
    assert Cause.objects.filter(kind=Cause.Kind.OFFSET, offset__isnull=True).count() == 0
    assert Offset.objects.count() >= 5
    assert Command().verify(replay=True)["faults"] == []
    assert verify_journal().faults == []
