"""What an upgrade makes of registrations that ended before it."""

from __future__ import annotations

from importlib import import_module

from parcels.models import Parcel, ParcelVersion, RightKind, TitleReview
from tests.base.sessions import as_owner
from tests.factories.land import parcel_at, square, title_on
from tests.parcels.reviews.bench import (
    approver,
    cancelled,
    clerk,
    cut_up,
    owner,
    tapped,
    title_of,
    verified,
)

DRAWN = import_module("parcels.migrations.0041_drawn_pieces_let_go")
CANCELLED = import_module("parcels.migrations.0044_cancelled_titles_hold_no_land")
UNTIL_0044, SINCE_0044 = (
    CANCELLED.NOBODYS.format(held=held) for held in ("", "AND ended_at IS NULL")
)
# As they were before the guards: the registrations end, and what they drew stays.
AS_BEFORE = [
    "ALTER TABLE parcels_titlecertificate DISABLE TRIGGER USER",
    "ALTER TABLE parcels_titlereview DISABLE TRIGGER USER",
    "UPDATE parcels_titlecertificate SET state = 'cancelled' "
    "WHERE state = 'registered' AND id IN (SELECT certificate_id FROM parcels_titlereview)",
    "UPDATE parcels_titlereview SET state = 'withdrawn' WHERE state = 'draft'",
    "ALTER TABLE parcels_titlecertificate ENABLE TRIGGER USER",
    "ALTER TABLE parcels_titlereview ENABLE TRIGGER USER",
]


def test_upgrades_end_what_ended_registrations_drew_and_nobody_holds(committed_db: str) -> None:
    user, party = owner()
    title_of(user, party, square(0, 0), number="整宗")
    cut_up(title_of(user, party, square(500, 0), number="分割"), user)
    once = verified(title_of(user, party, square(1000, 0), number="注销"), clerk(), approver())
    of_two = Parcel.objects.get(rights__certificate=once.certificate)
    tapped(*owner("li"), of_two, kinds=[RightKind.LAND_USE])
    cancelled(once.certificate, clerk("a"), approver("b"))
    title_of(user, party, square(1500, 0), number="他人")
    shared = Parcel.objects.get(rights__certificate__number="他人")
    title_on(shared)
    registered = parcel_at(square(2000, 0))
    tapped(user, party, registered, number="登记簿")
    assert ParcelVersion.objects.standing().count() == 6
    with as_owner() as session:
        for statement in AS_BEFORE:
            session.execute(statement)
        assert not TitleReview.objects.filter(state__in=TitleReview.OPEN).exists()
        for statements, stand in (
            ([UNTIL_0044, DRAWN.EARLIER], {shared, registered, of_two}),
            ([SINCE_0044, CANCELLED.EARLIER], {shared, registered}),
        ):
            with session.transaction():
                for statement in statements:
                    session.execute(statement)
            assert set(Parcel.objects.in_being()) == stand
            assert {version.parcel for version in ParcelVersion.objects.standing()} == stand
