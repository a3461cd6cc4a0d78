"""Article 21: ordered by one, made by another, signed once; a loss freezes exactly its tonnes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.gis.geos import MultiPolygon, Point
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.accounts.models import Department, Role, User
from portal.base.clock import advance_clock, today
from portal.casework.documents import parse_upload
from portal.casework.models import Message
from tests.accounts.people import officer
from tests.tickets.registry.register import Bureau, covered
from tests.tickets.supervision.pictures import jpeg
from tickets.registry.models import CarbonTicket
from tickets.supervision.errors import (
    InspectionIncomplete,
    InspectionStands,
    NothingAffected,
    NotTheInspector,
    OwnOrder,
)
from tickets.supervision.models import Inspection
from tickets.supervision.operations.inspections import (
    add_photo,
    order_inspection,
    propose_follow_ups,
    propose_inspection,
    sign_inspection,
)

pytestmark = pytest.mark.django_db
Outcome = Inspection.Outcome


@pytest.fixture
def ticket(bureau: Bureau) -> CarbonTicket:
    return bureau.issue(100_001)


@pytest.fixture
def visitor(db: None) -> User:
    return officer("visitor", Role.CLERK, Department.FORESTRY)


@pytest.fixture
def ordered(bureau: Bureau, ticket: CarbonTicket, visitor: User) -> Inspection:
    return order(bureau, ticket, visitor)


def order(
    bureau: Bureau, ticket: CarbonTicket, visitor: User, proposed: Inspection | None = None
) -> Inspection:
    return order_inspection(
        inspection=proposed
        or propose_inspection(
            ticket=ticket, cause=Inspection.Cause.PLAN, reason="年度抽查", actor=bureau.clerk
        ),
        inspector=visitor,
        due_on=today() + timedelta(days=7),
        number="伊林检〔2026〕1号",
        actor=bureau.approver,
    )


def western_half(ticket: CarbonTicket) -> MultiPolygon:
    west, south, east, north = ticket.area_version.geom.extent
    box = MultiPolygon.from_ewkt(
        f"SRID=4490;MULTIPOLYGON((({west - 1} {south - 1},{(west + east) / 2} {south - 1},"
        f"{(west + east) / 2} {north + 1},{west - 1} {north + 1},{west - 1} {south - 1})))"
    )
    assert isinstance(box, MultiPolygon)
    return box


def frozen_kg(ticket: CarbonTicket) -> int:
    return sum(block.quantity_kg for block in ticket.blocks.standing() if block.freezes)


def test_a_loss_freezes_exactly_the_tonnes_of_the_affected_part(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User
) -> None:
    photo = add_photo(
        inspection=ordered,
        upload=parse_upload(jpeg((81.3, 43.9)), name="现场.jpg"),
        device_place=Point(80.0, 43.0, srid=4490),
        actor=visitor,
    )
    assert photo.tag == "picture"
    assert (photo.place.x, photo.place.y) == pytest.approx((81.3, 43.9))
    signed = sign_inspection(
        inspection=ordered, visited_on=today(), outcome=Outcome.LOSS, findings="西半部过火",
        affected=western_half(ticket), actor=visitor,
    )  # fmt: skip
    # Half of 100,001 kg, rounded up; the square's halves differ by less than a kilogram's worth.
    assert signed.affected_kg == pytest.approx(50_001, abs=5)
    assert frozen_kg(ticket) == 0
    assert signed.freeze is not None
    bureau.approve(signed.freeze)
    assert frozen_kg(ticket) == signed.affected_kg
    assert covered(ticket.issuance)


def test_only_what_is_live_on_the_ticket_is_frozen(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User
) -> None:
    bureau.transfer(ticket, 70_001)
    signed = sign_inspection(
        inspection=ordered, visited_on=today(), outcome=Outcome.LOSS, findings="西半部过火",
        affected=western_half(ticket), actor=visitor,
    )  # fmt: skip
    assert signed.freeze is not None
    assert signed.freeze.quantity_kg == 30_000  # The buyer in good faith keeps his.
    assert signed.affected_kg > 50_000


def test_who_orders_does_not_go_and_who_goes_is_named(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection
) -> None:
    bureau.approver.role_grants.create(role=Role.CLERK, department=Department.FORESTRY)
    with pytest.raises(OwnOrder):
        order(bureau, ticket, bureau.approver)
    with pytest.raises(NotTheInspector):
        sign_inspection(
            inspection=ordered, visited_on=today(), outcome=Outcome.GOOD, findings="正常",
            actor=bureau.clerk,
        )  # fmt: skip


def test_an_incomplete_record_is_not_signed(
    ticket: CarbonTicket, ordered: Inspection, visitor: User
) -> None:
    def sign(outcome: Inspection.Outcome, shape: MultiPolygon | None = None) -> None:
        sign_inspection(
            inspection=ordered, visited_on=today(), outcome=outcome, findings="见照片",
            affected=shape, actor=visitor,
        )  # fmt: skip

    for outcome, shape in (
        (Outcome.LOSS, None), (Outcome.MEASURES, None), (Outcome.GOOD, western_half(ticket)),
    ):  # fmt: skip
        with pytest.raises(InspectionIncomplete):
            sign(outcome, shape)
    away = western_half(ticket).clone()
    away.transform(4490)
    elsewhere = MultiPolygon.from_ewkt(
        "SRID=4490;MULTIPOLYGON(((80 43,80.01 43,80.01 43.01,80 43.01,80 43)))"
    )
    assert isinstance(elsewhere, MultiPolygon)
    with pytest.raises(NothingAffected):
        sign(Outcome.LOSS, elsewhere)
    ordered.refresh_from_db()
    assert ordered.state == Inspection.State.ORDERED


@pytest.mark.parametrize("attack", [
    "UPDATE supervision_inspection SET findings = '另写'",
    "UPDATE supervision_inspection SET state = 'ordered', signed_at = NULL",
    "UPDATE supervision_inspection SET affected_kg = 1",
    "DELETE FROM supervision_inspection",
    "UPDATE supervision_inspectionphoto SET tag = ''",
    "DELETE FROM supervision_inspectionphoto",
    "INSERT INTO supervision_inspectionphoto (inspection_id, document_id, tag) "
    "SELECT inspection_id, document_id + 1, '' FROM supervision_inspectionphoto",
])  # fmt: skip
def test_the_database_keeps_a_signed_inspection(
    ordered: Inspection, visitor: User, attack: str
) -> None:
    upload = parse_upload(jpeg(), name="a.jpg")
    add_photo(inspection=ordered, upload=upload, device_place=None, actor=visitor)
    sign_inspection(
        inspection=ordered, visited_on=today(), outcome=Outcome.GOOD, findings="正常",
        actor=visitor,
    )  # fmt: skip
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
    with pytest.raises(InspectionStands):
        sign_inspection(
            inspection=ordered, visited_on=today(), outcome=Outcome.GOOD, findings="再改",
            actor=visitor,
        )  # fmt: skip
    with pytest.raises(InspectionStands):
        add_photo(inspection=ordered, upload=upload, device_place=None, actor=visitor)


def test_an_edit_after_the_signature_is_told_and_the_public_sees_no_inspection(
    client: Client, ordered: Inspection, visitor: User
) -> None:
    address = f"/inspections/{ordered.key}/"
    assert client.get(address).status_code == 302
    client.force_login(officer("justice", Role.CLERK, Department.JUSTICE))
    assert client.get(address).status_code == 404
    client.force_login(visitor)
    sent = {
        "act": "sign", "sign-visited_on": today().isoformat(), "sign-outcome": "good",
        "sign-findings": "<script>alert(1)</script>",
    }  # fmt: skip
    assert client.post(address, sent).status_code == 302
    refused = client.post(address, {**sent, "sign-findings": "改"})
    assert refused.status_code == 409
    page = client.get(address).content.decode()
    assert "<script>alert" not in page
    wrong = {**sent, "sign-outcome": "loss", "sign-affected": "81,44"}
    assert client.post(address, wrong).status_code == 422


# --- measures -----------------------------------------------------------------------------------
def test_measures_are_followed_up_until_they_are_mended(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User
) -> None:
    given: dict[str, Any] = {"visited_on": today(), "findings": "见现场照片", "actor": visitor}
    with pytest.raises(InspectionIncomplete):  # Nothing was demanded before.
        sign_inspection(inspection=ordered, outcome=Outcome.GOOD, mended=True, **given)
    due = today() + timedelta(days=10)
    first = sign_inspection(
        inspection=ordered, outcome=Outcome.MEASURES, measures="清理防火隔离带",
        measures_due_on=due, **given,
    )  # fmt: skip
    told = Message.objects.filter(user=bureau.owner_user, subject__contains="整改")
    assert "清理防火隔离带" in told.get().body
    assert list(Inspection.objects.to_be_mended()) == [first]
    assert propose_follow_ups() == []
    advance_clock(timedelta(days=11))
    [proposed] = propose_follow_ups()
    assert (proposed.follows, proposed.cause) == (first, Inspection.Cause.FOLLOW_UP)
    assert propose_follow_ups() == []
    again = order(bureau, ticket, visitor, proposed)
    given["visited_on"] = today()
    for refused in ({}, {"mended": False}):
        with pytest.raises(InspectionIncomplete):
            sign_inspection(inspection=again, outcome=Outcome.GOOD, **refused, **given)
    assert list(Inspection.objects.to_be_mended()) == [first]
    sign_inspection(inspection=again, outcome=Outcome.GOOD, mended=True, **given)
    assert not Inspection.objects.to_be_mended().exists()


@pytest.mark.parametrize("attack", [
    "UPDATE supervision_inspection SET mended = true",
    "UPDATE supervision_inspection SET follows_id = id",
])  # fmt: skip
def test_the_database_asks_what_is_mended_of_a_follow_up_alone(
    ordered: Inspection, attack: str
) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_a_picture_that_is_sent_twice_is_kept_once(ordered: Inspection, visitor: User) -> None:
    upload = parse_upload(jpeg((81.3, 43.9)), name="现场.jpg")
    first = add_photo(inspection=ordered, upload=upload, device_place=None, actor=visitor)
    second = add_photo(inspection=ordered, upload=upload, device_place=None, actor=visitor)
    assert first == second
    assert ordered.photos.count() == 1


def test_pictures_are_sent_by_the_page_and_refused_in_words(
    ordered: Inspection, visitor: User, client: Client
) -> None:
    client.force_login(visitor)
    address = f"/inspections/{ordered.key}/photos/"
    picture = SimpleUploadedFile("现场.jpg", jpeg((81.3, 43.9)), content_type="image/jpeg")
    json = {"Accept": "application/json"}
    answer = client.post(address, {"photo-pictures": picture}, headers=json)
    [photo] = answer.json()["photos"]
    assert photo["name"] == "现场.jpg"
    assert "照片自带" in photo["said"]
    nothing = SimpleUploadedFile("现场.jpg", b"no picture", content_type="image/jpeg")
    refused = client.post(address, {"photo-pictures": nothing}, headers=json)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    client.force_login(officer("other", Role.CLERK, Department.FORESTRY))
    assert client.post(address, {"photo-pictures": picture}, headers=json).status_code == 422
