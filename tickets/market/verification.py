"""What ``verify_register`` asks of listings and trades."""

from __future__ import annotations

from tickets.registry.verification.checks import Check

ASKED = Check(
    "every_owner_asked_for_the_listing",
    """
    SELECT 'registry_ledgerentry id=' || entry.id FROM registry_ledgerentry AS entry
    JOIN registry_block AS listed ON listed.opened_by_id = entry.id AND listed.because_id = entry.cause
    JOIN registry_ticketshare AS share
      ON share.ticket_id = listed.ticket_id AND share.opened_by_id < entry.id
     AND (share.closed_by_id IS NULL OR share.closed_by_id > entry.id)
    LEFT JOIN market_listing AS listing ON listing.cause_id = entry.cause
    WHERE entry.kind = 'list'
      AND (listing.ticket_id IS DISTINCT FROM listed.ticket_id
           OR listing.quantity_kg <> (
             SELECT sum(upper(kg) - lower(kg)) FROM registry_block
             WHERE opened_by_id = entry.id AND because_id = entry.cause)
           OR NOT EXISTS (
             SELECT FROM accounts_mandate AS mandate
             WHERE mandate.user_id = listing.asked_by_id AND mandate.party_id = share.party_id
               AND mandate.scope IN ('all', 'dispose')
               AND coalesce(mandate.quantity_kg_max, listing.quantity_kg) >= listing.quantity_kg
               AND mandate.given_at <= listing.asked_at
               AND coalesce(mandate.ended_at, 'infinity') > listing.asked_at
               AND (listing.asked_at AT TIME ZONE 'Asia/Shanghai')::date
                   BETWEEN mandate.valid_from AND coalesce(mandate.valid_to, 'infinity')))
    ORDER BY entry.id LIMIT 1
    """,
)
SETTLED = Check(
    "trades_are_what_was_agreed",
    """
    SELECT 'registry_ledgerentry id=' || entry.id FROM registry_ledgerentry AS entry
    WHERE kind = 'trade' AND market_trades_otherwise(entry) ORDER BY entry.id LIMIT 1
    """,
)
