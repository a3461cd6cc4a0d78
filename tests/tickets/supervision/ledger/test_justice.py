"""Article 14: decision, consent, valuation; offset at once; never sold again; no names outside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Department, Role, User
from portal.base.clock import advance_clock, today
from portal.base.errors import NotFound
from portal.casework.models import Message
from tests.accounts.people import officer
from tests.base.sessions import refused_by
from tests.tickets.market.floor import Floor
from tests.tickets.projects.story import PDF, scan
from tests.tickets.registry.register import Bureau, covered, states
from tickets.market.errors import (
    LotTooSmall,
    NotEnoughListed,
    OrderOutsidePool,
    ReservedTonnes,
)
from tickets.market.models import PremiumShare
from tickets.market.operations import lapse_overdue_orders, order_retail, settle_order
from tickets.market.queries import market_figures
from tickets.offsets.models import Purpose
from tickets.offsets.operations import (
    ask_offset,
    prepare_offset,
    propose_name,
    refuse_offset,
    review_name,
    sign_offset,
)
from tickets.registry.errors import BlockNotFree, ConsentMissing
from tickets.registry.models import CarbonTicket
from tickets.supervision.access import access_justice_case, access_justice_papers
from tickets.supervision.dashboards import figures_of
from tickets.supervision.disclosure import TABLES
from tickets.supervision.errors import (
    JusticeCaseIncomplete,
    JusticeCaseMovedOn,
    JusticeCaseTwice,
    OwnJusticeCase,
)
from tickets.supervision.models import JusticeCase
from tickets.supervision.operations.justice import (
    PAPERS,
    Source,
    agree_to_listing,
    confirm_justice_case,
    give_tonnes,
    open_justice_case,
    refuse_justice_case,
)
from tickets.supervision.queries import forests_that_served, justice_figures

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(bureau: Bureau) -> CarbonTicket:
    return bureau.issue(100_000)


@pytest.fixture
def clerk(db: None) -> User:
    return officer("jc", Role.CLERK, Department.JUSTICE)


@pytest.fixture
def approver(db: None) -> User:
    return officer("ja", Role.APPROVER, Department.JUSTICE)


def opened(source: Source, clerk: User, **other: Any) -> JusticeCase:
    given: dict[str, Any] = {
        "organ": JusticeCase.Organ.COURT,
        "authority": "伊宁市人民法院",
        "document_number": "（2026）新4002刑初12号",
        "decided_on": today() - timedelta(days=20),
        "obligation": "补植复绿 12 亩",
        "obligor": "某某某",
        "consented_on": today() - timedelta(days=3),
        "valuation": "按 12 亩十年生长量折算",
        "valuation_author": "伊犁州林业司法鉴定所",
        "quantity_kg": 12_345,
        "source": source,
        "papers": {kind: scan(f"{kind}.pdf") for kind in PAPERS},
        "actor": clerk,
    }
    return open_justice_case(**{**given, **other})


def test_from_the_decision_to_the_certificate(
    bureau: Bureau, ticket: CarbonTicket, clerk: User, approver: User, client: Client
) -> None:
    ecology = officer("ec", Role.CLERK, Department.ECOLOGY)
    case = opened(ticket, clerk)
    with pytest.raises(JusticeCaseTwice):
        opened(ticket, clerk)
    with pytest.raises(JusticeCaseMovedOn):
        give_tonnes(case=case, actor=bureau.owner_user)
    # The holder is asked only after the approval, and never learns whose obligation it is.
    with pytest.raises(NotFound):
        access_justice_case(case.key, bureau.owner_user)
    confirm_justice_case(case=case, actor=approver)
    with pytest.raises(NotFound):
        access_justice_papers(case.key, bureau.owner_user)
    client.force_login(bureau.owner_user)
    page = client.get(f"/eco-justice/cases/{case.key}/").content.decode()
    assert "12.345" in page
    assert "某某某" not in page
    with pytest.raises(ConsentMissing):
        give_tonnes(case=case, actor=bureau.buyer_user)
    case = give_tonnes(case=case, actor=bureau.owner_user)
    assert case.request is not None
    review_name(beneficiary=case.request.beneficiary, accepted=True, actor=ecology)
    prepare_offset(request=case.request, opinion="", actor=ecology)
    offset = sign_offset(request=case.request, actor=bureau.signer)
    assert (offset.authority, offset.quantity_kg) == ("伊宁市人民法院", 12_345)
    assert states(ticket) == {"held": 87_655, "offset": 12_345}
    assert covered(ticket.issuance)
    [row] = justice_figures()
    assert (row.cases, row.quantity_kg, row.by_court) == (1, 12_345, 1)
    [forest] = forests_that_served()
    assert forest["properties"] == {"cases": 1, "quantity_kg": 12_345}
    outside = Client()
    for address in ("/eco-justice/", "/eco-justice/forests.geojson", "/supervision/"):
        answer = outside.get(address).content.decode()
        assert "某某某" not in answer
        assert "刑初" not in answer
    with pytest.raises(JusticeCaseMovedOn):
        refuse_justice_case(case=case, reason="反悔", actor=approver)


def test_a_certificate_for_eco_justice_has_its_case(bureau: Bureau, ticket: CarbonTicket) -> None:
    """Consent, valuation and author are the case's: no plain offset stands for an obligation."""
    ecology = officer("ec", Role.CLERK, Department.ECOLOGY)
    wanted = ask_offset(
        ticket=ticket, quantity_kg=10, purpose=Purpose.ECO_JUSTICE, actor=bureau.owner_user,
        beneficiary=propose_name(name="某法院", actor=bureau.owner_user), authority="某法院",
        document_number="1号",
    )  # fmt: skip
    review_name(beneficiary=wanted.beneficiary, accepted=True, actor=ecology)
    prepare_offset(request=wanted, opinion="", actor=ecology)
    with refused_by("eco_justice_offset_has_its_case"), connection.cursor() as cursor:
        sign_offset(request=wanted, actor=bureau.signer)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_what_is_missing_or_not_free_is_refused(
    bureau: Bureau, ticket: CarbonTicket, clerk: User, approver: User
) -> None:
    with pytest.raises(JusticeCaseIncomplete):
        opened(ticket, clerk, papers={"decision": scan()})
    with pytest.raises(JusticeCaseIncomplete):
        opened(ticket, clerk, valuation_author=" ")
    with pytest.raises(JusticeCaseIncomplete):
        opened(ticket, clerk, consented_on=today() - timedelta(days=30))
    with pytest.raises(BlockNotFree):
        opened(ticket, clerk, quantity_kg=100_001)
    with pytest.raises(OfficeMissing):
        opened(ticket, bureau.clerk)
    clerk.role_grants.create(role=Role.APPROVER, department=Department.JUSTICE)
    case = opened(ticket, clerk)
    with pytest.raises(OwnJusticeCase):
        confirm_justice_case(case=case, actor=clerk)


def test_a_refused_offset_lets_the_case_begin_anew(
    bureau: Bureau, ticket: CarbonTicket, clerk: User, approver: User
) -> None:
    case = opened(ticket, clerk)
    confirm_justice_case(case=case, actor=approver)
    case = give_tonnes(case=case, actor=bureau.owner_user)
    assert case.request is not None
    refuse_offset(request=case.request, reason="材料不符", actor=bureau.signer)
    refuse_justice_case(case=case, reason="抵消未获签发", actor=approver)
    assert opened(ticket, clerk).state == JusticeCase.State.OPENED


# --- from the market ----------------------------------------------------------------------------
@pytest.fixture
def floor(filed_db: str, db: None) -> Floor:
    return Floor()


def test_listed_tonnes_are_offset_when_the_cashier_has_the_money(
    floor: Floor, clerk: User, approver: User, client: Client
) -> None:
    ticket = floor.issue(50_000)
    listing = floor.offer(ticket, 20_000, 2000, least_kg=500)
    with pytest.raises(LotTooSmall):
        opened(listing, clerk, quantity_kg=499)
    with pytest.raises(NotEnoughListed):
        opened(listing, clerk, quantity_kg=20_001)
    case = confirm_justice_case(case=opened(listing, clerk), actor=approver)
    with pytest.raises(JusticeCaseMovedOn):
        give_tonnes(case=case, actor=floor.owner_user)
    with pytest.raises(OfficeMissing):
        agree_to_listing(case=case, actor=approver)
    assert Message.objects.filter(user=floor.signer, subject__contains=ticket.number).exists()
    case = agree_to_listing(case=case, actor=floor.signer)
    order = case.order
    assert order is not None
    assert (order.amount_fen, order.beneficiary.name) == (24_690, "伊宁市人民法院")
    with pytest.raises(NotEnoughListed):  # Bound: nobody else buys them while the payment waits.
        floor.buy(listing, 20_000 - 12_345 + 1)
    with pytest.raises(JusticeCaseMovedOn):
        refuse_justice_case(case=case, reason="反悔", actor=approver)
    client.force_login(clerk)
    page = client.get(f"/eco-justice/cases/{case.key}/").content.decode()
    assert order.number in page
    assert "246.90" in page
    settle_order(order=order, payment_number="S1", actor=floor.trading)
    case.refresh_from_db()
    assert case.offset is not None
    assert (case.offset.authority, case.offset.quantity_kg) == ("伊宁市人民法院", 12_345)
    assert states(ticket) == {"held": 30_000, "listed": 7_655, "offset": 12_345}
    assert covered(ticket.issuance)
    [row] = justice_figures()
    assert (row.cases, row.quantity_kg) == (1, 12_345)
    assert forests_that_served()[0]["properties"] == {"cases": 1, "quantity_kg": 12_345}
    assert market_figures()["amount_fen"] == 24_690


def test_the_pages_lead_from_a_listing_to_the_payment(
    floor: Floor, clerk: User, approver: User, client: Client
) -> None:
    listing = floor.offer(floor.issue(50_000), 20_000, 2000)
    pool = floor.pool(floor.issue(50_000))  # Not for this purpose: not offered.
    typed = {
        "organ": "court", "authority": "伊宁市人民法院", "document_number": "12号",
        "decided_on": today() - timedelta(days=9), "obligation": "补植", "obligor": "某某某",
        "consented_on": today(), "valuation": "折算", "valuation_author": "鉴定所",
        "quantity_kg": "5", "source": listing.number, "ticket": "",
    }  # fmt: skip

    def post(**other: Any) -> Any:
        papers = {
            name: SimpleUploadedFile("a.pdf", PDF)
            for name in ("decision", "consent", "valuation_paper")
        }
        return client.post("/eco-justice/cases/new/", {**typed, **papers, **other})

    client.force_login(clerk)
    form = client.get("/eco-justice/cases/new/").content.decode()
    assert f"{listing.number}，每吨 20.00 元，可认购 20 吨" in form
    assert pool.title not in form
    assert post(source="holder").status_code == 422
    assert post(source=str(pool.key)).status_code == 422
    assert post(quantity_kg="20.001").status_code == 409  # More than is left.
    address = post().headers["Location"]
    twice = post()
    assert twice.status_code == 409
    assert 'value="12号"' in twice.content.decode()
    for user, act in ((approver, "confirm"), (floor.signer, "agree")):
        client.force_login(user)
        assert client.post(address, {"act": act}).status_code == 302
    order = JusticeCase.objects.get().order
    assert order is not None
    assert f"/market/orders/{order.code}/" in client.get(address).content.decode()
    # A holder of the listed ticket is not asked, and reads nothing of the case.
    client.force_login(floor.owner_user)
    assert client.get(address).status_code == 404


def in_hand() -> dict[str, str]:
    """The dashboard's figures of what is not done."""
    figures = {str(one.label): one.value for one in figures_of(Department.JUSTICE)}
    return {label: figures[label] for label in ("在办案件", "等待付款", "认购未成、待处理")}


def test_what_a_case_waits_for_in_a_pool_keeps_no_visitor_out(
    floor: Floor, clerk: User, approver: User
) -> None:
    purposes = [Purpose.PERSON, Purpose.ECO_JUSTICE]
    pool = floor.pool(floor.issue(1000), largest_kg=500, purposes=purposes)
    confirm_justice_case(case=opened(pool, clerk, quantity_kg=500), actor=approver)
    order_retail(
        pool=pool, quantity_kg=500, purpose=Purpose.PERSON, name="游客张三",
        contact="13900000001", actor=None,
    )  # fmt: skip


def test_a_pool_for_this_purpose_needs_no_further_agreement(
    floor: Floor, clerk: User, approver: User
) -> None:
    ticket = floor.issue(50_000)
    with pytest.raises(OrderOutsidePool):
        opened(floor.pool(ticket), clerk, quantity_kg=100)
    pool = floor.pool(ticket, purposes=[Purpose.PERSON, Purpose.ECO_JUSTICE])
    case = confirm_justice_case(case=opened(pool, clerk, quantity_kg=200), actor=approver)
    assert (case.state, case.order is not None) == (JusticeCase.State.SUBSCRIBED, True)
    assert in_hand() == {"在办案件": "1", "等待付款": "1", "认购未成、待处理": "0"}
    # Nobody paid: the tonnes are the pool's again, and the case may begin anew.
    advance_clock(timedelta(days=4))
    assert lapse_overdue_orders() == 1
    assert in_hand() == {"在办案件": "1", "等待付款": "0", "认购未成、待处理": "1"}
    refuse_justice_case(case=case, reason="逾期未付款", actor=approver)
    assert in_hand() == {"在办案件": "0", "等待付款": "0", "认购未成、待处理": "0"}
    case = confirm_justice_case(case=opened(pool, clerk, quantity_kg=200), actor=approver)
    assert case.order is not None
    settle_order(order=case.order, payment_number="S2", actor=floor.trading)
    assert states(ticket)["offset"] == 200
    # Whatever was paid for is disclosed, retail and eco-justice too (article 23).
    bought = order_retail(
        pool=pool, quantity_kg=12, purpose=Purpose.PERSON, name="游客张三",
        contact="visitor@example.org", actor=None,
    )  # fmt: skip
    settle_order(order=bought, payment_number="S3", actor=floor.trading)
    rows = [row[1:] for row in TABLES["prices"].rows()]
    assert [row[0] for row in rows] == ["零售", "生态司法"]
    assert rows[0][1:] == (bought.number, ticket.number, 12, 100.0, 1.2)


def test_a_bodys_reserved_tonnes_go_to_justice_at_a_price_that_shares_the_premium(
    floor: Floor, clerk: User, approver: User
) -> None:
    reserved = floor.reserve(floor.issue(50_000), 40_000)
    with pytest.raises(ReservedTonnes):
        opened(reserved, clerk)
    listing = floor.offer(reserved, 20_000, 2000)
    case = confirm_justice_case(case=opened(listing, clerk, quantity_kg=10_000), actor=approver)
    case = agree_to_listing(case=case, actor=floor.signer)
    assert case.order is not None
    settle_order(order=case.order, payment_number="S4", actor=floor.trading)
    share = PremiumShare.objects.get(order=case.order)
    assert (share.premium_fen, share.owner_fen) == (5000, 2000)


def test_what_was_retired_for_justice_is_never_sold_again(
    floor: Floor, clerk: User, approver: User
) -> None:
    ticket = floor.issue(1_000)
    pool = floor.pool(ticket, 200, purposes=[Purpose.ECO_JUSTICE])
    case = confirm_justice_case(case=opened(pool, clerk, quantity_kg=200), actor=approver)
    assert case.order is not None
    settle_order(order=case.order, payment_number="S3", actor=floor.trading)
    with pytest.raises(BlockNotFree):
        floor.offer(ticket, 801)
    for attack in (
        "UPDATE registry_block SET state = 'held' WHERE state = 'offset'",
        "UPDATE market_retailorder SET state = 'waiting'",
        "UPDATE offsets_offset SET purpose = 'person'",
        "DELETE FROM offsets_offset",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)
    listing = floor.offer(ticket, 800)
    floor.settle(floor.buy(listing, 800))
    assert states(ticket) == {"offset": 200}
    assert covered(ticket.issuance)


@pytest.mark.parametrize(("attack", "constraint"), [
    # An order of the market for justice that no case stands behind.
    ("UPDATE supervision_justicecase SET state = 'subscribed', order_id = 0",
     "justice_offset_is_the_cases"),
    ("INSERT INTO market_retailorder (SELECT (jsonb_populate_record(o, jsonb_build_object('id', "
     "o.id + 1000, 'key', gen_random_uuid(), 'code', 'X', 'number', 'X', 'pool_id', NULL))).* "
     "FROM market_retailorder AS o); SET CONSTRAINTS ALL IMMEDIATE", "justice_order_is_of_a_case"),
    ("INSERT INTO market_retailorder (SELECT (jsonb_populate_record(o, jsonb_build_object('id', "
     "o.id + 1000, 'key', gen_random_uuid(), 'code', 'X', 'number', 'X', 'pool_id', NULL, "
     "'purpose', 'person'))).* FROM market_retailorder AS o)",
     "order_without_a_pool_is_for_eco_justice"),
    ("UPDATE supervision_justicecase SET listing_id = NULL", "nothing_is_rewritten"),
])  # fmt: skip
def test_the_database_keeps_orders_and_cases_together(
    floor: Floor, clerk: User, approver: User, attack: str, constraint: str
) -> None:
    listing = floor.offer(floor.issue(50_000), 20_000)
    case = confirm_justice_case(case=opened(listing, clerk, quantity_kg=5_000), actor=approver)
    agree_to_listing(case=case, actor=floor.signer)
    other = opened(listing, clerk, document_number="13号", quantity_kg=5_000)
    confirm_justice_case(case=other, actor=approver)
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{attack} WHERE id = {other.pk}" if "justicecase" in attack else attack)
    assert caught.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


@pytest.mark.parametrize("attack", [
    "UPDATE supervision_justicecase SET quantity_kg = 1",
    "UPDATE supervision_justicecase SET obligor = '别人'",
    "UPDATE supervision_justicecase SET state = 'subscribed', decided_by_id = opened_by_id",
    "UPDATE supervision_justicecase SET state = 'confirmed', decided_by_id = opened_by_id",
    "UPDATE supervision_justicecase SET state = 'confirmed'",
    "DELETE FROM supervision_justicecase",
])  # fmt: skip
def test_the_database_keeps_what_was_decided(
    ticket: CarbonTicket, clerk: User, attack: str
) -> None:  # fmt: skip
    opened(ticket, clerk)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
