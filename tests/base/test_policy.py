"""Policy values: read alike by SQL and Python, changed by newer rows, each change in the journal."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from portal.base.clock import advance_clock, now
from portal.base.errors import InvalidInput
from portal.base.models import Policy
from portal.base.policy import (
    PolicyKindDiffers,
    PolicyUnknown,
    policies_in_force,
    policy_in_force,
    policy_number,
    policy_text,
    set_policy,
)
from portal.journal.models import Event
from portal.journal.queries import verify_journal
from tests.base.sessions import as_owner, at_once, constraint_of, refused_by

NUMBER = "title.min_area_m2"  # 10 m² by the migration.
TEXT = "test.notice"


@dataclass(frozen=True)
class Administrator:
    """Policy knows whoever acts by key alone."""

    key: uuid.UUID = field(default_factory=uuid.uuid4)


ADMINISTRATOR = Administrator()


def change(value: str, *, code: str = NUMBER, valid_from: datetime | None = None) -> Policy:
    return set_policy(
        code=code,
        value=Decimal(value),
        reason="会议纪要第3号",
        actor=ADMINISTRATOR,
        valid_from=valid_from,
    )


def sql(statement: str, *values: Any) -> Any:
    """The first field of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def sql_number(code: str = NUMBER) -> float:
    found: float = sql("SELECT policy_number(%s)", code)
    return found


@pytest.fixture
def notice(db: None) -> Policy:
    """A policy that is a text, which no migration of the ground floor brings."""
    return Policy.objects.create(code=TEXT, text="第一版", label="通知")


# --- read alike -----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_every_number_is_read_alike_by_sql_and_python() -> None:
    codes = list(policies_in_force().filter(value__isnull=False).values_list("code", flat=True))
    assert len(codes) >= 18
    for code in codes:
        assert sql_number(code) == float(policy_number(code))
    together = json.loads(sql("SELECT policy_numbers(%s)::text", codes))
    assert together == {code: sql_number(code) for code in codes}


def test_a_text_is_read_alike_by_sql_and_python(notice: Policy) -> None:
    assert sql("SELECT policy_text(%s)", TEXT) == policy_text(TEXT) == "第一版"
    set_policy(code=TEXT, text="第二版", reason="更正", actor=ADMINISTRATOR)
    assert sql("SELECT policy_text(%s)", TEXT) == policy_text(TEXT) == "第二版"


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["0", "0.000001", "-3.5", "12.25", "99999999.999999"])
def test_a_new_number_is_read_alike_at_once(value: str) -> None:
    change(value)
    assert policy_number(NUMBER) == Decimal(value)
    assert sql_number() == float(value)


@pytest.mark.django_db
def test_a_number_agreed_for_later_stands_from_its_day_on_for_both() -> None:
    begins = now() + timedelta(days=30)
    change("25", valid_from=begins)
    assert (policy_number(NUMBER), sql_number()) == (10, 10)
    advance_clock(timedelta(days=30) - timedelta(minutes=1))
    assert (policy_number(NUMBER), sql_number()) == (10, 10)
    advance_clock(timedelta(minutes=1))
    assert (policy_number(NUMBER), sql_number()) == (25, 25)


@pytest.mark.django_db
def test_a_change_now_stands_until_the_one_agreed_for_later() -> None:
    change("25", valid_from=now() + timedelta(days=30))
    change("12")
    assert (policy_number(NUMBER), sql_number()) == (12, 12)
    advance_clock(timedelta(days=31))
    assert (policy_number(NUMBER), sql_number()) == (25, 25)


@pytest.mark.django_db
def test_the_later_written_of_two_for_one_moment_stands() -> None:
    begins = now() + timedelta(days=1)
    change("20", valid_from=begins)
    change("21", valid_from=begins)
    advance_clock(timedelta(days=1))
    assert (policy_number(NUMBER), sql_number()) == (21, 21)


@pytest.mark.django_db
def test_the_past_keeps_its_own_value() -> None:
    before = now()
    advance_clock(timedelta(days=10))
    change("12")
    between = now()
    advance_clock(timedelta(days=10))
    change("14")
    assert [policy_number(NUMBER, at) for at in (before, between, None)] == [10, 12, 14]


@pytest.mark.django_db
def test_one_row_of_each_code_is_in_force() -> None:
    change("12")
    change("13")
    change("14", valid_from=now() + timedelta(days=1))
    codes = [row.code for row in policies_in_force()]
    assert codes == sorted(set(Policy.objects.values_list("code", flat=True)))
    assert policy_in_force(NUMBER).value == 13


@pytest.mark.django_db
def test_a_code_that_nobody_set_has_no_value() -> None:
    with pytest.raises(PolicyUnknown, match="no.such"):
        policy_number("no.such")
    with pytest.raises(DatabaseError, match="no.such") as caught:
        sql_number("no.such")
    assert isinstance(caught.value.__cause__, psycopg.errors.NoDataFound)


@pytest.mark.django_db
def test_a_code_has_no_value_before_its_first() -> None:
    with pytest.raises(PolicyUnknown):
        policy_number(NUMBER, datetime(2020, 1, 1, tzinfo=UTC))


def test_a_text_is_no_number_and_a_number_no_text(notice: Policy) -> None:
    with pytest.raises(PolicyKindDiffers):
        policy_number(TEXT)
    with pytest.raises(PolicyKindDiffers):
        policy_text(NUMBER)


@pytest.mark.django_db
def test_a_temporary_table_does_not_stand_in_for_a_policy() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE base_policy (LIKE public.base_policy)")
        cursor.execute(
            "INSERT INTO pg_temp.base_policy (id, code, value, text, unit, label, article, reason, "
            "valid_from) VALUES (1, %s, 0, '', '', '', '', '', '2020-01-01')",
            [NUMBER],
        )
    assert sql_number() == 10


def test_a_temporary_table_does_not_stand_in_for_a_text(notice: Policy) -> None:
    """A function in SQL is not closed by ``migrate`` as those in PL/pgSQL are."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE base_policy (LIKE public.base_policy)")
    assert sql("SELECT policy_text(%s)", TEXT) == "第一版"


# --- set ------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_change_keeps_what_the_code_means() -> None:
    former = policy_in_force(NUMBER)
    row = change("12")
    assert (row.unit, row.label, row.article) == (former.unit, former.label, former.article)
    assert (row.set_by, row.reason) == (ADMINISTRATOR.key, "会议纪要第3号")
    assert former.valid_from < row.valid_from <= now()


@pytest.mark.django_db
def test_only_a_known_code_is_changed() -> None:
    with pytest.raises(PolicyUnknown):
        change("1", code="no.such")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"value": Decimal(1), "reason": " "}, InvalidInput),
        ({"value": None, "text": "", "reason": "理由"}, PolicyKindDiffers),
        ({"value": None, "text": "十", "reason": "理由"}, PolicyKindDiffers),
        ({"value": Decimal(1), "text": "一", "reason": "理由"}, PolicyKindDiffers),
        ({"value": Decimal("NaN"), "reason": "理由"}, InvalidInput),
        ({"value": Decimal("Infinity"), "reason": "理由"}, InvalidInput),
    ],
)
def test_a_number_is_followed_by_a_number_with_a_reason(
    wanted: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        set_policy(code=NUMBER, actor=ADMINISTRATOR, **wanted)
    assert policy_number(NUMBER) == 10
    assert not Event.objects.filter(subject_kind="policy").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["1e12", "0.0000004"])
def test_a_number_that_the_column_cannot_keep_exactly_is_refused(value: str) -> None:
    """The smaller one would stand as 0: a tolerance of nothing, silently."""
    with pytest.raises(InvalidInput):
        change(value)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"text": "  "}, InvalidInput),
        ({"value": Decimal(1)}, PolicyKindDiffers),
        ({"value": Decimal(1), "text": "第二版"}, PolicyKindDiffers),
    ],
)
def test_a_text_is_followed_by_a_text(
    notice: Policy, wanted: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        set_policy(code=TEXT, reason="理由", actor=ADMINISTRATOR, **wanted)
    assert policy_text(TEXT) == "第一版"


@pytest.mark.django_db
def test_a_text_agreed_for_later_already_gives_a_code_its_kind() -> None:
    Policy.objects.create(
        code=TEXT, text="以后的", label="通知", valid_from=now() + timedelta(days=1)
    )
    with pytest.raises(PolicyKindDiffers):
        change("1", code=TEXT)


@pytest.mark.django_db
def test_no_value_begins_in_the_past() -> None:
    with pytest.raises(InvalidInput):
        change("12", valid_from=now() - timedelta(seconds=1))
    assert policy_number(NUMBER) == 10


@pytest.mark.django_db
def test_not_even_raw_sql_begins_a_value_in_the_past() -> None:
    before = now()
    advance_clock(timedelta(days=1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.create(code=NUMBER, value=0, label="x", valid_from=before)
    assert policy_number(NUMBER, before) == 10


def test_of_changes_made_at_once_each_is_kept_and_one_stands(committed_db: str) -> None:
    at_once([lambda value=value: change(str(value)) for value in range(20, 28)])
    kept = Policy.objects.filter(code=NUMBER).exclude(set_by=None)
    assert sorted(int(row.value or 0) for row in kept) == list(range(20, 28))
    assert float(policy_number(NUMBER)) == sql_number()
    assert Event.objects.filter(subject_kind="policy", subject_key=NUMBER).count() == 8
    assert verify_journal().faults == []


# --- journalled -----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_change_is_in_the_journal_with_actor_and_value() -> None:
    row = change("12.5")
    event = Event.objects.get(subject_kind="policy", subject_key=NUMBER)
    assert (event.verb, event.actor_key) == ("set_policy", ADMINISTRATOR.key)
    assert event.facts["policy"] == row.pk
    assert Decimal(str(event.facts["value"])) == Decimal("12.5")
    assert datetime.fromisoformat(event.facts["valid_from"]) == row.valid_from


def test_free_text_enters_the_journal_as_a_hash_only(notice: Policy) -> None:
    set_policy(code=TEXT, text="第二版", reason="张三来信要求", actor=ADMINISTRATOR)
    facts = Event.objects.filter(subject_key=TEXT).latest("id").facts
    assert facts["text_sha256"] == hashlib.sha256("第二版".encode()).hexdigest()
    assert facts["reason_sha256"] == hashlib.sha256("张三来信要求".encode()).hexdigest()
    assert "张三" not in str(facts)
    assert "第二版" not in str(facts)


COLUMNS = "code, value, text, unit, label, article, reason"


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["insert", "copy", "bulk"])
def test_no_way_of_writing_a_policy_escapes_the_journal(way: str) -> None:
    with connection.cursor() as cursor:
        if way == "insert":
            cursor.execute(
                f"INSERT INTO base_policy ({COLUMNS}) "
                f"SELECT '{NUMBER}', n, '', '', 'x', '', '' FROM generate_series(1, 3) AS n"
            )
        elif way == "copy":
            with cursor.copy(f"COPY base_policy ({COLUMNS}) FROM STDIN") as lines:
                for number in (1, 2, 3):
                    lines.write_row((NUMBER, number, "", "", "x", "", ""))
        else:
            Policy.objects.bulk_create(
                Policy(code=NUMBER, value=number, label="x") for number in (1, 2, 3)
            )
    events = Event.objects.filter(subject_kind="policy", subject_key=NUMBER).order_by("seq")
    assert [int(event.facts["value"]) for event in events] == [1, 2, 3]
    assert [event.seq for event in events] == [1, 2, 3]


@pytest.mark.django_db
def test_a_temporary_table_does_not_divert_the_journal() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE journal_event (LIKE public.journal_event)")
        cursor.execute("ALTER TABLE pg_temp.journal_event ALTER id DROP NOT NULL")
        cursor.execute("ALTER TABLE pg_temp.journal_event ALTER recorded_at DROP NOT NULL")
    change("0")
    assert sql("SELECT count(*) FROM public.journal_event WHERE subject_kind = 'policy'") == 1


@pytest.mark.django_db
def test_a_change_undone_is_not_in_the_journal() -> None:
    with transaction.atomic():
        change("12")
        transaction.set_rollback(True)
    assert policy_number(NUMBER) == 10
    assert not Event.objects.filter(subject_kind="policy").exists()


# --- never rewritten ------------------------------------------------------------------------------
REWRITINGS = [
    f"UPDATE base_policy SET value = 0 WHERE code = '{NUMBER}'",
    f"UPDATE base_policy SET valid_from = valid_from - interval '1 year' WHERE code = '{NUMBER}'",
    "UPDATE base_policy SET reason = 'x'",
    f"DELETE FROM base_policy WHERE code = '{NUMBER}'",
    "TRUNCATE base_policy",
    f"INSERT INTO base_policy (id, {COLUMNS}) SELECT id, code, 0, '', '', 'x', '', '' "
    f"FROM base_policy WHERE code = '{NUMBER}' ON CONFLICT (id) DO UPDATE SET value = 0",
    "MERGE INTO base_policy USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
]


@pytest.mark.django_db
@pytest.mark.parametrize("statement", REWRITINGS)
def test_the_application_role_never_rewrites_a_policy(statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute(statement)


def test_not_even_the_owner_rewrites_a_policy(committed_db: str) -> None:
    with as_owner() as owner:
        for statement in REWRITINGS:
            with pytest.raises(psycopg.IntegrityError) as caught:
                owner.execute(statement)
            assert constraint_of(caught.value) == "nothing_is_rewritten", statement
    assert policy_number(NUMBER) == 10


@pytest.mark.django_db
def test_a_policy_has_a_number_or_a_text() -> None:
    with refused_by("policy_has_a_number_or_a_text"):
        Policy.objects.create(code=NUMBER, label="x")
