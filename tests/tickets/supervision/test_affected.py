"""The affected part's kilograms, and where a picture says it was taken: pure arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.tickets.supervision.pictures import jpeg
from tickets.supervision.affected import Part, kilograms_of
from tickets.supervision.geotag import place_of


def part(weight: str, area: str, affected: str) -> Part:
    return Part(Decimal(weight), Decimal(area), Decimal(affected))


@pytest.mark.parametrize(("parts", "kilograms"), [
    ([part("1", "400000", "100000")], 560_500),
    ([part("1", "3", "1")], 747_334),  # 747,333.33…, rounded up.
    ([part("1", "3", "3")], 2_242_000),
    ([part("1", "3", "4")], 2_242_000),
    ([part("1", "3", "0")], 0),
    ([part("0", "3", "3")], 0),
    # domain.md's worked example: all of the poplars (1,707.5986 of 2,542.1463 t) burnt.
    ([part("1707.5986", "400000", "400000"), part("530.3923", "255000", "0"),
      part("304.1554", "122667", "0")], 1_505_986),
    # Half the poplars and a third of the elms; rounded once, not in each stratum.
    ([part("1707.5986", "400000", "200000"), part("530.3923", "255000", "0"),
      part("304.1554", "122667", "40889")], 842_408),
])  # fmt: skip
def test_tonnes_follow_the_share_of_area_in_each_stratum(
    parts: list[Part], kilograms: int
) -> None:  # fmt: skip
    assert kilograms_of(2_242_000, parts) == kilograms


@pytest.mark.parametrize("place", [(81.3055, 43.9071), (-70.25, -12.5)])
def test_a_picture_tells_its_place(place: tuple[float, float]) -> None:
    assert place_of(jpeg(place)) == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize("data", [
    b"", b"\xff\xd8", jpeg(), jpeg((81.3, 43.9))[:120], jpeg((81.3, 43.9)).replace(b"N\x00", b"N"),
    b"\xff\xd8\xff\xe1\xff\xffExif\x00\x00II*\x00\xff\xff\xff\xff",
    b"\xff\xd8\xff\xe1\x00\x12Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff",
])  # fmt: skip
def test_a_picture_without_a_good_place_tells_none(data: bytes) -> None:
    found = place_of(data)
    assert found is None or len(found) == 2
