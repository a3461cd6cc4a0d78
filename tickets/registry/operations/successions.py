"""Who merged into another body, or died, and who is in its place (article 10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from portal.accounts.models import Party, User
from portal.accounts.operations import end_mandates_of
from portal.accounts.queries import people_acting_for
from portal.base.clock import CITY_TIME, today
from portal.base.transactions import write_transaction
from portal.casework.notices import tell
from tickets.registry.access import owners_of
from tickets.registry.errors import (
    SuccessionInFuture,
    SuccessionToSelf,
    WrongRegistration,
)
from tickets.registry.models import PartySuccession, Registration
from tickets.registry.operations.registrations import (
    Kind,
    Owners,
    Paper,
    begin_decision,
    end_decision,
    open_ticket_of,
    prepare,
    require_holders,
)


@write_transaction
def prepare_succession(
    *,
    former: Party,
    successor: Party,
    effective_on: date,
    document: Paper,
    actor: User,
    asked_by: User | None = None,
    materials: Sequence[tuple[str, bytes]] = (),
) -> Registration:
    """A body that merged, or a person who died, with the one in its place, whether it holds a ticket
    or not; its tickets pass by transfers of their own.

    Raises DocumentMissing, SuccessionToSelf, SuccessionInFuture, PartyUnknown, PartyMerged.
    """
    document.require(_("合并文件或继承文书"))
    require_succession(former, successor, effective_on)
    return prepare(
        Kind.SUCCESSION,
        actor=actor,
        asked_by=asked_by,
        materials=materials,
        document=document,
        former=former,
        successor=successor,
        effective_on=effective_on,
    )


def require_succession(former: Party, successor: Party, effective_on: date) -> None:
    """SuccessionToSelf, SuccessionInFuture, PartyUnknown, PartyMerged."""
    if former == successor:
        raise SuccessionToSelf()
    if effective_on > today():
        raise SuccessionInFuture()
    require_holders([former, successor])


@write_transaction
def register_succession(*, registration: Registration, actor: User) -> PartySuccession:
    """From now on nothing is registered to the former one. No kilogram moves, so no entry is written."""
    wanted = begin_decision(registration, actor, {Kind.SUCCESSION})
    if wanted.former is None or wanted.successor is None or wanted.effective_on is None:
        raise WrongRegistration()
    require_holders([wanted.former, wanted.successor])
    found = _note(wanted, wanted.former, wanted.successor, wanted.effective_on, actor)
    end_decision(wanted, actor)
    return found


def note_merger(
    registration: Registration, ceding: Sequence[Party], successors: Owners, actor: User
) -> None:
    """A merged body has ceased with its first ticket that passes; what it still holds passes in the
    same way."""
    others = {party.pk for party in owners_of(open_ticket_of(registration))}
    others -= {one.pk for one in ceding}
    takers = [party for party, _numerator in successors.shares]
    # Where nobody is new, a co-owner absorbs it.
    gaining = [party for party in takers if party.pk not in others] or takers
    if len(ceding) != 1 or len(gaining) != 1:
        return
    [former], [successor] = ceding, gaining
    if not PartySuccession.objects.filter(former=former).exists():
        effective_on = (
            registration.effective_on or registration.prepared_at.astimezone(CITY_TIME).date()
        )
        _note(registration, former, successor, effective_on, actor)


def _note(
    registration: Registration, former: Party, successor: Party, effective_on: date, actor: User
) -> PartySuccession:
    """The record; the mandates that the former one gave end with it, and who acted by them is told."""
    found = PartySuccession.objects.create(
        former=former,
        successor=successor,
        effective_on=effective_on,
        document_number=registration.document_number,
        registration=registration,
    )
    tell(
        users=people_acting_for([former]),
        subject=_("“{former}”已由“{successor}”承继").format(
            former=former.name, successor=successor.name
        ),
        body=_("依据{number}登记。原主体的委托即行终止，其事务由承继者办理。").format(
            number=registration.document_number
        ),
    )
    end_mandates_of(party=former, actor=actor)
    return found
