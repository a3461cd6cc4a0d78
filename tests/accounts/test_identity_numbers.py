"""Numbers are read leniently and checked strictly; what is shown is masked."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.errors import IdentityNumberWrong
from portal.accounts.identity import (
    IdentityNumber,
    Scheme,
    masked,
    masked_name,
    parse_body_number,
    parse_person_number,
)
from tests.accounts.people import body_number, person_number

KNOWN_PERSON = "11010519491231002X"  # The example of GB 11643.
KNOWN_BODY = "91110000600037341L"  # The example of python-stdnum's documentation.
RURAL_COLLECTIVE = "N2654002MADEM0001U"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (KNOWN_PERSON, KNOWN_PERSON),
        ("11010519491231002x", KNOWN_PERSON),
        (" 110105 19491231 002X ", KNOWN_PERSON),
        ("110105-19491231-002X", KNOWN_PERSON),
        ("１１０１０５１９４９１２３１００２Ｘ", KNOWN_PERSON),
        ("110105194912310021", None),  # The check digit.
        ("11010519491231002", None),  # A digit short.
        ("1101051949123100２X9", None),  # One too many.
        ("1101051949123I002X", None),
        ("", None),
    ],
)
def test_a_person_number_is_forgiven_its_typing_but_not_its_digits(
    typed: str, read: str | None
) -> None:
    with pytest.raises(IdentityNumberWrong) if read is None else nullcontext():
        assert parse_person_number(typed).text == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (KNOWN_BODY, KNOWN_BODY),
        ("9111 0000 6000 3734 1l", KNOWN_BODY),
        (RURAL_COLLECTIVE, RURAL_COLLECTIVE),  # Rural collectives begin with N.
        ("91110000600037341M", None),
        ("9111000060003734IL", None),  # I is no letter of the alphabet.
        ("N26540O2MADEM0001U", None),
        ("١1110000600037341L", None),  # A digit of another script.
        (KNOWN_PERSON, None),
    ],
)
def test_a_body_number_is_forgiven_its_typing_but_not_its_digits(
    typed: str, read: str | None
) -> None:
    with pytest.raises(IdentityNumberWrong) if read is None else nullcontext():
        assert parse_body_number(typed).text == read


@pytest.mark.parametrize(("number", "doubtful"), [(KNOWN_PERSON, False), (person_number(1), True)])
def test_an_unknown_county_and_birth_date_only_make_the_clerk_look_twice(
    number: str, doubtful: bool
) -> None:
    assert parse_person_number(number) == IdentityNumber(Scheme.PERSON, number, doubtful)


@given(st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(place: int, by: int) -> None:
    number = person_number(7)
    if not number[place].isdigit():
        return
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    with pytest.raises(IdentityNumberWrong):
        parse_person_number(wrong)


def test_masks_show_the_ends_alone() -> None:
    number = parse_person_number("11010519491231002X")
    assert masked(number.prefix, number.last4) == "110105********002X"
    assert masked("", "") == ""
    assert masked_name("王建国") == masked_name("王建") == "王*"
    assert masked_name("") == ""


def test_numbers_of_two_registers_never_meet() -> None:
    person, body = parse_person_number(person_number(3)), parse_body_number(body_number(3))
    assert person.lookup_text.startswith("ric:")
    assert body.lookup_text.startswith("uscc:")
