"""Numbers and codes of domain.md: check characters, no gaps, and codes that forgive a typist."""

from __future__ import annotations

import random
import string

import pytest
from django.db import OperationalError, connection, transaction
from hypothesis import assume, example, given
from hypothesis import strategies as st

from portal.base.clock import CITY_TIME, advance_clock, now
from portal.base.models import NumberCounter
from portal.base.numbers import (
    NumberKind,
    draw_number,
    grouped_code,
    is_number,
    new_code,
    number_from,
    parse_code,
)
from tests.base.sessions import at_once, in_own_session, meanwhile

ALPHABET = string.digits + string.ascii_uppercase
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

kinds = st.sampled_from(list(NumberKind))
years = st.integers(2020, 2199)
serials = st.integers(1, 9_999_999)
numbers = st.builds(number_from, kinds, years, serials)
codes = st.text(CROCKFORD, min_size=26, max_size=26)


def iso_7064_mod_37_36(text: str) -> str:
    """The standard's own procedure, written down again so that the library is checked too."""
    product = 36
    for letter in text:
        total = (product + ALPHABET.index(letter)) % 36 or 36
        product = total * 2 % 37
    return ALPHABET[(37 - product) % 36]


def serial_of(number: str) -> int:
    return int(number.split("-")[-2])


# --- the check character --------------------------------------------------------------------------
def test_procedure_of_this_test_agrees_with_a_published_number() -> None:
    assert iso_7064_mod_37_36("A12425GABC1234002") == "M"  # The GRid handbook's example.


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (NumberKind.TICKET, "YN-2026-0000123-J"),
        (NumberKind.PROJECT, "YN-P-2026-0000123-X"),
        (NumberKind.FILING, "YN-F-2026-0000123-0"),
        (NumberKind.OFFSET, "YN-D-2026-0000123-E"),
        (NumberKind.CANCELLATION, "YN-Z-2026-0000123-Y"),
        (NumberKind.CASE, "YN-A-2026-0000123-L"),
        (NumberKind.UNIQUENESS_REPORT, "YN-U-2026-0000123-G"),
    ],
)
def test_a_number_reads_as_the_regulation_writes_it(kind: NumberKind, number: str) -> None:
    assert number_from(kind, 2026, 123) == number
    assert is_number(number)


@given(kinds, years, serials)
def test_check_character_is_iso_7064_mod_37_36_over_the_rest(
    kind: NumberKind, year: int, serial: int
) -> None:
    rest, _hyphen, check = number_from(kind, year, serial).rpartition("-")
    assert check == iso_7064_mod_37_36(rest.replace("-", ""))


@pytest.mark.parametrize("kind", NumberKind)
def test_every_single_letter_or_digit_mistaken_for_another_is_found(kind: NumberKind) -> None:
    number = number_from(kind, 2026, 1234567)
    for place, right in enumerate(number):
        for wrong in ALPHABET + "-":
            if wrong != right:
                assert not is_number(number[:place] + wrong + number[place + 1 :])


@given(numbers, st.data())
def test_every_single_character_error_is_found(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.one_of(st.sampled_from(ALPHABET), st.characters()))
    assume(wrong != number[place])
    assert not is_number(number[:place] + wrong + number[place + 1 :])


@given(numbers, st.data())
def test_a_lost_or_added_character_is_found(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    added = data.draw(st.one_of(st.sampled_from(ALPHABET + "-\n "), st.characters()))
    assert not is_number(number[:place] + number[place + 1 :])
    assert not is_number(number[:place] + added + number[place:])
    assert not is_number(number + added)


@given(st.text())
@example("")
@example("YN-2026-0000123-j")
@example("YN-2026-0000123-J\n")
@example("ＹＮ-2026-0000123-J")
@example("YN-２０２６-0000123-J")
@example("YN--2026-0000123-J")
def test_other_text_is_no_number(text: str) -> None:
    assert not is_number(text)


def test_a_letter_that_no_kind_carries_makes_no_number() -> None:
    check = iso_7064_mod_37_36("YNX20260000123")
    assert not is_number(f"YN-X-2026-0000123-{check}")


# --- no gaps --------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_numbers_of_a_kind_and_year_count_from_one() -> None:
    drawn = [draw_number(NumberKind.FILING) for _ in range(3)]
    assert [serial_of(number) for number in drawn] == [1, 2, 3]
    assert all(is_number(number) for number in drawn)


@pytest.mark.django_db
def test_each_kind_counts_apart() -> None:
    assert [serial_of(draw_number(kind)) for kind in NumberKind] == [1] * len(NumberKind)


@pytest.mark.django_db
def test_the_year_of_a_number_turns_at_midnight_in_the_city() -> None:
    moment = now().astimezone(CITY_TIME)
    this_year = moment.year
    new_year = moment.replace(this_year + 1, 1, 1, 0, 0, 30, 0)
    first = draw_number(NumberKind.TICKET)
    advance_clock(new_year - moment)  # Still the old year by eight hours in UTC.
    assert first.startswith(f"YN-{this_year}-0000001-")
    assert draw_number(NumberKind.TICKET).startswith(f"YN-{this_year + 1}-0000001-")


def test_a_rolled_back_act_leaves_no_gap(committed_db: str) -> None:
    def act_that_fails() -> None:
        with transaction.atomic():
            draw_number(NumberKind.CASE)
            raise RuntimeError

    first = draw_number(NumberKind.CASE)
    with pytest.raises(RuntimeError):
        act_that_fails()
    assert [serial_of(first), serial_of(draw_number(NumberKind.CASE))] == [1, 2]


def test_a_savepoint_rolled_back_leaves_no_gap(committed_db: str) -> None:
    with transaction.atomic():
        draw_number(NumberKind.CASE)
        savepoint = transaction.savepoint()
        draw_number(NumberKind.CASE)
        transaction.savepoint_rollback(savepoint)
        assert serial_of(draw_number(NumberKind.CASE)) == 2


@pytest.mark.parametrize("sessions", [8])
def test_numbers_are_gapless_when_concurrent_sessions_commit_and_roll_back(
    committed_db: str, sessions: int
) -> None:
    def draw_many(seed: int) -> list[str]:
        chance = random.Random(seed)
        kept = []
        for _ in range(15):
            with transaction.atomic():
                number = draw_number(NumberKind.TICKET)
                if chance.random() < 0.4:
                    transaction.set_rollback(True)
                else:
                    kept.append(number)
        return kept

    kept = at_once([lambda seed=seed: draw_many(seed) for seed in range(sessions)])
    serials = sorted(serial_of(number) for part in kept for number in part)
    assert serials == list(range(1, len(serials) + 1))
    assert NumberCounter.objects.get().last == len(serials)
    assert 0 < len(serials) < sessions * 15  # Some were kept, some given back.


def test_a_second_session_waits_for_a_number_of_the_same_kind_only(committed_db: str) -> None:
    def draw(kind: NumberKind) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return serial_of(draw_number(kind))

    draw_number(NumberKind.CASE)
    with transaction.atomic():
        draw_number(NumberKind.CASE)
        with meanwhile(lambda: draw(NumberKind.FILING)) as other_kind:
            assert other_kind.result() == 1
        with (
            meanwhile(lambda: draw(NumberKind.CASE)) as same_kind,
            pytest.raises(OperationalError, match="lock timeout"),
        ):
            same_kind.result()
    assert in_own_session(lambda: draw(NumberKind.CASE)) == 3


# --- secret codes ---------------------------------------------------------------------------------
def test_a_new_code_is_26_characters_of_crockford_from_128_bits() -> None:
    made = {new_code() for _ in range(2000)}
    assert len(made) == 2000
    assert all(len(code) == 26 and set(code) <= set(CROCKFORD) for code in made)
    assert {code[0] for code in made} == set("01234567")  # 26 × 5 − 128 = 2 bits stay zero.
    assert {code[-1] for code in made} == set(CROCKFORD)
    assert all(parse_code(code) == code for code in made)


@given(codes, st.randoms(use_true_random=False))
def test_a_code_forgives_case_groups_and_letters_that_look_alike(
    code: str, chance: random.Random
) -> None:
    looks_like = {"0": "0Oo", "1": "1IiLl"}
    typed = "".join(
        chance.choice(looks_like.get(letter, letter + letter.lower()))
        + chance.choice(["", "", "-", " ", "\t", "\n", "　"])
        for letter in code
    )
    assert parse_code(typed) == code


@given(codes)
def test_a_code_as_people_read_it_opens_the_same(code: str) -> None:
    shown = grouped_code(code)
    assert [len(group) for group in shown.split("-")] == [4, 4, 4, 4, 4, 4, 2]
    assert parse_code(shown) == code


@given(codes, st.integers(0, 25), st.sampled_from("Uu*=~$é中0١"))
def test_a_code_with_a_character_of_no_meaning_is_none(code: str, place: int, odd: str) -> None:
    changed = code[:place] + odd + code[place + 1 :]
    assert parse_code(changed) == (changed if odd == "0" else None)


@given(codes, st.integers(0, 25))
def test_a_code_of_another_length_is_none(code: str, kept: int) -> None:
    assert parse_code(code[:kept]) is None
    assert parse_code(code + code[kept]) is None
