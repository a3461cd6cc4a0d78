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
