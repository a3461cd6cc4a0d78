"""A filed claim ends only with its whole issuance, by a decision of two persons (guarantee 1)."""

from __future__ import annotations

import pytest
from django.db import connection

from parcels.claims.errors import FiledClaimStands
from parcels.claims.operations import end_filed_claim
from parcels.models import Claim
from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Department, Role, RoleGrant
from tests.accounts.people import officer
from tests.base.sessions import refused_by
from tests.tickets.registry.register import Bureau, paper
from tickets.registry import errors
from tickets.registry.models import Cancellation, CarbonTicket, Registration
from tickets.registry.operations import (
    end_claim_of_cancelled_issuance,
    prepare_cancellation,
    prepare_end_claim,
    reject_registration,
)

pytestmark = pytest.mark.django_db
ENDS = (
    "UPDATE parcels_claim SET state = 'ended', ended_because = 'issuance_cancelled', "
    "ended_decision = %s WHERE id = %s"
)


def claim_of(ticket: CarbonTicket) -> Claim:
    claim = ticket.issuance.filing.application.claim
    assert claim is not None
    claim.refresh_from_db()
    return claim


def revoke(bureau: Bureau, ticket: CarbonTicket) -> None:
    bureau.approve(
        prepare_cancellation(
            issuance=ticket.issuance, reason=Cancellation.Reason.REVOCATION,
            document=paper("林草局"), text="材料不实", actor=bureau.clerk,
        )
    )  # fmt: skip


def decision(bureau: Bureau, ticket: CarbonTicket) -> Registration:
    return prepare_end_claim(
        issuance=ticket.issuance, document=paper("林草局"), reason="全部撤销", actor=bureau.clerk
    )


def attack(ticket: CarbonTicket, number: str) -> None:
    """The application's role writes the end by itself."""
    with refused_by("filed_claim_ends_with_its_whole_issuance"), connection.cursor() as cursor:
        cursor.execute(ENDS, [number, claim_of(ticket).pk])
    assert claim_of(ticket).state == Claim.State.LIVE


def test_a_whole_cancelled_issuance_gives_its_land_free_by_a_decision(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    attack(ticket, "x")
    revoke(bureau, ticket)
    assert claim_of(ticket).state == Claim.State.LIVE  # Cancelling alone ends nothing.
    attack(ticket, "x")
    wanted = decision(bureau, ticket)
    attack(ticket, wanted.document_number)  # Prepared is not decided.
    with pytest.raises(OfficeMissing):
        end_claim_of_cancelled_issuance(registration=wanted, actor=bureau.clerk)
    bureau.approve(wanted)
    claim = claim_of(ticket)
    assert (claim.state, claim.ended_because) == ("ended", "issuance_cancelled")
    assert claim.ended_decision == wanted.document_number
    with pytest.raises(errors.RegistrationDecided):
        bureau.approve(wanted)


def test_who_prepares_it_does_not_decide_it(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    revoke(bureau, ticket)
    both = officer("both", Role.CLERK, Department.FORESTRY)
    RoleGrant.objects.create(user=both, role=Role.APPROVER, department=Department.FORESTRY)
    wanted = prepare_end_claim(
        issuance=ticket.issuance, document=paper("林草局"), reason="", actor=both
    )
    with pytest.raises(errors.SamePerson):
        end_claim_of_cancelled_issuance(registration=wanted, actor=both)
    with (
        refused_by("who_prepared_a_registration_does_not_decide_it"),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE registry_registration SET state = 'approved', decided_by_id = %s, "
            "decided_at = now() WHERE id = %s",
            [both.pk, wanted.pk],
        )
    reject_registration(registration=wanted, reason="另议", actor=bureau.approver)
    attack(ticket, wanted.document_number)


@pytest.mark.parametrize("kept", ["offset", "sold"])
def test_one_kilogram_offset_or_sold_keeps_the_land_for_ever(bureau: Bureau, kept: str) -> None:
    ticket = bureau.issue(1000)
    if kept == "offset":
        bureau.offset(ticket, 1)
    else:
        bureau.transfer(ticket, 1)
    revoke(bureau, ticket)
    with pytest.raises(errors.IssuanceNotCancelled):
        decision(bureau, ticket)
    with pytest.raises((errors.IssuanceNotCancelled, FiledClaimStands)):
        end_filed_claim(claim=claim_of(ticket), decision="x", actor=bureau.approver)
    attack(ticket, "x")


def test_another_issuances_decision_does_not_end_this_claim(bureau: Bureau) -> None:
    ticket, other = bureau.issue(1000), bureau.issue(1000)
    revoke(bureau, other)
    wanted = decision(bureau, other)
    bureau.approve(wanted)
    revoke(bureau, ticket)
    attack(ticket, wanted.document_number)
