"""Reserve purchase (article 13): the contract, hand-overs at the floor, and the shared premium.

Where one of the sides has merged into another body, that one stands in its place.
"""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection
from django.utils.translation import gettext as _

from portal.accounts.models import Party, User
from portal.accounts.queries import acts_for, people_acting_for, standing_party
from portal.base.clock import now, today
from portal.base.errors import NotFound
from portal.base.transactions import each_apart, write_transaction
from portal.casework.notices import tell
from tickets.market.access import DISPOSE
from tickets.market.errors import (
    ContractMovedOn,
    ContractQuantity,
    ContractTermsWrong,
    PremiumMovedOn,
    ReservedTonnes,
)
from tickets.market.journal import CONTRACT, record
from tickets.market.models import (
    Listing,
    PremiumShare,
    ReserveContract,
    ReservePurchase,
    RetailOrder,
    Trade,
)
from tickets.market.operations.dealing import bank_number
from tickets.market.operations.listings import AgreementTerms, ask_listing
from tickets.market.prices import BASIS_POINTS, require_price, yuan
from tickets.registry.access import owners_of
from tickets.registry.models import CarbonTicket
from tickets.registry.operations.registrations import require_holder
from tickets.registry.quantities import KG_PER_TONNE, require_quantity, tonnes
from tickets.registry.queries import succeeding

State = ReserveContract.State


@write_transaction
def propose_contract(
    *,
    body: Party,
    owner: Party,
    quantity_kg: int,
    floor_fen_per_tonne: int,
    share_bp: int,
    begins_on: date,
    ends_on: date,
    actor: User,
) -> ReserveContract:
    """A carbon-service body offers an owner to buy at a floor and to share the premium."""
    if not acts_for(actor, body, DISPOSE):
        raise NotFound()
    require_quantity(quantity_kg)
    require_price(floor_fen_per_tonne)
    if standing_party(body) == standing_party(owner):
        raise ContractTermsWrong(reason=_("收储机构与业主相同"))
    if not 0 <= share_bp <= BASIS_POINTS:
        raise ContractTermsWrong(reason=_("分成须在 0 与 100% 之间"))
    if ends_on < max(begins_on, today()):
        raise ContractTermsWrong(reason=_("止日不早于起日和今天"))
    require_holder(body)
    require_holder(owner)
    contract = ReserveContract.objects.create(
        body=body,
        owner=owner,
        quantity_kg=quantity_kg,
        floor_fen_per_tonne=floor_fen_per_tonne,
        share_bp=share_bp,
        begins_on=begins_on,
        ends_on=ends_on,
        proposed_by=actor,
    )
    record(
        CONTRACT, contract.key, "proposed", actor,
        kg=quantity_kg, floor_fen_per_tonne=floor_fen_per_tonne, share_bp=share_bp,
    )  # fmt: skip
    _tell([owner], contract, _("收储合同待您确认"))
    return contract


@write_transaction
def confirm_contract(*, contract: ReserveContract, actor: User) -> ReserveContract:
    """The owner agrees; from then on both are bound."""
    found = _locked(contract, State.PROPOSED)
    if not acts_for(actor, succeeding(found.owner), DISPOSE):
        raise NotFound()
    found.state, found.confirmed_by, found.confirmed_at = State.ACTIVE, actor, now()
    found.save(update_fields=["state", "confirmed_by", "confirmed_at"])
    record(CONTRACT, found.key, "confirmed", actor)
    _tell([found.body, found.owner], found, _("收储合同已生效"))
    return found


@write_transaction
def decline_contract(*, contract: ReserveContract, actor: User) -> ReserveContract:
    """The owner declines, or the body takes its offer back, before it binds."""
    found = _locked(contract, State.PROPOSED)
    if not acts_for(actor, succeeding(found.owner), DISPOSE) and not acts_for(
        actor, succeeding(found.body), DISPOSE
    ):
        raise NotFound()
    found.state = State.ENDED
    found.save(update_fields=["state"])
    record(CONTRACT, found.key, "declined", actor)
    return found


def end_due_contracts() -> int:
    """Contracts whose last day is over, confirmed or not; how many ended. Premiums that are owed stay
    owed. A job's act."""
    due = ReserveContract.objects.exclude(state=State.ENDED).filter(ends_on__lt=today())
    return each_apart(due, _end_due)


@write_transaction
def _end_due(contract: ReserveContract) -> bool:
    found = ReserveContract.objects.select_for_update().get(pk=contract.pk)
    if found.state == State.ENDED:
        return False
    found.state = State.ENDED
    found.save(update_fields=["state"])
    record(CONTRACT, found.key, "ended", None)
    return True


def left_to_buy_kg(contract: ReserveContract) -> int:
    """What the body still owes to buy: it has bought, or waits for, what was handed over and came to
    nothing neither before the listing opened nor after. Nothing once the contract has ended."""
    if contract.state == State.ENDED:
        return 0
    asked = Listing.objects.filter(
        reserve_purchase__contract=contract,
        state__in=[Listing.State.ASKED, Listing.State.PREPARED],
    )
    dealt = Trade.objects.filter(
        listing__reserve_purchase__contract=contract,
        state__in=[Trade.State.AGREED, Trade.State.SETTLED],
    )
    taken = [*asked.values_list("quantity_kg", flat=True)]
    return contract.quantity_kg - sum([*taken, *dealt.values_list("quantity_kg", flat=True)])


@write_transaction
def hand_over(
    *,
    contract: ReserveContract,
    ticket: CarbonTicket,
    quantity_kg: int,
    closes_at: datetime,
    actor: User,
    confirmed: bool = False,
) -> Listing:
    """The owner sells under the contract: an agreement at the floor, confirmed and paid like any.

    Raises ContractMovedOn (not in force today), ContractQuantity, and what ``ask_listing`` does.
    """
    found = _locked(contract, State.ACTIVE)
    if not found.begins_on <= today() <= found.ends_on:
        raise ContractMovedOn()
    if [standing_party(owner) for owner in owners_of(ticket)] != [succeeding(found.owner)]:
        raise NotFound()
    left = left_to_buy_kg(found)
    if require_quantity(quantity_kg) > left:
        raise ContractQuantity(left=left)
    listing = ask_listing(
        ticket=ticket,
        quantity_kg=quantity_kg,
        price_fen_per_tonne=found.floor_fen_per_tonne,
        terms=AgreementTerms(succeeding(found.body)),
        closes_at=closes_at,
        actor=actor,
        confirmed=confirmed,
    )
    ReservePurchase.objects.create(contract=found, listing=listing)
    record(CONTRACT, found.key, "handed_over", actor, listing=str(listing.pk), kg=quantity_kg)
    return listing


def bought_under(ticket: CarbonTicket) -> ReservePurchase | None:
    """The purchase that a carbon-service body has the ticket's kilograms from, while they are its
    own without a break; the triggers' own answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market_bought_under(%s)", [ticket.pk])
        found = cursor.fetchone()[0]
    purchases = ReservePurchase.objects.select_related("contract__body", "contract__owner")
    return purchases.get(pk=found) if found is not None else None


def require_unreserved(ticket: CarbonTicket) -> None:
    """ReservedTonnes: a body's kilograms are resold where the price is known to the portal."""
    if bought_under(ticket) is not None:
        raise ReservedTonnes(number=ticket.number)


def note_premium(sale: Trade | RetailOrder) -> PremiumShare | None:
    """In the transaction of a resale (article 13): what the body then owes the owner, or None.

    Whoever buys, a company, a visitor or an eco-justice case, the premium is shared; the database
    settles no resale without it.
    """
    purchase = bought_under(sale.listing.ticket)
    if purchase is None:
        return None
    contract = purchase.contract
    floor_price = contract.floor_fen_per_tonne * sale.quantity_kg
    if contract.share_bp == 0 or sale.amount_fen * KG_PER_TONNE <= floor_price:
        return None
    premium, owners_part = _premium_due(purchase, sale)
    share = PremiumShare.objects.create(
        purchase=purchase,
        trade=sale if isinstance(sale, Trade) else None,
        order=sale if isinstance(sale, RetailOrder) else None,
        quantity_kg=sale.quantity_kg,
        amount_fen=sale.amount_fen,
        premium_fen=premium,
        owner_fen=owners_part,
        # A fraction of a fen waits for the next resale: nothing is to be paid for this one.
        state=PremiumShare.State.DUE if owners_part else PremiumShare.State.RECEIVED,
    )
    record(
        CONTRACT, contract.key, "premium_due", None,
        share=str(share.key), resale=str(sale.key), owner_fen=owners_part, premium_fen=premium,
    )  # fmt: skip
    if owners_part:
        _tell(
            [contract.body, contract.owner],
            contract,
            _("转售溢价分成：应付业主 {amount} 元").format(amount=yuan(owners_part)),
        )
    return share


def _premium_due(purchase: ReservePurchase, sale: Trade | RetailOrder) -> tuple[int, int]:
    """Premium and owner's part that come with this resale on top of those before it under the
    contract, whose resales wait for one another; the trigger's own answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT premium, owners_part FROM market_premium_due(%s, %s, %s)",
            [purchase.pk, sale.quantity_kg, sale.amount_fen],
        )
        premium, owners_part = cursor.fetchone()
    return premium, owners_part


@write_transaction
def pay_premium(*, share: PremiumShare, payment_number: str, actor: User) -> PremiumShare:
    """The body says by which payment, outside the portal."""
    found = _locked_share(share, PremiumShare.State.DUE)
    if not acts_for(actor, succeeding(found.purchase.contract.body), DISPOSE):
        raise NotFound()
    found.state, found.paid_by = PremiumShare.State.PAID, actor
    found.payment_number = bank_number(payment_number)
    found.save(update_fields=["state", "payment_number", "paid_by"])
    record(CONTRACT, found.purchase.contract.key, "premium_paid", actor, share=str(found.key))
    _tell([found.purchase.contract.owner], found.purchase.contract, _("溢价分成已付，请确认"))
    return found


@write_transaction
def confirm_premium(*, share: PremiumShare, received: bool, actor: User) -> PremiumShare:
    """The owner found it, or not: then it is due again."""
    found = _locked_share(share, PremiumShare.State.PAID)
    if not acts_for(actor, succeeding(found.purchase.contract.owner), DISPOSE):
        raise NotFound()
    found.state = PremiumShare.State.RECEIVED if received else PremiumShare.State.DUE
    found.received_by = actor if received else None
    found.payment_number = found.payment_number if received else ""
    found.save(update_fields=["state", "received_by", "payment_number"])
    verb = "premium_received" if received else "premium_not_received"
    record(CONTRACT, found.purchase.contract.key, verb, actor, share=str(found.key))
    return found


def _locked(contract: ReserveContract, state: ReserveContract.State) -> ReserveContract:
    found = (
        ReserveContract.objects.select_for_update(of=("self",))
        .select_related("body", "owner")
        .get(pk=contract.pk)
    )
    if found.state != state:
        raise ContractMovedOn()
    return found


def _locked_share(share: PremiumShare, state: PremiumShare.State) -> PremiumShare:
    found = (
        PremiumShare.objects.select_for_update(of=("self",))
        .select_related("purchase__contract__body", "purchase__contract__owner")
        .get(pk=share.pk)
    )
    if found.state != state:
        raise PremiumMovedOn()
    return found


def _tell(parties: list[Party], contract: ReserveContract, subject: str) -> None:
    tell(
        users=people_acting_for([succeeding(party) for party in parties], DISPOSE),
        subject=subject,
        body=_("{tonnes} 吨，保底价每吨 {price} 元。").format(
            tonnes=tonnes(contract.quantity_kg), price=yuan(contract.floor_fen_per_tonne)
        ),
        link=f"/market/reserve/{contract.key}/",
    )
