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
    JOIN registry_ticketshare AS share
      ON share.ticket_id = certificate.ticket_id AND share.opened_by_id < entry.id
     AND (share.closed_by_id IS NULL OR share.closed_by_id > entry.id)
    WHERE entry.kind = 'offset' AND NOT EXISTS (
      SELECT FROM offsets_offsetconsent
      WHERE request_id = certificate.request_id AND party_id = share.party_id)
    ORDER BY entry.id LIMIT 1
    """,
)
# The text that the bureau signed (``signing.content_of``) put together again: sorted keys, no spaces.
SIGNED = Check(
    "certificates_are_as_signed",
    """
    SELECT 'offsets_offset ' || certificate.number FROM offsets_offset AS certificate
    JOIN offsets_beneficiary AS beneficiary ON beneficiary.id = certificate.beneficiary_id
    JOIN accounts_user AS signer ON signer.id = certificate.signed_by_id
    JOIN registry_ledgerentry AS entry
      ON entry.id = (SELECT min(opened_by_id) FROM registry_block
                     WHERE because_id = certificate.cause_id AND state = 'offset')
    CROSS JOIN LATERAL (SELECT signed_at AT TIME ZONE 'Asia/Shanghai' AS signed_at) AS city
    CROSS JOIN LATERAL (
      SELECT '{' || string_agg(to_json(name) || ':' || to_json(said), ',' ORDER BY name COLLATE "C")
             || '}' AS content
      FROM (VALUES
        ('form', 'yining-offset/1'), ('number', certificate.number), ('code', certificate.code),
        ('ticket', certificate.ticket_id::text), ('cause', certificate.cause_id::text),
        ('quantity_kg', certificate.quantity_kg::text), ('purpose', certificate.purpose),
        ('beneficiary', beneficiary.key::text), ('year', coalesce(certificate.year::text, '')),
        ('event', certificate.event_name), ('place', certificate.place),
        ('begins_on', coalesce(certificate.begins_on::text, '')),
        ('ends_on', coalesce(certificate.ends_on::text, '')),
        ('headcount', coalesce(certificate.headcount::text, '')),
        ('authority', certificate.authority), ('document_number', certificate.document_number),
        ('signed_by', signer.key::text),
        ('signed_at', to_char(city.signed_at, 'YYYY-MM-DD"T"HH24:MI:SS') || CASE
           WHEN city.signed_at = date_trunc('second', city.signed_at) THEN ''
           ELSE to_char(city.signed_at, '.US') END || '+08:00')) AS fact (name, said)) AS signed
    WHERE certificate.content_sha256 <> encode(sha256(convert_to(signed.content, 'UTF8')), 'hex')
       -- By which the ledger's chain holds it.
       OR encode(entry.document_sha256, 'hex') <> certificate.content_sha256
    ORDER BY certificate.number LIMIT 1
    """,
)
