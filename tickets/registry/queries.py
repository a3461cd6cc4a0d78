"""Reads of the register, now or as of any past moment; a past day means its end in Shanghai."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import (
    BigIntegerField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    TextChoices,
)
from django.db.models.functions import Lower, Upper
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from parcels.models import ProjectArea
from portal.accounts.models import Department, Mandate, Party
from portal.accounts.queries import AnyUser, names_of, parties_acted_for, standing_party
from portal.base.clock import CITY_TIME, today
from tickets.projects.models import Filing
from tickets.registry.ledger import freest_first, quantity_of, standing_pieces
from tickets.registry.models import (
    Block,
    Cancellation,
    CarbonTicket,
    Debt,
    FormerName,
    FreezeOrder,
    Issuance,
    LedgerEntry,
    LedgerHead,
    LossNotice,
    LossObjection,
    PartySuccession,
    Pledge,
    PledgeReminder,
    PrintReturn,
    Registration,
    TicketPrint,
    TicketShare,
)
from tickets.registry.moves import LIVE_STATES, MARKED, BlockState, EntryKind
from tickets.registry.querysets import standing_at


def end_of_day(day: date) -> datetime:
    """The last moment of a day in Asia/Shanghai: "as of" that day."""
    return datetime.combine(day, time.max, CITY_TIME)


class Standing(TextChoices):
    """A ticket's state in one word, the most telling first (``/v/CODE/`` and the map)."""

    VOID = "void", _("作废（已补发或更正）")
    SUPERSEDED = "superseded", _("已转移或分割")
    CANCELLED = "cancelled", _("已注销")
    USED_UP = "used_up", _("已用尽")
    LOST = "lost", _("挂失公告中")
    FROZEN = "frozen", _("冻结")
    PLEDGED = "pledged", pgettext_lazy("state", "质押")
    LISTED = "listed", _("挂牌")
    PARTLY_USED = "partly_used", _("部分已使用")
    VALID = "valid", _("有效")


@dataclass(frozen=True, slots=True)
class TicketState:
    """One row of the state table: what became of a ticket's kilograms."""

    key: uuid.UUID
    number: str
    area: uuid.UUID
    held_kg: int
    listed_kg: int
    pledged_kg: int
    offset_kg: int
    cancelled_kg: int
    frozen_kg: int
    lost_kg: int
    closed_because: str

    @property
    def live_kg(self) -> int:
        """What may still be disposed of, used or cancelled."""
        return self.held_kg + self.listed_kg + self.pledged_kg

    @property
    def total_kg(self) -> int:
        """What is on the ticket: what was transferred away is on others."""
        return self.live_kg + self.offset_kg + self.cancelled_kg

    @property
    def standing(self) -> Standing:
        """In one word."""
        return standing_of(
            self.held_kg, self.listed_kg, self.pledged_kg, self.offset_kg, self.cancelled_kg,
            self.frozen_kg, self.lost_kg, self.closed_because,
        )  # fmt: skip


def standing_of(
    held_kg: int, listed_kg: int, pledged_kg: int, offset_kg: int, cancelled_kg: int,
    frozen_kg: int, lost_kg: int, closed_because: str,
) -> Standing:  # fmt: skip
    """A ticket's state in one word, from its kilograms and why it was closed."""
    because = CarbonTicket.ClosedBecause
    live_kg = held_kg + listed_kg + pledged_kg
    if closed_because in (because.REISSUED, because.CORRECTED):
        return Standing.VOID
    if closed_because in (because.TRANSFERRED, because.DIVIDED):
        return Standing.SUPERSEDED
    if closed_because == because.CANCELLED or (
        cancelled_kg and cancelled_kg == live_kg + offset_kg + cancelled_kg
    ):
        return Standing.CANCELLED
    if live_kg == 0:
        return Standing.USED_UP
    for kilograms, standing in (
        (lost_kg, Standing.LOST),
        (frozen_kg, Standing.FROZEN),
        (pledged_kg, Standing.PLEDGED),
        (listed_kg, Standing.LISTED),
        (offset_kg + cancelled_kg, Standing.PARTLY_USED),
    ):
        if kilograms:
            return standing
    return Standing.VALID


_KILOGRAMS = """
       coalesce(sum(upper(kg) - lower(kg)) FILTER (WHERE state = 'held'), 0)::bigint,
       coalesce(sum(upper(kg) - lower(kg)) FILTER (WHERE state = 'listed'), 0)::bigint,
       coalesce(sum(upper(kg) - lower(kg)) FILTER (WHERE state = 'pledged'), 0)::bigint,
       coalesce(sum(upper(kg) - lower(kg)) FILTER (WHERE state = 'offset'), 0)::bigint,
       coalesce(sum(upper(kg) - lower(kg)) FILTER (WHERE state = 'cancelled'), 0)::bigint,
       coalesce(sum(upper(kg) - lower(kg)) FILTER (WHERE freezes <> '{{}}'), 0)::bigint,
       coalesce(sum(upper(kg) - lower(kg)) FILTER (WHERE freezes <> '{{}}' AND EXISTS (
         SELECT FROM registry_freezeorder WHERE key = ANY(freezes) AND kind = 'loss')), 0)::bigint,
       CASE WHEN {closed} THEN ticket.closed_because ELSE '' END
"""
_STATES = (
    "SELECT ticket.key, ticket.number, version.key,"
    + _KILOGRAMS
    + """
FROM registry_carbonticket AS ticket
JOIN parcels_projectareaversion AS version ON version.id = ticket.area_version_id
{join} registry_block AS block ON block.ticket_id = ticket.key AND {standing}
WHERE {wanted}
GROUP BY ticket.key, version.key
ORDER BY ticket.year, ticket.serial
"""
)
# Of one ticket the index that keeps kilograms apart finds what stood at the issuance's last entry of then,
# where that of its blocks would read all that were opened before.
_STOOD = """
 AND block.issuance_id = ticket.issuance_id AND block.during @> (
  SELECT entry.id FROM registry_ledgerentry AS entry
  WHERE entry.issuance_id = ticket.issuance_id AND entry.recorded_at <= %(at)s
  ORDER BY entry.seq DESC LIMIT 1)"""
_COLUMNS = (
    "SELECT ticket.number,"
    + _KILOGRAMS
    + """
FROM registry_carbonticket AS ticket
JOIN registry_block AS block ON block.ticket_id = ticket.key AND {standing}
GROUP BY ticket.key
ORDER BY ticket.year, ticket.serial
"""
)
COLUMNS = (
    "number", "held_kg", "listed_kg", "pledged_kg", "offset_kg", "cancelled_kg", "frozen_kg", "lost_kg",
)  # fmt: skip


def state_table(
    at: datetime | None = None, tickets: Iterable[uuid.UUID] | None = None
) -> list[TicketState]:
    """Every ticket on which kilograms stand, now or at a moment; all of ``tickets`` when named.

    A ticket whose kilograms have all gone to others is in the table only when it is named.
    """
    values: dict[str, Any] = {"at": at}
    wanted = "true" if at is None else "ticket.opened_at <= %(at)s"
    when = _when(at)
    if tickets is not None:
        wanted += " AND ticket.key = ANY(%(tickets)s)"
        values["tickets"] = named = list(tickets)
        if at is not None and len(named) == 1:
            when["standing"] += _STOOD
    statement = _STATES.format(
        join="JOIN" if tickets is None else "LEFT JOIN", wanted=wanted, **when
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [TicketState(*row) for row in cursor.fetchall()]


def _when(at: datetime | None) -> dict[str, str]:
    """What is closed and which blocks stand, now or at ``%(at)s``."""
    if at is None:
        return {"closed": "true", "standing": "block.closed_by_id IS NULL"}
    return {
        "closed": "ticket.closed_at <= %(at)s",
        "standing": "block.opened_at <= %(at)s "
        "AND (block.closed_at IS NULL OR block.closed_at > %(at)s)",
    }


def state_columns(at: datetime | None = None) -> dict[str, Sequence[Any]]:
    """The same table column by column, small and quick for all tickets: names are ``COLUMNS``."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS.format(**_when(at)), {"at": at})
        rows = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * (len(COLUMNS) + 1)
    found: dict[str, Sequence[Any]] = dict(zip(COLUMNS, columns, strict=False))
    return found | {"state": [standing_of(*row[1:]).value for row in rows]}


def state_of(ticket: CarbonTicket, at: datetime | None = None) -> TicketState | None:
    """One ticket's row; None before it was issued."""
    found = state_table(at, [ticket.pk])
    return found[0] if found else None


def register_totals(at: datetime | None = None) -> dict[str, int]:
    """Kilograms by state over the whole register."""
    when = "closed_by_id IS NULL" if at is None else (
        "opened_at <= %(at)s AND (closed_at IS NULL OR closed_at > %(at)s)"
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, sum(upper(kg) - lower(kg))::bigint FROM registry_block "
            f"WHERE {when} GROUP BY state",
            {"at": at},
        )
        found = dict(cursor.fetchall())
    return {state.value: found.get(state.value, 0) for state in BlockState}


def register_years() -> range:
    """From the year of the first entry to this one, in Asia/Shanghai."""
    first = LedgerEntry.objects.order_by("pk").values_list("recorded_at", flat=True).first()
    this = today().year
    return range(first.astimezone(CITY_TIME).year if first else this, this + 1)


def register_version(at: datetime | None = None) -> int:
    """How many entries are committed: what is derived from the register changes with it (ETag).

    Not the newest number: of two issuances' entries the later number may be committed first.
    """
    if at is not None:
        return LedgerEntry.objects.filter(recorded_at__lte=at).count()
    return LedgerHead.objects.aggregate(entries=Sum("seq"))["entries"] or 0


def last_entry_number(at: datetime | None = None) -> int:
    """The newest entry, now or at a moment."""
    return newest_entry(at)[0]


def newest_entry(at: datetime | None = None) -> tuple[int, bytes]:
    """Number and hash of the newest entry, now or at a moment; 0 and nothing before the first."""
    entries = LedgerEntry.objects.all()
    if at is not None:
        entries = entries.filter(recorded_at__lte=at)
    found = entries.order_by("-pk").values_list("pk", "hash").first()
    return (0, b"") if found is None else (found[0], bytes(found[1]))


# --- who holds what -----------------------------------------------------------------------------
def shares_at(ticket: CarbonTicket, at: datetime | None = None) -> QuerySet[TicketShare]:
    """The owners with their shares, in the ticket's order."""
    return (
        TicketShare.objects.filter(standing_at(at), ticket=ticket)
        .select_related("party")
        .order_by("place")
    )


def names_at(at: datetime | None) -> dict[int, str]:
    """How parties that were renamed since a moment were called then; none of today."""
    if at is None:
        return {}
    later = FormerName.objects.filter(ended_at__gt=at).order_by("-ended_at")
    return dict(later.values_list("party", "name"))  # Of several the first that ended after it.


def tickets_of(party: Party, at: datetime | None = None) -> QuerySet[CarbonTicket]:
    """The standing tickets that a party (under any name linked to it) owns a share of."""
    shares = TicketShare.objects.filter(standing_at(at), party__in=names_of(party))
    return (
        CarbonTicket.objects.standing(at)
        .filter(pk__in=shares.values("ticket"))
        .order_by("year", "serial")
    )


def own_tickets(user: AnyUser) -> QuerySet[CarbonTicket]:
    """Open tickets of which a party that ``user`` acts for owns a share."""
    shares = TicketShare.objects.filter(
        party__in=parties_acted_for(user), closed_by__isnull=True
    ).values("ticket")
    return (
        CarbonTicket.objects.standing()
        .filter(pk__in=shares)
        .select_related("area_version", "issuance__filing__application__project")
        .order_by("year", "serial")
    )


_SHARES_DUE = """
SELECT due.party, sum(due.numerator)
FROM (SELECT id, registry_successor(party_id, portal_now()) AS party, numerator
      FROM projects_applicationshare WHERE application_id = %s) AS due
GROUP BY due.party ORDER BY min(due.id)
"""


def shares_due(filing: Filing) -> list[tuple[Party, int]]:
    """Who is issued a filing's tonnes: the applicants with their numerators over the application's
    denominator, for a body that merged the one that took its place."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARES_DUE, [filing.application_id])
        rows = cursor.fetchall()
    parties = Party.objects.in_bulk([party for party, _numerator in rows])
    return [(parties[party], int(numerator)) for party, numerator in rows]


def issuable_to(user: AnyUser) -> list[Filing]:
    """Filings of which nothing is issued, and whose tonnes are due to a party that ``user`` acts for."""
    mine = set(parties_acted_for(user).values_list("pk", flat=True))
    return [
        filing
        for filing in unissued_filings_of(with_former_bodies(mine))
        if any(party.pk in mine for party, _numerator in shares_due(filing))
    ]


def succeeding(party: Party) -> Party:
    """The body that a merged one goes on in, or the party itself, under the name that was checked."""
    standing = standing_party(party)
    with connection.cursor() as cursor:
        cursor.execute("SELECT registry_successor(%s, portal_now())", [standing.pk])
        [found] = cursor.fetchone()
    return standing if found == standing.pk else Party.objects.get(pk=found)


def with_successors(parties: Iterable[Party]) -> list[Party]:
    """Each of these parties, and the one in the place of each that has ceased."""
    return list(dict.fromkeys(one for party in parties for one in (party, succeeding(party))))


def successions_of(parties: Iterable[int] | None = None) -> QuerySet[PartySuccession]:
    """Who has ceased with its successor, the newest first; of these parties' (None: everybody's)."""
    found = PartySuccession.objects.select_related("former", "successor", "registration")
    if parties is not None:
        named = list(parties)
        found = found.filter(Q(former__in=named) | Q(successor__in=named))
    return found.order_by("-made_at", "pk")


def unissued_filings_of(parties: Collection[int]) -> QuerySet[Filing]:
    """Filings of which nothing is issued yet, and for which one of the parties applied."""
    theirs = Filing.objects.filter(application__shares__party__in=parties)
    return (
        Filing.objects.filter(issuance__isnull=True, pk__in=theirs.values("pk"))
        .select_related("application__project")
        .order_by("pk")
    )


def with_former_bodies(parties: Iterable[int]) -> set[int]:
    """The keys of these parties and of the bodies that merged into them, step by step."""
    found = set(parties)
    while merged := set(
        PartySuccession.objects.filter(successor__in=found)
        .exclude(former__in=found)
        .values_list("former", flat=True)
    ):
        found |= merged
    return found


def bodies_acted_for(user: AnyUser, scope: Mandate.Scope = Mandate.Scope.VIEW) -> set[int]:
    """The keys of the parties that ``user`` acts for, and of the bodies that merged into them."""
    return with_former_bodies(parties_acted_for(user, scope).values_list("pk", flat=True))


def has_dealt_with(owners: Sequence[Party], party: Party) -> bool:
    """Whether a ticket of one of the owners has passed to ``party`` before."""
    return CarbonTicket.objects.filter(
        shares__party__in=names_of(party), parent__shares__party__in=owners
    ).exists()


def tickets_on(area: ProjectArea, at: datetime | None = None) -> QuerySet[CarbonTicket]:
    """Every ticket that was ever issued on an area's land, up to a moment."""
    found = CarbonTicket.objects.filter(area_version__area=area)
    if at is not None:
        found = found.filter(opened_at__lte=at)
    return found.order_by("year", "serial")


# --- what happened ------------------------------------------------------------------------------
def retired_by(entries: Sequence[LedgerEntry]) -> dict[int, uuid.UUID]:
    """Of the entries that retired kilograms, the offset: its certificate is the act's document."""
    blocks = Block.objects.filter(opened_by__in=entries, state=BlockState.OFFSET)
    return dict(blocks.values_list("opened_by", "because"))


def ordered_by(entries: Sequence[LedgerEntry]) -> dict[int, Cancellation]:
    """Of the entries that cancelled kilograms, the order that says why."""
    causes = {entry.cause: entry.pk for entry in entries if entry.kind == EntryKind.CANCEL}
    found = Cancellation.objects.filter(cause__in=causes)
    return {causes[cancellation.pk]: cancellation for cancellation in found}


def acts_on(ticket: CarbonTicket, at: datetime | None = None) -> QuerySet[LedgerEntry]:
    """Every entry that touched the ticket, the oldest first."""
    touched = (
        Q(blocks_opened__ticket=ticket)
        | Q(blocks_closed__ticket=ticket)
        | Q(tickets_opened=ticket)
        | Q(tickets_closed=ticket)
        | Q(shares_opened__ticket=ticket)
    )
    keys = LedgerEntry.objects.filter(touched, issuance=ticket.issuance_id).values("pk")
    found = LedgerEntry.objects.filter(pk__in=keys)
    if at is not None:
        found = found.filter(recorded_at__lte=at)
    return found.order_by("pk")


@dataclass(frozen=True, slots=True)
class Flow:
    """Kilograms that one act moved from one place (ticket and state) to another.

    ``from_ticket`` is None where they began to be.
    """

    entry: int
    kind: str
    recorded_at: datetime
    article: str
    effective_on: date | None
    document_sha256: bytes | None
    registration: uuid.UUID | None
    from_ticket: uuid.UUID | None
    from_state: str
    to_ticket: uuid.UUID
    to_state: str
    quantity_kg: int


_FLOWS = """
SELECT entry.id, entry.kind, entry.recorded_at, entry.article, entry.effective_on,
       entry.document_sha256, entry.registration, was.ticket_id, coalesce(was.state, ''),
       became.ticket_id, became.state, sum(upper(part) - lower(part))::bigint
FROM registry_ledgerentry AS entry
JOIN registry_block AS became ON became.opened_by_id = entry.id
LEFT JOIN registry_block AS was ON was.closed_by_id = entry.id AND was.kg && became.kg
CROSS JOIN LATERAL (SELECT coalesce(was.kg * became.kg, became.kg) AS part) AS cut
WHERE entry.issuance_id = %(issuance)s
  AND (%(at)s::timestamptz IS NULL OR entry.recorded_at <= %(at)s)
  AND (was.ticket_id, was.state) IS DISTINCT FROM (became.ticket_id, became.state)
GROUP BY entry.id, was.ticket_id, was.state, became.ticket_id, became.state
ORDER BY entry.id, min(lower(part))
"""


def stream_of(issuance: Issuance, at: datetime | None = None) -> list[Flow]:
    """The way of an issuance's kilograms, from issue to today or to a moment, act by act."""
    with connection.cursor() as cursor:
        cursor.execute(_FLOWS, {"issuance": issuance.pk, "at": at})
        return [Flow(*row) for row in cursor.fetchall()]


def issued_with(ticket: CarbonTicket, at: datetime | None = None) -> dict[uuid.UUID, CarbonTicket]:
    """All tickets of its issuance by key, in the order of opening."""
    found = CarbonTicket.objects.filter(issuance=ticket.issuance_id)
    if at is not None:
        found = found.filter(opened_at__lte=at)
    return {one.pk: one for one in found.order_by("opened_by", "year", "serial")}


def family_of(
    ticket: CarbonTicket, tickets: Mapping[uuid.UUID, CarbonTicket]
) -> list[CarbonTicket]:
    """Of ``issued_with``, the ticket, all it comes from and all that came of it, parents first."""
    kin = {ticket.pk}
    above: CarbonTicket | None = ticket
    while above is not None and above.parent_id is not None:
        kin.add(above.parent_id)
        above = tickets.get(above.parent_id)
    below = {ticket.pk}
    for one in tickets.values():  # In the order of opening: a parent comes before its children.
        if one.parent_id in below:
            below.add(one.pk)
    return [one for key, one in tickets.items() if key in kin | below]


# --- work and terms -----------------------------------------------------------------------------
def waiting_registrations(department: Department) -> QuerySet[Registration]:
    """What waits for the department's approver, the oldest first."""
    return (
        Registration.objects.filter(department=department, state=Registration.State.PREPARED)
        .select_related("ticket", "filing", "prepared_by")
        .order_by("prepared_at", "pk")
    )


def settlement_of(objection: LossObjection) -> Registration | None:
    """The registration that settles it, prepared or approved."""
    found = objection.registrations.exclude(state=Registration.State.REJECTED)
    return found.order_by("-pk").first()


def unsettled_objections() -> QuerySet[LossObjection]:
    """What was said against a loss notice and no clerk has taken up yet, the oldest first."""
    taken = Registration.objects.filter(objection=OuterRef("pk")).exclude(
        state=Registration.State.REJECTED
    )
    return (
        LossObjection.objects.filter(~Exists(taken), outcome="")
        .select_related("notice__ticket")
        .order_by("raised_at")
    )


def losses_to_lift() -> QuerySet[FreezeOrder]:
    """Loss notices whose order still lies on the ticket although an objection was upheld."""
    laid = Block.objects.standing().filter(
        ticket=OuterRef("ticket"), freezes__contains=[OuterRef("pk")]
    )
    upheld = LossObjection.Outcome.UPHELD
    return (
        FreezeOrder.objects.filter(Exists(laid), loss_notice__objections__outcome=upheld)
        .select_related("ticket")
        .distinct()
        .order_by("made_at")
    )


def used_up_tickets() -> QuerySet[CarbonTicket]:
    """Open tickets on which nothing live is left: forestry cancels them (article 17)."""
    live = Q(blocks__closed_by__isnull=True, blocks__state__in=["held", "listed", "pledged"])
    return (
        CarbonTicket.objects.standing()
        .exclude(pk__in=CarbonTicket.objects.filter(live).values("pk"))
        .order_by("year", "serial")
    )


def claim_may_end(issuance: Issuance) -> bool:
    """Its land is claimed still although every kilogram of it was cancelled by order."""
    claim = issuance.filing.application.claim
    standing = issuance.blocks.standing()
    return (
        claim is not None
        and claim.ended_at is None
        and standing.exists()
        and not standing.exclude(state=BlockState.CANCELLED).exists()
    )


def pledges_to_remind(until: date) -> QuerySet[Pledge]:
    """Those ending on or before a day whose holder and bank have not been told of this term."""
    told = PledgeReminder.objects.filter(pledge=OuterRef("pk"), ends_on=OuterRef("ends_on"))
    return pledges_ending(until).exclude(Exists(told))


def pledges_ending(until: date) -> QuerySet[Pledge]:
    """Pledges still in force that end on or before a day."""
    return (
        Pledge.objects.filter(ends_on__lte=until, cause__blocks__closed_by__isnull=True)
        .select_related("ticket", "pledgee")
        .distinct()
        .order_by("ends_on")
    )


_PLEDGES_ON = """
WITH RECURSIVE secured (key) AS (
  SELECT because_id FROM registry_block
  WHERE ticket_id = %s AND closed_by_id IS NULL AND state = 'pledged'
  UNION
  SELECT later.cause_id FROM registry_pledge AS later JOIN secured ON later.behind_id = secured.key
)
SELECT key FROM secured
"""


def pledges_on(ticket: CarbonTicket) -> QuerySet[Pledge]:
    """Registered on the ticket, or secured by what stands on it since a correction or reissue, with
    the ranks that wait behind."""
    with connection.cursor() as cursor:
        cursor.execute(_PLEDGES_ON, [ticket.pk])
        keys = [key for (key,) in cursor.fetchall()]
    return (
        Pledge.objects.filter(Q(ticket=ticket) | Q(pk__in=keys))
        .select_related("ticket", "pledgee", "behind")
        .order_by("rank", "made_at")
    )


def changes_shares(registration: Registration) -> bool:
    """Whether a change is of shares, and not of the data behind an owner's name alone (article 10)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT registry_changes_shares(%s)", [registration.pk])
        return bool(cursor.fetchone()[0])


def tickets_securing(pledges: Sequence[Pledge]) -> dict[uuid.UUID, CarbonTicket]:
    """The ticket on which each pledge's kilograms stand now; where none do, the one it was
    registered on."""
    found = {pledge.pk: pledge.ticket for pledge in pledges}
    standing = Block.objects.standing().filter(because__in=list(found)).select_related("ticket")
    return found | {block.because_id: block.ticket for block in standing if block.because_id}


def collateral_reached(registration: Registration) -> int:
    """How many pledged kilograms a court's transfer or an order's freeze takes, were it decided now."""
    if registration.ticket is None or registration.kind not in ("court", "freeze"):
        return 0
    live = [
        piece
        for piece in freest_first(standing_pieces(ticket=registration.ticket.pk))
        if piece.state in LIVE_STATES
    ]
    wanted_kg = registration.quantity_kg or quantity_of(live)
    free_kg = quantity_of(piece for piece in live if piece.state is not BlockState.PLEDGED)
    return max(0, min(wanted_kg, quantity_of(live)) - free_kg)


def pledgees_touched(registration: Registration) -> QuerySet[Party]:
    """Whose collateral the registration's entry moved, froze or freed."""
    blocks = Block.objects.filter(
        state=BlockState.PLEDGED, closed_by__registration=registration.key
    )
    return Party.objects.filter(pledges_held__cause__blocks__in=blocks).distinct()


def outstanding_prints(ticket: CarbonTicket) -> QuerySet[TicketPrint]:
    """Printings that forestry has neither taken in nor marked."""
    return ticket.prints.filter(taken_in__isnull=True).order_by("number")


def marks_due(ticket: CarbonTicket) -> list[tuple[TicketPrint, LedgerEntry]]:
    """Pledges, releases and offsets since a paper was printed, or last seen marked, that are not noted
    on it yet, of each paper that forestry did not keep."""
    prints = list(
        ticket.prints.exclude(taken_in__state=PrintReturn.State.SURRENDERED)
        .select_related("taken_in")
        .prefetch_related("marks")
        .order_by("number")
    )
    if not prints:  # Of most tickets, whose acts may be thousands.
        return []
    oldest = min(printing.as_of_id for printing in prints)
    acts = list(acts_on(ticket).filter(kind__in=MARKED, pk__gt=oldest))
    return [
        (printing, entry)
        for printing in prints
        for entry in acts
        if entry.pk > printing.as_of_id
        and not (hasattr(printing, "taken_in") and entry.recorded_at <= printing.taken_in.taken_at)
        and entry.pk not in {mark.entry_id for mark in printing.marks.all()}
    ]


def orders_in_force(ticket: CarbonTicket) -> list[FreezeOrder]:
    """The freezes that lie on the ticket now."""
    keys: set[uuid.UUID] = set()
    for freezes in ticket.blocks.standing().values_list("freezes", flat=True):
        keys.update(freezes)
    return list(FreezeOrder.objects.filter(pk__in=keys).order_by("made_at"))


def same_owners_tickets(ticket: CarbonTicket) -> list[uuid.UUID]:
    """The ticket and what it was divided into, reissued or corrected as since: nobody bought them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM registry_same_owners_tickets(%s)", [ticket.pk])
        return [key for (key,) in cursor.fetchall()]


def pledged_kg(pledges: Sequence[Pledge], at: datetime | None = None) -> dict[uuid.UUID, int]:
    """What each pledge still holds."""
    length = ExpressionWrapper(Upper("kg") - Lower("kg"), BigIntegerField())
    standing = (
        Block.objects.standing(at)
        .filter(because__in=[pledge.pk for pledge in pledges])
        .values_list("because")
        .annotate(held_kg=Sum(length))
    )
    return {pledge.pk: 0 for pledge in pledges} | dict(standing)


def requests_of(pledges: Sequence[Pledge]) -> dict[uuid.UUID, uuid.UUID]:
    """The key of the request by which each pledge was registered, told by what its row repeats."""
    asked = Registration.objects.filter(
        kind=Registration.Kind.PLEDGE,
        state=Registration.State.APPROVED,
        ticket__in={pledge.ticket_id for pledge in pledges},
    ).values_list("ticket", "pledgee", "external_number", "quantity_kg", "key")
    keys = {tuple(told): key for *told, key in asked}
    return {
        one.pk: key
        for one in pledges
        if (key := keys.get((one.ticket_id, one.pledgee_id, one.external_number, one.quantity_kg)))
    }


def running_notices() -> QuerySet[LossNotice]:
    """Loss notices whose term runs and whose freeze has not been lifted."""
    laid = Block.objects.standing().filter(
        ticket=OuterRef("ticket"), freezes__contains=[OuterRef("order")]
    )
    return (
        LossNotice.objects.filter(Exists(laid), ends_on__gte=today())
        .select_related("ticket")
        .order_by("ends_on")
    )


def days_left(ends_on: date, day: date) -> int:
    """Whole days of a notice that remain, ``day`` included; 0 when it has ended."""
    return max(0, (ends_on - day + timedelta(days=1)).days)


def debts(**wanted: Any) -> QuerySet[Debt]:
    """What orders could not find and project owners owe (domain.md, "Reversal"), the newest first."""
    return (
        Debt.objects.filter(**wanted)
        .select_related("party__succession__successor", "cancellation__issuance__filing")
        .order_by("-made_at", "pk")
    )
