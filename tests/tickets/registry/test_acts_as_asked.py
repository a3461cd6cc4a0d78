"""Every act of the register's own is the one that its request asks for: plain SQL under true requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from portal.accounts.models import Party, User
from portal.base.clock import advance_clock, today
from tests.base.sessions import refused_by
from tests.tickets.registry.raw import given, insert
from tests.tickets.registry.register import (
    Bureau,
    certificate,
    digest,
    listing_of_all,
    paper,
    unissued,
)
from tests.tickets.registry.test_acts import frozen, pledged
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    Cause,
    Debt,
    FreezeOrder,
    Issuance,
    LossNotice,
    LossObjection,
    Pledge,
    Registration,
)
from tickets.registry.operations import (
    Kind,
    Owners,
    PaperConsent,
    Part,
    freeze_found,
    open_cause,
    prepare_cancellation,
    prepare_change,
    prepare_close,
    prepare_correction,
    prepare_division,
    prepare_enforcement,
    prepare_freeze,
    prepare_issue,
    prepare_lift,
    prepare_loss,
    prepare_pledge,
    prepare_reissue,
    prepare_release,
    reject_registration,
    trade_listed,
)

pytestmark = pytest.mark.django_db
NOT_ASKED = "act_is_what_was_asked"


def refused(
    bureau: Bureau, wanted: Registration | None, kind: str, *acts: dict[str, Any], **columns: Any
) -> None:
    """None of these is done under the request, though it is granted."""
    issuance = columns.pop("issuance", None)
    if issuance is None:
        assert wanted is not None
        assert wanted.ticket is not None
        issuance = wanted.ticket.issuance
    for said in acts:
        with refused_by(NOT_ASKED):
            insert(issuance, kind, said, wanted=wanted, granted_by=bureau.approver, **columns)


def same(ticket: CarbonTicket, *pieces: tuple[int, int, dict[str, Any]]) -> dict[str, Any]:
    """Ranges of one ticket, each closed and opened again as said."""
    return {
        "closes": [[low, high] for low, high, _said in pieces],
        "opens": [
            {"kg": [low, high], "ticket": str(ticket.pk), "state": "held", **said}
            for low, high, said in pieces
        ],
    }


def cut(ticket: CarbonTicket, quantity_kg: int, **said: Any) -> dict[str, Any]:
    """The lowest of a ticket's one held block of 1000 kg, as said; the rest is kept."""
    first, rest = same(ticket, (0, quantity_kg, said)), same(ticket, (quantity_kg, 1000, {}))
    return {"closes": [[0, 1000]], "opens": [*first["opens"], *rest["opens"]]}


def owners(ticket: CarbonTicket) -> dict[Party, int]:
    """With their numerators, in the ticket's order."""
    shares = ticket.shares.filter(closed_by__isnull=True).select_related("party")
    return {share.party: share.numerator for share in shares}


def agreed(ticket: CarbonTicket) -> list[PaperConsent]:
    return [PaperConsent(party, digest("同意")) for party in owners(ticket)]


def test_a_transfer_is_of_as_much_and_to_whom_it_was_asked_for(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    buyer, other = {bureau.buyer: 1}, {bureau.other: 1}
    part, whole = bureau.request_transfer(ticket, 600), bureau.request_transfer(ticket)
    refused(
        bureau, part, "transfer",
        given(ticket, (599, buyer)), given(ticket, (601, buyer)), given(ticket, (600, other)),
        given(ticket, (600, {bureau.buyer: 1, bureau.other: 1})),
        given(ticket, (300, buyer), (300, buyer)), given(ticket, (600, buyer), (400, other)),
    )  # fmt: skip
    refused(bureau, whole, "transfer", given(ticket, (999, buyer)))
    court = bureau.request_transfer(ticket, kind=Kind.COURT, document=paper("人民法院"))
    refused(bureau, court, "court", given(ticket, (999, buyer)))
    right = given(ticket, (600, buyer))
    with refused_by(NOT_ASKED):  # It was not granted.
        insert(ticket.issuance, "transfer", right, wanted=part)
    for kind in ("transfer", "court"):  # Nobody asked, though one alone owns it.
        refused(bureau, None, kind, right, issuance=ticket.issuance, document=b"x" * 32)
    others: tuple[dict[str, Any], ...] = (
        {"document": digest("别的合同")}, {"effective_on": today()},
    )  # fmt: skip
    for of_another in others:
        refused(bureau, part, "transfer", right, **of_another)
    insert(ticket.issuance, "transfer", right, wanted=part, granted_by=bureau.approver)


def test_a_division_gives_the_parts_that_were_agreed_on(bureau: Bureau) -> None:
    ticket = bureau.issue(1000, Owners(((bureau.buyer, 1), (bureau.other, 1)), 2))
    sole = Owners.sole
    wanted = prepare_division(
        ticket=ticket, actor=bureau.clerk, consents=agreed(ticket),
        parts=[Part(sole(bureau.buyer), 400), Part(sole(bureau.other), 600)],
    )  # fmt: skip
    for shares in ((600, 400), (500, 500)):
        said = given(ticket, *zip(shares, ({bureau.buyer: 1}, {bureau.other: 1}), strict=True))
        refused(bureau, wanted, "divide", said)
    both = {bureau.buyer: 1, bureau.other: 1}
    refused(bureau, wanted, "divide", given(ticket, (400, both), (600, both)))
    bureau.approve(wanted)


def test_a_pledge_is_the_one_that_holder_and_bank_asked_for(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    wanted = prepare_pledge(
        ticket=ticket, quantity_kg=100, pledgee=bureau.bank, amount_fen=1, external_number="P-1",
        begins_on=ticket.opened_at.date(), ends_on=ticket.opened_at.date() + timedelta(days=400),
        asked_by=bureau.owner_user, actor=bureau.finance, consents=agreed(ticket),
    )  # fmt: skip

    def pledge(**changes: Any) -> None:
        terms: dict[str, Any] = {
            name: getattr(wanted, name)
            for name in ("pledgee", "quantity_kg", "amount_fen", "begins_on", "ends_on",
                         "external_number")
        }  # fmt: skip
        cause = open_cause(Cause.Kind.PLEDGED)
        made = Pledge.objects.create(cause=cause, ticket=ticket, rank=1, **{**terms, **changes})
        said = cut(ticket, made.quantity_kg, state="pledged", because=str(made.pk))
        insert(
            ticket.issuance, "pledge", said, wanted=wanted, cause=made.pk,
            granted_by=bureau.finance_approver,
        )  # fmt: skip

    for changes in (
        {"pledgee": bureau.bank2}, {"quantity_kg": 200}, {"amount_fen": 2},
        {"external_number": "P-2"},
    ):  # fmt: skip
        with refused_by(NOT_ASKED):
            pledge(**changes)
    pledge()


def test_a_release_and_an_enforcement_are_of_the_pledge_and_as_much_as_was_asked_for(
    bureau: Bureau,
) -> None:
    ticket = bureau.issue(1000)
    pledge, other = pledged(bureau, ticket, 100), pledged(bureau, ticket, 100)
    asking: dict[str, Any] = {
        "pledge": pledge,
        "asked_by": bureau.bank_user,
        "actor": bureau.finance,
    }
    part, whole = prepare_release(quantity_kg=50, **asking), prepare_release(**asking)
    free = same(ticket, (0, 100, {}))
    half = same(ticket, (0, 100, {}))
    half["opens"] = [
        {"kg": [0, 50], "ticket": str(ticket.pk), "state": "held"},
        {"kg": [50, 100], "ticket": str(ticket.pk), "state": "pledged", "because": str(pledge.pk)},
    ]
    refused(bureau, part, "release", free, cause=pledge.pk)
    refused(bureau, whole, "release", half, cause=pledge.pk)
    refused(bureau, whole, "release", same(ticket, (100, 200, {})), cause=other.pk)
    refused(bureau, None, "release", free, cause=pledge.pk, issuance=ticket.issuance)
    enforcement = prepare_enforcement(
        to=Owners.sole(bureau.buyer), document=paper("人民法院"), quantity_kg=100, **asking
    )
    columns = {"cause": pledge.pk}
    refused(
        bureau, enforcement, "enforce", given(ticket, (100, {bureau.other: 1}), of_kg=100) | {
            "closed": []}, **columns,
    )  # fmt: skip
    refused(bureau, None, "enforce", given(ticket, (100, {bureau.buyer: 1}), of_kg=100) | {
        "closed": []}, issuance=ticket.issuance, document=b"x" * 32, **columns)  # fmt: skip
    insert(
        ticket.issuance, "release", half, wanted=part, granted_by=bureau.finance_approver,
        cause=pledge.pk,
    )  # fmt: skip


def test_an_order_lies_on_what_it_was_asked_for_and_comes_off_whole(bureau: Bureau) -> None:
    ticket, stranger = bureau.issue(1000), bureau.issue(1000)
    court = FreezeOrder.Kind.COURT
    asking: dict[str, Any] = {
        "kind": court, "document": paper("人民法院"), "reason": "", "actor": bureau.clerk,
    }  # fmt: skip
    part = prepare_freeze(ticket=ticket, quantity_kg=100, **asking)
    whole = prepare_freeze(ticket=ticket, **asking)

    def freeze(wanted: Registration | None, quantity_kg: int, **changes: Any) -> None:
        document = asking["document"]
        facts: dict[str, Any] = {
            "ticket": ticket, "issuance": ticket.issuance, "quantity_kg": quantity_kg, **changes,
        }  # fmt: skip
        order = FreezeOrder.objects.create(
            kind=court, authority=facts.pop("authority", document.authority),
            document_number=document.number, **facts,
        )  # fmt: skip
        said = cut(order.ticket or ticket, quantity_kg, freezes=[str(order.pk)])
        insert(
            order.issuance, "freeze", said, wanted=wanted, freeze=order.pk,
            document=document.sha256, granted_by=bureau.approver,
        )  # fmt: skip

    for wanted, quantity_kg, changes in (
        (part, 99, {}), (part, 101, {}), (whole, 999, {}), (None, 100, {}),
        (part, 100, {"authority": "别的法院"}),
        (part, 100, {"ticket": stranger, "issuance": stranger.issuance}),
    ):  # fmt: skip
        with refused_by(NOT_ASKED):
            freeze(wanted, quantity_kg, **changes)
    freeze(part, 100, authority=f" {asking['document'].authority} ")  # Blanks tell nothing.

    order, another = FreezeOrder.objects.get(), frozen(bureau, stranger, 100)
    on: dict[str, Any] = {"freeze": order.pk}
    lift = prepare_lift(order=order, reason="", document=paper("人民法院"), actor=bureau.clerk)
    laid = {"freezes": [str(order.pk)]}
    partly = same(ticket, (0, 50, {}), (50, 100, laid)) | {"closes": [[0, 100]]}
    refused(bureau, lift, "lift", partly, **on)
    of_another = prepare_lift(
        order=another, reason="", document=paper("人民法院"), actor=bureau.clerk
    )
    off = same(ticket, (0, 100, {}))
    refused(bureau, of_another, "lift", off, issuance=ticket.issuance, **on)
    refused(bureau, None, "lift", off, issuance=ticket.issuance, document=b"x" * 32, **on)
    insert(ticket.issuance, "lift", off, wanted=lift, granted_by=bureau.approver, **on)


def test_only_what_an_inspection_found_stands_still_undecided_and_is_lifted_as_rejected(
    bureau: Bureau,
) -> None:
    ticket = bureau.issue(1000)

    def undecided(kind: FreezeOrder.Kind) -> tuple[Registration, dict[str, Any], FreezeOrder]:
        facts = {"ticket": ticket, "authority": "林草局", "document_number": "1号"}
        order = FreezeOrder.objects.create(
            kind=kind, issuance=ticket.issuance, quantity_kg=1000, **facts
        )
        wanted = Registration.objects.create(
            kind="freeze", department="forestry", freeze_kind=kind, order=order,
            prepared_by=bureau.clerk, document_sha256=digest("决定"), **facts,
        )  # fmt: skip
        return wanted, same(ticket, (0, 1000, {"freezes": [str(order.pk)]})), order

    def freeze(wanted: Registration, said: dict[str, Any], order: FreezeOrder) -> None:
        insert(ticket.issuance, "freeze", said, wanted=wanted, freeze=order.pk)

    for kind in (FreezeOrder.Kind.COURT, FreezeOrder.Kind.DISPUTE):
        with refused_by(NOT_ASKED):
            freeze(*undecided(kind))
    rejected = undecided(FreezeOrder.Kind.INSPECTION)
    reject_registration(registration=rejected[0], reason="复查无损失", actor=bureau.approver)
    with refused_by(NOT_ASKED):
        freeze(*rejected)
    found, gone = (
        freeze_found(
            ticket=ticket, quantity_kg=100, document=paper("林草局"), reason="", actor=bureau.clerk
        )
        for _visit in range(2)
    )
    assert found is not None
    assert gone is not None
    bureau.approve(found)
    refused(
        bureau, None, "lift", same(ticket, (0, 100, {})), issuance=ticket.issuance,
        freeze=found.order_id, registration=found.key, document=found.document_sha256,
    )  # fmt: skip
    reject_registration(registration=gone, reason="复查无损失", actor=bureau.approver)


def test_a_corrected_ticket_is_whole_and_the_former_owners(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    owner, buyer, other = owners(ticket), {bureau.buyer: 1}, {bureau.other: 1}
    wanted = prepare_correction(ticket=ticket, reason="地名", document=paper(), actor=bureau.clerk)
    refused(
        bureau, wanted, "correct",
        given(ticket, (1000, buyer)), given(ticket, (1000, {bureau.owner: 7})),
        given(ticket, (600, owner)), given(ticket, (600, owner), (400, owner)),
        given(ticket, (1000, owner | buyer)),
    )  # fmt: skip
    refused(
        bureau, None, "correct", given(ticket, (1000, owner)), issuance=ticket.issuance
    )  # fmt: skip
    shared = bureau.transfer(ticket, 1000, to=Owners(((bureau.buyer, 1), (bureau.other, 1)), 2))
    asking: dict[str, Any] = {
        "ticket": shared, "document": paper(), "reason": "", "actor": bureau.clerk,
        "consents": agreed(shared),
    }  # fmt: skip
    thirds = Owners(((bureau.buyer, 1), (bureau.other, 2)), 3)
    form = prepare_change(to=thirds, **asking)
    refused(
        bureau, form, "correct",
        given(shared, (1000, {bureau.buyer: 2, bureau.other: 1})), given(shared, (1000, other)),
        given(shared, (1000, buyer | other)),
    )  # fmt: skip
    asking["consents"] = agreed(shared)[:1]
    name = prepare_change(renamed=bureau.buyer, new_name="新名", **asking)
    for shares in ([[str(bureau.buyer.key), 2]], [[str(bureau.other.key), 2]]):
        said = {"shares": [{"ticket": str(shared.pk), "shares": shares}]}
        refused(bureau, name, "change", said)
    sole = bureau.issue(1000, Owners.sole(bureau.buyer))
    refused(
        bureau, None, "change",
        {"shares": [{"ticket": str(sole.pk), "shares": [[str(bureau.buyer.key), 1]]}]},
        issuance=sole.issuance,
    )  # fmt: skip
    bureau.approve(form)


def test_a_reissued_ticket_is_the_former_owners(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    asking: dict[str, Any] = {"asked_by": bureau.owner_user, "actor": bureau.clerk}
    bureau.approve(prepare_loss(ticket=ticket, reason=LossNotice.Reason.LOST, **asking))
    notice = ticket.loss_notices.get()
    right = given(ticket, (1000, owners(ticket)))
    columns: dict[str, Any] = {"freeze": notice.order_id}
    early = Registration.objects.create(
        kind="reissue",
        department="forestry",
        ticket=ticket,
        notice=notice,
        prepared_by=bureau.clerk,
    )
    refused(bureau, early, "reissue", right, **columns)  # The notice runs.
    advance_clock(timedelta(days=31))
    wanted = prepare_reissue(notice=notice, **asking)
    refused(
        bureau, wanted, "reissue",
        given(ticket, (1000, {bureau.buyer: 1})), given(ticket, (1000, {bureau.owner: 7})),
        **columns,
    )  # fmt: skip
    refused(bureau, None, "reissue", right, issuance=ticket.issuance, **columns)
    with refused_by(NOT_ASKED):
        LossObjection.objects.create(notice=notice, objector="李四", contact="139", text="票在我处")
        insert(
            ticket.issuance, "reissue", right, wanted=wanted, granted_by=bureau.approver, **columns
        )
    insert(ticket.issuance, "reissue", right, wanted=wanted, granted_by=bureau.approver, **columns)


def test_no_other_ticket_ends_than_the_one_asked_for(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    child = bureau.transfer(ticket, 100)
    for one, kg in ((ticket, 900), (child, 100)):
        bureau.offset(one, kg)
    wanted = prepare_close(ticket=child, actor=bureau.clerk)
    ends = {"closed": [{"ticket": str(ticket.pk), "because": "used_up"}]}
    refused(bureau, wanted, "close", ends)
    refused(bureau, None, "close", ends, issuance=ticket.issuance)
    standing = bureau.issue(1000)
    gone = bureau.transfer(standing, 100)
    bureau.offset(gone, 100)
    sale = bureau.request_transfer(standing, 900)
    said = given(standing, (900, {bureau.buyer: 1}), of_kg=1000)
    said["closes"] = [[100, 1000]]
    said["opens"] = [said["opens"][0] | {"kg": [100, 1000]}]
    said["closed"] = [{"ticket": str(one.pk), "because": "transferred"} for one in (standing, gone)]
    refused(bureau, sale, "transfer", said)


def test_as_much_is_cancelled_and_issued_as_was_asked_for(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    document = paper("林草局")
    wanted = prepare_cancellation(
        issuance=ticket.issuance, reason=Cancellation.Reason.FIRE, document=document, text="",
        quantity_kg=100, actor=bureau.clerk,
    )  # fmt: skip
    for kg, asked_for in ((200, wanted), (100, None)):
        with refused_by(NOT_ASKED):
            cause = open_cause(Cause.Kind.CANCELLED)
            Cancellation.objects.create(
                cause=cause, number=f"YN-Z-{kg}", issuance=ticket.issuance, reason="fire",
                ordered_kg=kg, cancelled_kg=kg, authority=document.authority,
                document_number=document.number,
            )  # fmt: skip
            said = cut(ticket, kg, state="cancelled", because=str(cause.pk))
            insert(
                ticket.issuance, "cancel", said, wanted=asked_for, cause=cause.pk,
                granted_by=bureau.approver,
            )  # fmt: skip
    bureau.approve(wanted)
    for number in (document.number, "别号"):  # A request is for one, a debt stands on one, too.
        with refused_by(NOT_ASKED), connection.cursor() as cursor:
            again = Cancellation.objects.create(
                cause=open_cause(Cause.Kind.CANCELLED), number="YN-Z-0", issuance=ticket.issuance,
                reason="fire", ordered_kg=100, cancelled_kg=0, authority=document.authority,
                document_number=number,
            )  # fmt: skip
            Debt.objects.create(cancellation=again, party=bureau.owner, quantity_kg=100)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    filing = unissued()
    applicant = filing.application.project.applicant
    asked_for = prepare_issue(
        filing=filing, quantity_kg=500, actor=bureau.clerk,
        asked_by=User.objects.get(mandates__party=applicant),
    )  # fmt: skip
    for request, quantity_kg in ((asked_for, 1000), (None, 500)):
        with refused_by(NOT_ASKED):
            said = given(ticket, (quantity_kg, {applicant: 1}), of_kg=quantity_kg)
            said.pop("closed")
            said["tickets"][0].pop("parent")
            said["tickets"][0] |= {
                "area": str(filing.area_version.key), "report": str(filing.uniqueness_report.key),
            }  # fmt: skip
            insert(
                Issuance.objects.create(filing=filing, quantity_kg=quantity_kg), "issue",
                said | {"closes": []}, wanted=request, granted_by=bureau.approver,
            )  # fmt: skip


def test_one_alone_too_offsets_lists_and_sells_by_request_listing_and_deal(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)

    def moved(state: str, quantity_kg: int, cause: Cause) -> None:
        kind = {"offset": "offset", "listed": "list"}[state]
        said = cut(ticket, quantity_kg, state=state, because=str(cause.pk))
        insert(ticket.issuance, kind, said, cause=cause.pk)

    with refused_by("every_owner_agreed"):  # A certificate of no request.
        cause = open_cause(Cause.Kind.OFFSET)
        certificate(ticket, 100, cause, bureau.signer)
        moved("offset", 100, cause)
    for listed_kg in (None, 99, 101):
        with refused_by("every_owner_agreed"):
            cause = open_cause(Cause.Kind.LISTED)
            if listed_kg is not None:
                listing_of_all(ticket, listed_kg, cause, bureau)
            moved("listed", 100, cause)
    cause = open_cause(Cause.Kind.LISTED)
    listing_of_all(ticket, 400, cause, bureau)
    moved("listed", 400, cause)
    deal = bureau.agree(cause, 300, bureau.buyer)
    for settled, quantity_kg, to in (
        (False, 300, bureau.buyer), (True, 299, bureau.buyer), (True, 300, bureau.other),
    ):  # fmt: skip
        with refused_by("trade_is_what_was_agreed"), connection.cursor() as cursor:
            entry = trade_listed(
                cause=cause, to=Owners.sole(to), quantity_kg=quantity_kg, actor=bureau.trading
            )
            if settled:
                bureau.note_settled(deal, entry)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    bureau.trade(cause, 100)
    bought = ticket.children.get()
    bureau.offset(bought, 100)
    with refused_by("trade_is_what_was_agreed"):  # It ends no ticket from which it takes nothing.
        ends = {"closed": [{"ticket": str(bought.pk), "because": "used_up"}]}
        insert(ticket.issuance, "trade", ends, cause=cause.pk)
