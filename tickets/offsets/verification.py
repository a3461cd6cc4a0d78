"""What ``verify_register`` asks of certificates and of what was retired."""

from __future__ import annotations

from tickets.registry.verification.checks import Check

RETIRED = Check(
    "nothing_is_retired_without_a_certificate",
    """
    SELECT 'registry_block id=' || block.id FROM registry_block AS block
    WHERE state = 'offset'
      AND NOT EXISTS (SELECT FROM offsets_offset WHERE cause_id = block.because_id)
    ORDER BY block.id LIMIT 1
    """,
)
CERTIFICATES = Check(
    "certificate_is_what_was_retired",
    """
    SELECT 'offsets_offset ' || number FROM offsets_offset AS offset_
    WHERE quantity_kg IS DISTINCT FROM (
      SELECT sum(upper(kg) - lower(kg)) FROM registry_block
      WHERE because_id = offset_.cause_id AND closed_by_id IS NULL AND state = 'offset'
        AND ticket_id = offset_.ticket_id)
    ORDER BY number LIMIT 1
    """,
)
AGREED = Check(
    "every_owner_agreed_to_the_offset",
    """
    SELECT 'registry_ledgerentry id=' || entry.id FROM registry_ledgerentry AS entry
    JOIN offsets_offset AS certificate ON certificate.cause_id = entry.cause
    JOIN registry_carbonticket AS ticket ON ticket.key = certificate.ticket_id
    JOIN registry_ticketshare AS share
      ON share.ticket_id = ticket.key AND share.opened_by_id < entry.id
     AND (share.closed_by_id IS NULL OR share.closed_by_id > entry.id)
    WHERE entry.kind = 'offset'
      -- Without a request nobody is asked: only of what one owns alone.
      AND CASE WHEN certificate.request_id IS NULL THEN share.numerator < ticket.share_denominator
          ELSE NOT EXISTS (SELECT FROM offsets_offsetconsent
                           WHERE request_id = certificate.request_id AND party_id = share.party_id) END
    ORDER BY entry.id LIMIT 1
    """,
)
