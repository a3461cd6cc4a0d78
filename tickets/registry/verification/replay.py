"""The register built again from the entries alone, in the session's own empty schema, and compared.

Nothing but the entries' content is read: blocks, shares, tickets, sums by state and the claims that
issuances stand on must come out as the tables say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db import connection

from tickets.registry.verification.checks import Check, Fault

BUILD = (
    """
    CREATE TEMP TABLE replayed_event ON COMMIT DROP AS
    SELECT issuance_id, id AS entry, recorded_at, 1 AS turn, (said -> 'kg' ->> 0)::bigint AS low,
           (said -> 'kg' ->> 1)::bigint AS high, (said ->> 'ticket')::uuid AS ticket,
           said ->> 'state' AS state, (said ->> 'because')::uuid AS because,
           coalesce(said -> 'freezes', '[]') AS freezes
    FROM registry_ledgerentry, jsonb_array_elements(content -> 'opens') AS said
    UNION ALL
    SELECT issuance_id, id, recorded_at, 0, (said ->> 0)::bigint, (said ->> 1)::bigint, NULL, NULL,
           NULL, NULL
    FROM registry_ledgerentry, jsonb_array_elements(content -> 'closes') AS said
    """,
    # A range opens, closes, and may open again: each opening's closing is the next event of its
    # range, within one entry the closing first.
    """
    CREATE TEMP TABLE replayed_block ON COMMIT DROP AS
    SELECT issuance_id, low, high, ticket, state, because,
           ARRAY(SELECT jsonb_array_elements_text(freezes)::uuid) AS freezes, entry AS opened_by,
           recorded_at AS opened_at, next_entry AS closed_by, next_moment AS closed_at
    FROM (SELECT *, lead(entry) OVER course AS next_entry, lead(recorded_at) OVER course AS next_moment,
                 lead(turn) OVER course AS next_turn
          FROM replayed_event
          WINDOW course AS (PARTITION BY issuance_id, low, high ORDER BY entry, turn)) AS event
    WHERE turn = 1 AND coalesce(next_turn, 0) = 0
    """,
    """
    CREATE TEMP TABLE replayed_ticket ON COMMIT DROP AS
    SELECT opened.issuance_id, (said ->> 'key')::uuid AS key, said ->> 'number' AS number,
           (said ->> 'denominator')::int AS denominator, (said ->> 'parent')::uuid AS parent,
           opened.id AS opened_by, closed.entry AS closed_by, coalesce(closed.because, '') AS because,
           opened.recorded_at AS opened_at, closed.recorded_at AS closed_at
    FROM registry_ledgerentry AS opened, jsonb_array_elements(content -> 'tickets') AS said
    LEFT JOIN (SELECT (shut ->> 'ticket')::uuid AS ticket, shut ->> 'because' AS because, id AS entry,
                      recorded_at
               FROM registry_ledgerentry, jsonb_array_elements(content -> 'closed') AS shut) AS closed
      ON closed.ticket = (said ->> 'key')::uuid
    """,
    """
    CREATE TEMP TABLE replayed_share ON COMMIT DROP AS
    SELECT ticket, (pair ->> 0)::uuid AS party, place, (pair ->> 1)::int AS numerator, entry AS opened_by,
           closed_by, opened_at, closed_at
    FROM (SELECT ticket, shares, entry, opened_at, lead(entry) OVER written AS closed_by,
                 lead(opened_at) OVER written AS closed_at
          FROM (SELECT (said ->> 'key')::uuid AS ticket, said -> 'shares' AS shares, id AS entry,
                       recorded_at AS opened_at
                FROM registry_ledgerentry, jsonb_array_elements(content -> 'tickets') AS said
                UNION ALL
                SELECT (said ->> 'ticket')::uuid, said -> 'shares', id, recorded_at
                FROM registry_ledgerentry, jsonb_array_elements(content -> 'shares') AS said) AS list
          WINDOW written AS (PARTITION BY ticket ORDER BY entry)) AS course,
         jsonb_array_elements(shares) WITH ORDINALITY AS share (pair, place)
    """,
)


def _differs(code: str, table: str, built: str, kept: str, key: str) -> Check:
    """The first row that only one side has."""
    return Check(
        code,
        f"""
        SELECT side || ' {table} ' || {key} FROM (
          SELECT 'only in' AS side, kept.* FROM ({kept} EXCEPT ALL {built}) AS kept
          UNION ALL SELECT 'missing in', built.* FROM ({built} EXCEPT ALL {kept}) AS built) AS odd
        ORDER BY {key} LIMIT 1
        """,
    )


COMPARE = (
    _differs(
        "replayed_blocks_are_the_blocks",
        "registry_block",
        "SELECT issuance_id, low, high, ticket, state::varchar, because, freezes, opened_by, opened_at, "
        "closed_by, closed_at FROM replayed_block",
        "SELECT issuance_id, lower(kg) AS low, upper(kg) AS high, ticket_id AS ticket, state, "
        "because_id AS because, freezes, opened_by_id AS opened_by, opened_at, closed_by_id AS closed_by, "
        "closed_at FROM registry_block",
        "'issuance=' || issuance_id || ' kg=[' || low || ',' || high || ') opened_by=' || opened_by",
    ),
    _differs(
        "replayed_tickets_are_the_tickets",
        "registry_carbonticket",
        "SELECT issuance_id, key, number::varchar, denominator, parent, opened_by, closed_by, "
        "because::varchar, opened_at, closed_at FROM replayed_ticket",
        "SELECT issuance_id, key, number, share_denominator AS denominator, parent_id AS parent, "
        "opened_by_id AS opened_by, closed_by_id AS closed_by, closed_because AS because, opened_at, "
        "closed_at FROM registry_carbonticket",
        "number",
    ),
    _differs(
        "replayed_shares_are_the_shares",
        "registry_ticketshare",
        "SELECT ticket, party, place::int, numerator, opened_by, closed_by, opened_at, closed_at "
        "FROM replayed_share",
        "SELECT ticket_id AS ticket, party.key AS party, place, numerator, opened_by_id AS opened_by, "
        "closed_by_id AS closed_by, opened_at, closed_at FROM registry_ticketshare "
        "JOIN accounts_party AS party ON party.id = party_id",
        "'ticket=' || ticket || ' opened_by=' || opened_by",
    ),
    _differs(
        "replayed_sums_are_the_sums",
        "sums of ticket",
        "SELECT ticket, state::varchar, sum(high - low) AS total FROM replayed_block "
        "WHERE closed_by IS NULL GROUP BY ticket, state",
        "SELECT ticket_id AS ticket, state, sum(upper(kg) - lower(kg)) AS total FROM registry_block "
        "WHERE closed_by_id IS NULL GROUP BY ticket_id, state",
        "ticket || ' ' || state",
    ),
    _differs(
        "replayed_claims_are_the_claims",
        "claims of issuance",
        "SELECT issuance_id, (content ->> 'filing')::uuid AS filing, (content ->> 'claim')::uuid AS claim, "
        "(content ->> 'kg')::bigint AS kg FROM registry_ledgerentry WHERE kind = 'issue'",
        "SELECT issuance.id AS issuance_id, filing.key AS filing, claim.key AS claim, "
        "issuance.quantity_kg AS kg FROM registry_issuance AS issuance "
        "JOIN projects_filing AS filing ON filing.id = issuance.filing_id "
        "JOIN projects_application AS application ON application.id = filing.application_id "
        "JOIN parcels_claim AS claim ON claim.id = application.claim_id AND claim.filed_at IS NOT NULL",
        "issuance_id::text",
    ),
)


def find_differences(progress: Callable[[str], object]) -> Iterator[Fault]:
    """Rebuild, then the first difference of each kind. Call it inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        for statement in BUILD:
            progress("replay")
            cursor.execute(statement)
        for check in COMPARE:
            progress(check.code)
            cursor.execute(check.statement)
            if row := cursor.fetchone():
                yield Fault(check.code, str(row[0]))
