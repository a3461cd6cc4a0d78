"""Article 21: ordered by one, made by another, signed once; a loss freezes exactly its tonnes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.gis.geos import MultiPolygon, Point
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Department, Role, User
from portal.accounts.operations import end_mandate
from portal.base.clock import advance_clock, now, today
from portal.base.errors import InvalidInput
from portal.casework.documents import parse_upload
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from tests.accounts.people import officer
from tests.base.sessions import refused_by
from tests.tickets.registry.register import Bureau, covered, digest, mandate_of
from tests.tickets.supervision.pictures import jpeg
from tickets.registry.errors import BlockNotFree
from tickets.registry.ledger import opened_tickets
from tickets.registry.models import CarbonTicket, FreezeOrder, LedgerEntry, Registration
from tickets.registry.operations import (
    Owners,
    Paper,
    PaperConsent,
    Part,
    prepare_division,
    prepare_freeze,
    reject_registration,
)
from tickets.supervision.errors import (
    InspectionIncomplete,
    InspectionMovedOn,
    InspectionStands,
    NothingAffected,
    NotTheInspector,
    OwnOrder,
)
from tickets.supervision.models import Inspection
from tickets.supervision.operations.inspections import (
    add_photo,
    drop_inspection,
    hand_on_inspection,
    order_inspection,
    propose_follow_ups,
    propose_inspection,
    sign_inspection,
)
from tickets.supervision.queries import freeze_order_of

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


def whole(ticket: CarbonTicket) -> MultiPolygon:
    geom = ticket.area_version.geom
    assert isinstance(geom, MultiPolygon)
    return geom


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
    assert photo.place is not None
    assert (photo.place.x, photo.place.y) == pytest.approx((81.3, 43.9))
    signed = sign_inspection(
        inspection=ordered, visited_on=today(), outcome=Outcome.LOSS, findings="西半部过火",
        affected=western_half(ticket), actor=visitor,
    )  # fmt: skip
    # Half of 100,001 kg, rounded up; the square's halves differ by less than a kilogram's worth.
    assert signed.affected_kg == pytest.approx(50_001, abs=5)
    # From the signature on: whoever was there at the visit does not sell it before the approver decides.
    assert frozen_kg(ticket) == signed.affected_kg
    assert Message.objects.filter(user=bureau.owner_user, subject__contains="临时冻结").exists()
    with pytest.raises(BlockNotFree):
        bureau.transfer(ticket, 100_001)
    assert signed.freeze is not None
    bureau.approve(signed.freeze)
    assert frozen_kg(ticket) == signed.affected_kg
    assert covered(ticket.issuance)


def test_a_rejected_finding_frees_what_it_froze(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User, client: Client
) -> None:
    signed = sign_inspection(
        inspection=ordered, visited_on=today(), outcome=Outcome.LOSS, findings="西半部过火",
        affected=western_half(ticket), actor=visitor,
    )  # fmt: skip
    assert signed.freeze is not None
    client.force_login(visitor)
    page = f"/inspections/{signed.key}/"
    assert "自签字起临时冻结" in client.get(page).content.decode()
    client.force_login(bureau.approver)
    request = client.get(f"/registrations/{signed.freeze.key}/").content.decode()
    assert "不予登记则立即解除" in request
    with refused_by("rejected_freeze_is_lifted"):
        Registration.objects.filter(pk=signed.freeze.pk).update(
            state="rejected", decided_by=bureau.approver, decided_at=now()
        )
    reject_registration(registration=signed.freeze, reason="复核未过火", actor=bureau.approver)
    assert frozen_kg(ticket) == 0
    assert "已解除" in client.get(page).content.decode()
    bureau.transfer(ticket, 100_001)


def test_a_finding_reaches_what_the_ticket_was_divided_into(
    bureau: Bureau, visitor: User
) -> None:  # fmt: skip
    """Nobody bought it: its owners have it on tickets of their own."""
    halves = ((bureau.other, 1), (bureau.buyer, 1))
    ticket = bureau.issue(100_000, Owners(halves, 2))
    visit = order(bureau, ticket, visitor)
    divided = prepare_division(
        ticket=ticket,
        parts=[Part(Owners.sole(party), 50_000) for party, _numerator in halves],
        consents=[PaperConsent(party, digest("同意")) for party, _numerator in halves],
        actor=bureau.clerk,
    )
    bureau.approve(divided)
    children = opened_tickets(LedgerEntry.objects.get(registration=divided.key))
    signed = sign_inspection(
        inspection=visit, visited_on=today(), outcome=Outcome.LOSS, findings="全部过火",
        affected=whole(ticket), actor=visitor,
    )  # fmt: skip
    assert signed.affected_kg == 100_000
    assert [frozen_kg(child) for child in children] == [50_000, 50_000]
    assert signed.freeze is not None
    bureau.approve(signed.freeze)
    assert covered(ticket.issuance)


def test_the_database_signs_no_loss_that_does_not_stand_still(
    ordered: Inspection, visitor: User
) -> None:
    loss = {
        "state": "signed", "outcome": "loss", "visited_on": today(), "findings": "过火",
        "affected": western_half(ordered.ticket), "affected_kg": 50_001,
    }  # fmt: skip
    with refused_by("signed_loss_stands_still"):
        Inspection.objects.filter(pk=ordered.pk).update(**loss)


def test_what_was_sold_before_the_signature_stays_with_its_buyer(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User, client: Client
) -> None:
    """In good faith (domain.md); none of the rest is free."""
    child = bureau.transfer(ticket, 70_001)
    signed = sign_inspection(
        inspection=ordered, visited_on=today(), outcome=Outcome.LOSS, findings="西半部过火",
        affected=western_half(ticket), actor=visitor,
    )  # fmt: skip
    assert signed.affected_kg > 50_000
    assert signed.freeze is not None
    assert signed.freeze.quantity_kg == frozen_kg(ticket) == 30_000
    assert frozen_kg(child) == 0
    order = freeze_order_of(signed)
    assert order is not None
    assert order.quantity_kg == 30_000
    client.force_login(visitor)
    page = client.get(f"/inspections/{signed.key}/").content.decode()
    assert "冻结前已转出或用去" in page


def test_a_freeze_asked_for_by_hand_takes_what_is_left_when_it_is_decided(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    wanted = prepare_freeze(
        kind=FreezeOrder.Kind.INSPECTION, ticket=ticket, quantity_kg=50_001,
        document=Paper(number="伊林检1号", sha256=bytes(32), authority="伊宁市林业和草原局"),
        reason="现场检查", actor=bureau.clerk,
    )  # fmt: skip
    bureau.transfer(ticket, 70_001)
    bureau.approve(wanted)
    assert frozen_kg(ticket) == 30_000


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


# --- ways out and own matters -------------------------------------------------------------------
def test_an_ordered_visit_is_handed_on_or_dropped(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User, client: Client
) -> None:
    second = officer("second", Role.CLERK, Department.FORESTRY)
    given: dict[str, Any] = {"inspection": ordered, "due_on": today() + timedelta(days=20)}
    with pytest.raises(OfficeMissing):
        hand_on_inspection(**given, inspector=second, actor=bureau.clerk)
    with pytest.raises(OwnOrder):
        hand_on_inspection(**given, inspector=bureau.approver, actor=bureau.approver)
    client.force_login(bureau.approver)
    page = f"/inspections/{ordered.key}/"
    sent = client.post(page, {
        "act": "hand_on", "hand_on-inspector": second.pk, "hand_on-due_on": given["due_on"],
    })  # fmt: skip
    assert sent.status_code == 302
    ordered.refresh_from_db()
    assert (ordered.inspector, ordered.due_on) == (second, given["due_on"])
    assert ordered.order_number == "伊林检〔2026〕1号"
    assert Message.objects.filter(user=visitor, subject__contains="改派").count() == 1
    with pytest.raises(NotTheInspector):
        sign_inspection(
            inspection=ordered, visited_on=today(), outcome=Outcome.GOOD, findings="正常",
            actor=visitor,
        )  # fmt: skip
    with pytest.raises(InvalidInput):
        drop_inspection(inspection=ordered, reason=" ", actor=bureau.approver)
    with refused_by("inspection_is_dropped_for_a_reason"):
        Inspection.objects.filter(pk=ordered.pk).update(state="dropped", findings="不必")
    drop_inspection(inspection=ordered, reason="道路冲毁，改为明年", actor=bureau.approver)
    assert "道路冲毁" in client.get(page).content.decode()
    assert Message.objects.filter(user=second, subject__contains="取消").count() == 1
    with pytest.raises(InspectionMovedOn):
        hand_on_inspection(**given, inspector=visitor, actor=bureau.approver)


def test_nobody_orders_or_makes_the_inspection_of_an_own_ticket(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User, client: Client
) -> None:
    page = f"/inspections/{ordered.key}/"
    client.force_login(visitor)
    assert page in client.get("/inspections/").content.decode()
    mandate = mandate_of(visitor, bureau.owner, bureau.owner_user)
    # He does not read either when and for what it is visited.
    assert page not in client.get("/inspections/").content.decode()
    assert client.get(page).status_code == 404
    with pytest.raises(OwnMatter):
        order(bureau, ticket, visitor)
    with pytest.raises(OwnMatter):
        sign_inspection(
            inspection=ordered, visited_on=today(), outcome=Outcome.GOOD, findings="正常",
            actor=visitor,
        )  # fmt: skip
    changes: list[dict[str, Any]] = [
        {"state": "signed", "visited_on": today(), "findings": "正常", "outcome": "good"},
        {"due_on": today()},
    ]
    for change in changes:
        with refused_by("nobody_decides_an_own_matter"):
            Inspection.objects.filter(pk=ordered.pk).update(**change)
    end_mandate(mandate=mandate, actor=visitor)
    mandate_of(bureau.approver, bureau.owner, bureau.owner_user)
    with pytest.raises(OwnMatter):
        order(bureau, ticket, visitor)
    with pytest.raises(OwnMatter):
        drop_inspection(inspection=ordered, reason="不必", actor=bureau.approver)
    with refused_by("nobody_decides_an_own_matter"):
        Inspection.objects.filter(pk=ordered.pk).update(
            state="dropped", findings="不必", dropped_by=bureau.approver
        )
    # Who ordered it before he came to act for the owner keeps nobody from the visit.
    sign_inspection(
        inspection=ordered, visited_on=today(), outcome=Outcome.GOOD, findings="正常", actor=visitor
    )


# --- measures -----------------------------------------------------------------------------------
def test_measures_are_followed_up_until_they_are_mended(
    bureau: Bureau, ticket: CarbonTicket, ordered: Inspection, visitor: User, client: Client
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
    # Dropped, it is proposed again while nobody has looked, after the days of the policy.
    drop_inspection(inspection=proposed, reason="大雪封路", actor=bureau.approver)
    assert propose_follow_ups() == []
    advance_clock(timedelta(days=91))
    [proposed] = propose_follow_ups()
    assert propose_follow_ups() == []
    again = order(bureau, ticket, visitor, proposed)
    given["visited_on"] = today()
    for mended in (None, False):
        with pytest.raises(InspectionIncomplete):
            sign_inspection(inspection=again, outcome=Outcome.GOOD, mended=mended, **given)
    assert list(Inspection.objects.to_be_mended()) == [first]
    # Not done: the visit demands anew itself, and what it follows is no second case.
    second = sign_inspection(
        inspection=again, outcome=Outcome.MEASURES, measures="继续清理", mended=False,
        measures_due_on=today() + timedelta(days=5), **given,
    )  # fmt: skip
    assert list(Inspection.objects.to_be_mended()) == [second]
    client.force_login(visitor)
    assert "复查时未落实" in client.get(f"/inspections/{first.key}/").content.decode()
    advance_clock(timedelta(days=6))
    given["visited_on"] = today()
    [last] = propose_follow_ups()
    sign_inspection(
        inspection=order(bureau, ticket, visitor, last), outcome=Outcome.GOOD, mended=True, **given
    )
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


def test_a_second_click_proposes_no_second_visit(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    client.force_login(bureau.clerk)
    sent = {
        "ticket": ticket.number, "cause": "plan", "reason": "年度抽查", "request_key": "k1",
    }  # fmt: skip
    first, second = (client.post("/inspections/new/", sent) for _n in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert Inspection.objects.count() == 1


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
