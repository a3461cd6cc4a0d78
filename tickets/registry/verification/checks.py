"""Every guarantee of design.md, derived again from the rows: the first that does not keep it.

A check is one statement that answers at most one row, the text that names the first fault. Most go
over whole tables once; none trusts a constraint or trigger, which a hand may have taken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from portal.journal.queries import verify_journal
from tickets.registry.moves import MOVES
from tickets.registry.verification.guards import missing_guard

_MOVES = ", ".join("(" + ", ".join(f"'{value.value}'" for value in move) + ")" for move in MOVES)


@dataclass(frozen=True, slots=True)
class Check:
    """``code`` names the guarantee that a fault breaks."""

    code: str
    statement: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The first row that does not keep a guarantee."""

    code: str
    row: str


LAND = (
    Check(
        "land_has_one_claim_at_a_time",
        """
        SELECT 'parcels_claim ' || mine.number || ' and ' || theirs.number
        FROM (SELECT *, land_sieve(geom) AS sieve FROM parcels_claim WHERE state = 'live') AS mine
        JOIN parcels_claim AS theirs
          ON theirs.id > mine.id AND theirs.state = 'live' AND theirs.period && mine.period
         AND theirs.geom && mine.geom AND ST_Intersects(mine.sieve, theirs.geom)
        CROSS JOIN LATERAL overlap_parts(mine.geom, theirs.geom, policy_number('overlap.grid_m'),
          policy_number('overlap.sliver_area_m2'), policy_number('overlap.sliver_halfwidth_m'))
          AS part
        WHERE NOT part.is_sliver ORDER BY mine.id LIMIT 1
        """,
    ),
    Check(
        "filed_claim_ends_by_decision_only",
        """
        SELECT 'parcels_claim id=' || claim.id FROM parcels_claim AS claim
        JOIN projects_application AS application ON application.claim_id = claim.id
        JOIN projects_filing AS filing ON filing.application_id = application.id
        JOIN registry_issuance AS issuance ON issuance.filing_id = filing.id
        WHERE claim.filed_at IS NULL OR claim.state = 'ended' AND (
          claim.ended_because <> 'issuance_cancelled' OR EXISTS (
            SELECT FROM registry_block WHERE issuance_id = issuance.id AND closed_by_id IS NULL
              AND state <> 'cancelled'))
        ORDER BY claim.id LIMIT 1
        """,
    ),
    Check(
        "no_two_verified_titles_conflict",
        """
        SELECT 'parcels_verifiedtitle id=' || mine.id || ' and ' || theirs.id
        FROM (SELECT *, land_sieve(geom) AS sieve FROM parcels_verifiedtitle
              WHERE ended_at IS NULL) AS mine
        JOIN parcels_verifiedtitle AS theirs
          ON theirs.id > mine.id AND theirs.ended_at IS NULL AND theirs.kind = mine.kind
         AND theirs.certificate_id <> mine.certificate_id
         AND theirs.geom && mine.geom AND ST_Intersects(mine.sieve, theirs.geom)
        CROSS JOIN LATERAL overlap_parts(mine.geom, theirs.geom, policy_number('overlap.grid_m'),
          policy_number('overlap.sliver_area_m2'), policy_number('overlap.sliver_halfwidth_m'))
          AS part
        WHERE NOT part.is_sliver ORDER BY mine.id LIMIT 1
        """,
    ),
    Check(
        "frozen_shapes_are_valid",
        """
        SELECT row FROM (
          SELECT 'parcels_parcelversion id=' || id AS row, geom, geom_public FROM parcels_parcelversion
          UNION ALL SELECT 'parcels_projectareaversion id=' || id, geom, geom_public
          FROM parcels_projectareaversion) AS shape
        WHERE ST_IsEmpty(geom) OR ST_SRID(geom) <> 4490 OR geom_public IS NULL
           OR NOT ST_IsValid(geom) LIMIT 1
        """,
    ),
)

BLOCKS = (
    Check(
        "nothing_lost_nothing_made",
        """
        WITH opened AS (
          SELECT issuance_id, opened_by_id AS entry, range_agg(kg) AS kg,
                 sum(upper(kg) - lower(kg)) AS total
          FROM registry_block GROUP BY issuance_id, opened_by_id
        ), closed AS (
          SELECT issuance_id, closed_by_id AS entry, range_agg(kg) AS kg,
                 sum(upper(kg) - lower(kg)) AS total
          FROM registry_block WHERE closed_by_id IS NOT NULL GROUP BY issuance_id, closed_by_id
        )
        SELECT 'registry_ledgerentry id=' || coalesce(opened.entry, closed.entry) ||
               ': closed ' || coalesce(closed.kg::text, 'nothing') ||
               ', opened ' || coalesce(opened.kg::text, 'nothing')
        FROM opened FULL JOIN closed USING (issuance_id, entry)
        LEFT JOIN registry_ledgerentry AS first ON first.id = entry AND first.seq = 1
        LEFT JOIN registry_issuance AS issuance ON issuance.id = first.issuance_id
        WHERE opened.kg IS DISTINCT FROM
                coalesce(closed.kg, int8multirange(int8range(0, issuance.quantity_kg)))
           OR opened.total IS DISTINCT FROM coalesce(closed.total, issuance.quantity_kg)
        ORDER BY coalesce(opened.entry, closed.entry) LIMIT 1
        """,
    ),
    Check(
        "one_home_for_every_kilogram",
        """
        SELECT 'registry_block id=' || block.id FROM (
          SELECT id, issuance_id, lower(kg) AS low,
                 coalesce(lag(upper(kg)) OVER standing, 0) AS expected,
                 CASE WHEN lead(id) OVER standing IS NULL THEN upper(kg) END AS ends
          FROM registry_block WHERE closed_by_id IS NULL
          WINDOW standing AS (PARTITION BY issuance_id ORDER BY lower(kg), id)) AS block
        JOIN registry_issuance AS issuance ON issuance.id = block.issuance_id
        WHERE low <> expected OR ends <> issuance.quantity_kg
        ORDER BY block.id LIMIT 1
        """,
    ),
    Check(
        "every_issuance_stands",
        """
        SELECT 'registry_issuance id=' || issuance.id FROM registry_issuance AS issuance
        WHERE NOT EXISTS (SELECT FROM registry_block
                          WHERE issuance_id = issuance.id AND closed_by_id IS NULL)
        ORDER BY issuance.id LIMIT 1
        """,
    ),
    Check(
        "block_closes_after_it_opens",
        """
        SELECT 'registry_block id=' || block.id FROM registry_block AS block
        LEFT JOIN registry_ledgerentry AS opened ON opened.id = block.opened_by_id
        LEFT JOIN registry_ledgerentry AS closed ON closed.id = block.closed_by_id
        LEFT JOIN registry_carbonticket AS ticket ON ticket.key = block.ticket_id
        WHERE opened.issuance_id IS DISTINCT FROM block.issuance_id
           OR ticket.issuance_id IS DISTINCT FROM block.issuance_id
           OR block.opened_at <> opened.recorded_at
           OR block.closed_by_id IS NOT NULL AND (
                closed.issuance_id IS DISTINCT FROM block.issuance_id
                OR block.closed_by_id <= block.opened_by_id
                OR block.closed_at IS DISTINCT FROM closed.recorded_at)
           OR block.closed_by_id IS NULL AND block.closed_at IS NOT NULL
        ORDER BY block.id LIMIT 1
        """,
    ),
    Check(
        "block_stands_for_what_put_it_there",
        """
        SELECT 'registry_block id=' || block.id FROM registry_block AS block
        LEFT JOIN registry_cause AS cause ON cause.key = block.because_id
        WHERE (block.state = 'held') <> (block.because_id IS NULL)
           OR block.because_id IS NOT NULL AND cause.kind IS DISTINCT FROM block.state
           OR block.freezes <> '{}' AND (block.state IN ('offset', 'cancelled') OR EXISTS (
                SELECT FROM unnest(block.freezes) AS laid
                LEFT JOIN registry_freezeorder AS ordered ON ordered.key = laid
                WHERE ordered.issuance_id IS DISTINCT FROM block.issuance_id))
        ORDER BY block.id LIMIT 1
        """,
    ),
    Check(
        "blocks_move_by_the_table",
        f"""
        SELECT 'registry_block id=' || became.id || ': ' || was.state || ' -> ' || became.state ||
               ' by ' || entry.kind
        FROM registry_ledgerentry AS entry
        JOIN registry_block AS became ON became.opened_by_id = entry.id
        JOIN registry_block AS was ON was.closed_by_id = entry.id AND was.kg && became.kg
        JOIN registry_carbonticket AS ticket ON ticket.key = became.ticket_id
        WHERE NOT ((was.ticket_id, was.state, was.freezes)
                     = (became.ticket_id, became.state, became.freezes)
                   AND was.because_id IS NOT DISTINCT FROM became.because_id
                   AND was.state IN ('held', 'listed', 'pledged'))
          AND NOT EXISTS (
            SELECT FROM (VALUES {_MOVES})
              AS move (kind, before, after, ticket, because, freezes)
            WHERE move.kind = entry.kind AND move.before = was.state AND move.after = became.state
              AND (move.ticket = 'same') = (became.ticket_id = was.ticket_id)
              AND (move.ticket = 'same'
                   OR ticket.opened_by_id = entry.id AND ticket.parent_id = was.ticket_id)
              AND CASE move.because
                    WHEN 'none' THEN became.because_id IS NULL
                    WHEN 'kept' THEN became.because_id IS NOT DISTINCT FROM was.because_id
                    WHEN 'made' THEN became.because_id = entry.cause
                    WHEN 'answered' THEN was.because_id = entry.cause AND became.because_id IS NULL
                    ELSE was.because_id = entry.cause AND became.because_id <> entry.cause END
              AND CASE move.freezes
                    WHEN 'free' THEN was.freezes = '{{}}' AND became.freezes = '{{}}'
                    WHEN 'kept' THEN became.freezes = was.freezes
                    WHEN 'dropped' THEN became.freezes = '{{}}'
                    WHEN 'added' THEN became.freezes = was.freezes || entry.freeze_order
                    WHEN 'lifted' THEN became.freezes = array_remove(was.freezes, entry.freeze_order)
                      AND became.freezes <> was.freezes
                    ELSE was.freezes = ARRAY[entry.freeze_order] AND became.freezes = '{{}}' END)
        ORDER BY became.id LIMIT 1
        """,
    ),
    Check(
        "ticket_is_open",
        """
        SELECT 'registry_carbonticket ' || ticket.number FROM registry_carbonticket AS ticket
        JOIN registry_block AS block ON block.ticket_id = ticket.key
        WHERE ticket.closed_by_id IS NOT NULL AND block.state IN ('held', 'listed', 'pledged')
          AND (block.closed_by_id IS NULL OR block.closed_by_id > ticket.closed_by_id)
           OR block.opened_by_id < ticket.opened_by_id
        ORDER BY ticket.year, ticket.serial LIMIT 1
        """,
    ),
)

TICKETS = (
    Check(
        "issued_at_most_what_was_signed",
        """
        SELECT 'registry_issuance id=' || issuance.id FROM registry_issuance AS issuance
        JOIN projects_filing AS filing ON filing.id = issuance.filing_id
        WHERE issuance.quantity_kg > filing.quantity_kg OR issuance.quantity_kg <= 0
        ORDER BY issuance.id LIMIT 1
        """,
    ),
    Check(
        "ticket_numbers_have_no_gap",
        """
        SELECT 'registry_carbonticket ' || number FROM (
          SELECT number, year, serial, opened_at,
                 row_number() OVER (PARTITION BY year ORDER BY serial) AS place
          FROM registry_carbonticket) AS ticket
        WHERE serial <> place OR number <> registry_ticket_number(year, serial)
           OR year <> extract(year FROM opened_at AT TIME ZONE 'Asia/Shanghai')
        ORDER BY year, serial LIMIT 1
        """,
    ),
    Check(
        "ticket_counter_is_the_last_number",
        """
        SELECT 'registry_ticketcounter ' || year FROM (
          SELECT year, max(serial) AS last FROM registry_carbonticket GROUP BY year) AS drawn
        FULL JOIN registry_ticketcounter AS counter USING (year)
        WHERE drawn.last IS DISTINCT FROM counter.last ORDER BY year LIMIT 1
        """,
    ),
    Check(
        "ticket_land_and_report_never_change",
        """
        SELECT 'registry_carbonticket ' || ticket.number FROM registry_carbonticket AS ticket
        JOIN registry_issuance AS issuance ON issuance.id = ticket.issuance_id
        JOIN projects_filing AS filing ON filing.id = issuance.filing_id
        LEFT JOIN registry_carbonticket AS parent ON parent.key = ticket.parent_id
        JOIN registry_ledgerentry AS opened ON opened.id = ticket.opened_by_id
        WHERE ticket.area_version_id <> filing.area_version_id
           OR ticket.uniqueness_report_id <> filing.uniqueness_report_id
           OR (ticket.parent_id IS NULL) <> (opened.kind = 'issue')
           OR parent.issuance_id <> ticket.issuance_id
           OR opened.issuance_id <> ticket.issuance_id
        ORDER BY ticket.year, ticket.serial LIMIT 1
        """,
    ),
    Check(
        "ticket_codes_are_as_journalled",
        """
        SELECT 'registry_carbonticket ' || opened.number || ' by entry ' || entry.id
        FROM (SELECT opened_by_id, min(ticket.number) AS number, encode(sha256(convert_to(
                string_agg(code, ' ' ORDER BY ticket.number), 'UTF8')), 'hex') AS codes,
                -- Of tickets from before entries bound their codes (migration 0038).
                bool_and(coalesce(event.facts ->> 'sha256', '')
                         = encode(sha256(convert_to(code, 'UTF8')), 'hex')) AS each_bound
              FROM registry_carbonticket AS ticket
              LEFT JOIN journal_event AS event
                ON event.subject_kind = 'ticket_code' AND event.subject_key = ticket.key::text
               AND event.verb = 'bound' AND event.seq = 1
              GROUP BY opened_by_id) AS opened
        JOIN registry_ledgerentry AS entry ON entry.id = opened.opened_by_id
        JOIN registry_issuance AS issuance ON issuance.id = entry.issuance_id
        JOIN journal_event AS event ON event.subject_kind = 'issuance'
         AND event.subject_key = issuance.key::text AND event.seq = entry.seq
        WHERE CASE WHEN event.facts ? 'codes' THEN event.facts ->> 'codes' <> opened.codes
              ELSE NOT opened.each_bound END
        ORDER BY entry.id LIMIT 1
        """,
    ),
    Check(
        "issued_to_the_applicants",
        """
        SELECT 'registry_ledgerentry id=' || entry.id FROM registry_ledgerentry AS entry
        WHERE entry.kind = 'issue' AND registry_issued_to_others(entry) ORDER BY entry.id LIMIT 1
        """,
    ),
    Check(
        "ticket_shares_sum_to_the_whole",
        """
        SELECT 'registry_carbonticket ' || ticket.number || ' by entry ' || written.entry
        FROM registry_carbonticket AS ticket
        JOIN (SELECT DISTINCT ticket_id, opened_by_id AS entry FROM registry_ticketshare
              UNION SELECT key, opened_by_id FROM registry_carbonticket) AS written
          ON written.ticket_id = ticket.key
        LEFT JOIN registry_ticketshare AS share
          ON share.ticket_id = ticket.key AND share.opened_by_id <= written.entry
         AND (share.closed_by_id IS NULL OR share.closed_by_id > written.entry)
        GROUP BY ticket.key, written.entry
        HAVING coalesce(sum(share.numerator), 0) <> ticket.share_denominator
            OR min(share.numerator) <= 0
        ORDER BY ticket.year, ticket.serial LIMIT 1
        """,
    ),
)

# Table, kind of subject in the journal, its key, and the columns that the journal binds when a row is
# written (migration 0029).
JOURNALLED = (
    ("registry_pledge", "pledge", "cause_id",
     "cause_id,ticket_id,pledgee_id,rank,behind_id,quantity_kg,amount_fen,begins_on,ends_on,"
     "external_number"),
    ("registry_freezeorder", "freeze_order", "key",
     "key,kind,issuance_id,ticket_id,quantity_kg,authority,document_number"),
    ("registry_cancellation", "cancellation", "cause_id",
     "cause_id,number,issuance_id,reason,ordered_kg,cancelled_kg,authority,document_number"),
    ("registry_debt", "debt", "key", "key,cancellation_id,party_id,quantity_kg"),
    ("registry_partysuccession", "succession", "former_id",
     "former_id,successor_id,effective_on,document_number"),
    ("registry_facesignature", "face_signature", "ticket_id",
     "ticket_id,quantity_kg,issued_on,algorithm,key_id,signature"),
)  # fmt: skip
_STANDING_GROUNDS = " UNION ALL ".join(
    f"SELECT '{table} ' || {key} AS row, '{kind}' AS kind, {key}::text AS key, "
    f"registry_ground_sha256(to_jsonb(ground), '{{{names}}}') AS sha256 FROM {table} AS ground"
    for table, kind, key, names in JOURNALLED
)

GROUNDS = (
    Check(
        "grounds_are_as_journalled",
        f"""
        SELECT coalesce(ground.row, event.subject_kind || ' ' || event.subject_key)
        FROM ({_STANDING_GROUNDS}) AS ground
        FULL JOIN (SELECT * FROM journal_event
                   WHERE verb = 'bound' AND subject_kind <> 'ticket_code') AS event
          ON event.subject_kind = ground.kind AND event.subject_key = ground.key
        WHERE event.facts ->> 'sha256' IS DISTINCT FROM ground.sha256 ORDER BY 1 LIMIT 1
        """,
    ),
    Check(
        "succession_is_registered",
        """
        SELECT row FROM (
          SELECT 'registry_partysuccession former=' || former_id AS row
          FROM registry_partysuccession AS passed
          WHERE NOT EXISTS (
            SELECT FROM registry_registration AS wanted
            -- Those of before name none: the merger of their number said it.
            WHERE wanted.id = coalesce(passed.registration_id, wanted.id)
              AND registry_says_succession(wanted, passed))
          UNION ALL
          SELECT 'registry_registration id=' || wanted.id FROM registry_registration AS wanted
          WHERE wanted.kind = 'succession' AND wanted.state = 'approved' AND NOT EXISTS (
            SELECT FROM registry_partysuccession WHERE registration_id = wanted.id)) AS fault
        ORDER BY 1 LIMIT 1
        """,
    ),
    Check(
        "nobody_succeeds_in_a_circle",
        """
        WITH RECURSIVE line (began, party) AS (
          SELECT former_id, successor_id FROM registry_partysuccession
          UNION
          SELECT began, successor_id FROM line
          JOIN registry_partysuccession ON former_id = party)
        SELECT 'registry_partysuccession former=' || began FROM line
        WHERE began = party ORDER BY began LIMIT 1
        """,
    ),
    Check(
        "every_owner_agreed",
        """
        SELECT 'registry_ledgerentry id=' || entry.id FROM registry_ledgerentry AS entry
        JOIN registry_registration AS wanted ON wanted.key = entry.registration
         AND wanted.kind IN (
           'sale', 'gift', 'company_division', 'divide', 'pledge', 'change', 'renumber')
        JOIN registry_ticketshare AS share
          ON share.ticket_id = wanted.ticket_id AND share.opened_by_id < entry.id
         AND (share.closed_by_id IS NULL OR share.closed_by_id >= entry.id)
        WHERE NOT EXISTS (SELECT FROM registry_consent
                          WHERE registration_id = wanted.id AND party_id = share.party_id)
          -- Of a new name alone, whose it is.
          AND (wanted.renamed_id IS NULL OR share.party_id = wanted.renamed_id
               OR entry.kind <> 'change' OR EXISTS (
                 SELECT party_id, numerator FROM registry_ticketshare WHERE opened_by_id = entry.id
                 EXCEPT
                 SELECT party_id, numerator FROM registry_ticketshare WHERE closed_by_id = entry.id))
        ORDER BY entry.id LIMIT 1
        """,
    ),
    Check(
        "acts_are_what_was_asked",
        """
        SELECT 'registry_ledgerentry id=' || entry.id FROM registry_ledgerentry AS entry
        WHERE kind NOT IN ('list', 'unlist', 'trade', 'offset')
          AND registry_departs_from_request(entry) ORDER BY entry.id LIMIT 1
        """,
    ),
    Check(
        "later_ranks_are_asked_for",
        """
        SELECT 'registry_pledge ' || pledge.cause_id FROM registry_pledge AS pledge
        WHERE pledge.behind_id IS NOT NULL AND NOT EXISTS (
          SELECT FROM registry_registration AS wanted
          WHERE wanted.kind = 'pledge' AND wanted.state = 'approved'
            AND (wanted.ticket_id, wanted.pledge_id, wanted.pledgee_id, wanted.quantity_kg,
                 wanted.external_number)
              = (pledge.ticket_id, pledge.behind_id, pledge.pledgee_id, pledge.quantity_kg,
                 pledge.external_number)
            AND NOT EXISTS (
              SELECT FROM registry_ticketshare AS share
              WHERE share.ticket_id = wanted.ticket_id AND share.opened_at <= wanted.decided_at
                AND coalesce(share.closed_at, 'infinity') > wanted.decided_at AND NOT EXISTS (
                  SELECT FROM registry_consent
                  WHERE registration_id = wanted.id AND party_id = share.party_id)))
        ORDER BY pledge.cause_id LIMIT 1
        """,
    ),
    Check(
        "pledges_hold_what_was_registered",
        """
        SELECT 'registry_pledge ' || cause_id FROM registry_pledge
        WHERE CASE WHEN behind_id IS NULL THEN registry_entered_kg(cause_id) <> quantity_kg
              ELSE registry_entered_kg(cause_id) > quantity_kg END
        ORDER BY cause_id LIMIT 1
        """,
    ),
    Check(
        "ordered_is_cancelled_or_owed",
        """
        SELECT 'registry_cancellation ' || number FROM registry_cancellation AS ordered
        WHERE ordered_kg - cancelled_kg <> (
                SELECT coalesce(sum(quantity_kg), 0) FROM registry_debt
                WHERE cancellation_id = ordered.cause_id)
           OR cancelled_kg <> (
                SELECT coalesce(sum(upper(kg) - lower(kg)), 0) FROM registry_block
                WHERE because_id = ordered.cause_id AND closed_by_id IS NULL)
        ORDER BY number LIMIT 1
        """,
    ),
    Check(
        "cancellations_are_asked_for",
        """
        SELECT 'registry_cancellation ' || number FROM registry_cancellation AS ordered
        WHERE registry_ordered_by_nobody(ordered) ORDER BY number LIMIT 1
        """,
    ),
)

CHAINS = (
    Check(
        "entries_are_chained",
        """
        SELECT 'registry_ledgerentry id=' || id FROM (
          SELECT entry.*, issuance.key AS issuance_key,
                 row_number() OVER chained AS place,
                 lag(entry.id) OVER chained AS id_before,
                 lag(entry.recorded_at) OVER chained AS moment_before,
                 coalesce(lag(entry.hash) OVER chained, decode(repeat('00', 32), 'hex')) AS before
          FROM registry_ledgerentry AS entry
          JOIN registry_issuance AS issuance ON issuance.id = entry.issuance_id
          WINDOW chained AS (PARTITION BY entry.issuance_id ORDER BY entry.seq)) AS chain
        WHERE seq <> place OR previous_hash <> before OR id <= id_before
           OR recorded_at <= moment_before OR recorded_at > portal_now()
           OR hash <> registry_entry_hash(before, issuance_key, seq, id, kind, recorded_at,
                actor_key, article, effective_on, answers_id, cause, freeze_order, registration,
                document_sha256, content)
        ORDER BY id LIMIT 1
        """,
    ),
    Check(
        "heads_are_the_last_entries",
        """
        SELECT 'registry_ledgerhead issuance=' || coalesce(head.issuance_id, tail.issuance_id)
        FROM registry_ledgerhead AS head
        FULL JOIN (SELECT DISTINCT ON (issuance_id) issuance_id, seq, hash, recorded_at
                   FROM registry_ledgerentry ORDER BY issuance_id, seq DESC) AS tail
          ON tail.issuance_id = head.issuance_id
        WHERE (head.seq, head.hash, head.recorded_at)
                IS DISTINCT FROM (tail.seq, tail.hash, tail.recorded_at)
        LIMIT 1
        """,
    ),
    Check(
        "every_entry_is_in_the_journal",
        """
        SELECT 'registry_ledgerentry id=' || coalesce(entry.id::text, event.facts ->> 'entry')
        FROM (SELECT entry.id, entry.seq, entry.kind, entry.hash, issuance.key::text AS key
              FROM registry_ledgerentry AS entry
              JOIN registry_issuance AS issuance ON issuance.id = entry.issuance_id) AS entry
        FULL JOIN (SELECT * FROM journal_event WHERE subject_kind = 'issuance') AS event
          ON event.subject_key = entry.key AND event.seq = entry.seq
        WHERE event.facts ->> 'hash' IS DISTINCT FROM encode(entry.hash, 'hex')
           OR event.verb IS DISTINCT FROM entry.kind
        ORDER BY entry.id LIMIT 1
        """,
    ),
    Check(
        "every_request_key_has_its_answer",
        "SELECT 'base_idempotencykey id=' || id FROM base_idempotencykey "
        "WHERE answer IS NULL ORDER BY id LIMIT 1",
    ),
)

CHECKS = (*LAND, *BLOCKS, *TICKETS, *GROUNDS, *CHAINS)
_LATER: dict[str, Check] = {}


def register_check(check: Check) -> None:
    """A later stage's own, named in its ``AppConfig.ready``; the last of a code stands."""
    _LATER[check.code] = check


def all_checks() -> tuple[Check, ...]:
    """The register's own and those of the later stages."""
    return (*CHECKS, *_LATER.values())


def find_faults(progress: Callable[[str], object]) -> Iterator[Fault]:
    """The first fault of each kind."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        for check in all_checks():
            progress(check.code)
            cursor.execute(check.statement)
            if row := cursor.fetchone():
                yield Fault(check.code, str(row[0]))
        if missing := missing_guard(cursor):
            yield Fault("guards_are_at_work", missing)
        cursor.execute("SELECT * FROM registry_moves()")
        if cursor.fetchall() != [tuple(value.value for value in move) for move in MOVES]:
            yield Fault("guards_are_at_work", "registry_moves()")
    progress("journal")
    for text in verify_journal().faults:
        yield Fault("journal_is_whole", text)
