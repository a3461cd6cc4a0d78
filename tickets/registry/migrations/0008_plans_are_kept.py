"""Functions that each entry calls keep their plans: a SQL function was planned anew by every call."""

from django.db import migrations

FUNCTIONS = """
CREATE OR REPLACE FUNCTION registry_wrong_move(entry bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN RETURN (
  SELECT was.state || ' -> ' || became.state || ' by ' || entry.kind
  FROM registry_ledgerentry AS entry
  JOIN registry_block AS became ON became.opened_by_id = entry.id
  JOIN registry_block AS was ON was.closed_by_id = entry.id AND was.kg && became.kg
  JOIN registry_carbonticket AS ticket ON ticket.key = became.ticket_id
  LEFT JOIN registry_cause AS cause ON cause.key = became.because_id
  WHERE entry.id = $1
    AND (cause.kind <> became.state
    OR NOT ((was.ticket_id, was.state, was.freezes) = (became.ticket_id, became.state, became.freezes)
            AND was.because_id IS NOT DISTINCT FROM became.because_id
            AND was.state IN ('held', 'listed', 'pledged'))
    AND NOT EXISTS (
      SELECT FROM registry_moves() AS move
      WHERE move.kind = entry.kind AND move.before = was.state AND move.after = became.state
        AND CASE move.ticket
              WHEN 'same' THEN became.ticket_id = was.ticket_id
              ELSE ticket.opened_by_id = entry.id AND ticket.parent_id = was.ticket_id END
        AND CASE move.because
              WHEN 'none' THEN became.because_id IS NULL
              WHEN 'kept' THEN became.because_id IS NOT DISTINCT FROM was.because_id
              WHEN 'made' THEN became.because_id = entry.cause
              WHEN 'answered' THEN was.because_id = entry.cause AND became.because_id IS NULL
              ELSE was.because_id = entry.cause AND became.because_id <> entry.cause END
        AND CASE move.freezes
              WHEN 'free' THEN was.freezes = '{}' AND became.freezes = '{}'
              WHEN 'kept' THEN became.freezes = was.freezes
              WHEN 'dropped' THEN became.freezes = '{}'
              WHEN 'added' THEN NOT entry.freeze_order = ANY(was.freezes)
                            AND became.freezes = was.freezes || entry.freeze_order
              WHEN 'lifted' THEN entry.freeze_order = ANY(was.freezes)
                             AND became.freezes = array_remove(was.freezes, entry.freeze_order)
              ELSE was.freezes = ARRAY[entry.freeze_order] AND became.freezes = '{}' END))
  LIMIT 1);
END $$;

CREATE OR REPLACE FUNCTION registry_new_code() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
BEGIN RETURN (
  SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
                           substring(bits FROM at * 5 + 1 FOR 5)::int + 1, 1), '' ORDER BY at)
  FROM (SELECT B'00' || ('x' || substr(encode(sha256(
          uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 32))::bit(128)
        AS bits) AS drawn, generate_series(0, 25) AS at);
END $$;

CREATE OR REPLACE FUNCTION registry_entry_hash(previous bytea, issuance uuid, seq int, id bigint, kind text,
  recorded_at timestamptz, actor_key uuid, article text, effective_on date, answers bigint,
  cause uuid, freeze_order uuid, registration uuid, document_sha256 bytea, content jsonb) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN RETURN (
  SELECT sha256(previous || convert_to(string_agg(octet_length(part) || ':' || part, '' ORDER BY at),
                                       'UTF8'))
  FROM unnest(ARRAY[
    issuance::text, seq::text, id::text, kind,
    ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text, coalesce(actor_key::text, '-'), article,
    coalesce(to_char(effective_on, 'YYYY-MM-DD'), '-'), coalesce(answers::text, '-'),
    coalesce(cause::text, '-'), coalesce(freeze_order::text, '-'), coalesce(registration::text, '-'),
    coalesce(encode(document_sha256, 'hex'), '-'), content::text
  ]) WITH ORDINALITY AS parts (part, at));
END $$;
"""

EFFECT = """
-- As before; parents, land, reports and parties are looked up by their keys, whatever their tables
-- hold.
CREATE OR REPLACE FUNCTION registry_entry_takes_effect() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  counted int;
  wrong text;
BEGIN
  IF (NEW.kind = 'issue') <> (NEW.seq = 1) THEN
    PERFORM registry_refuse('issuance_begins_once', '23514', 'an issuance begins once');
  END IF;
  IF NEW.freeze_order IS NOT NULL AND NOT EXISTS (
       SELECT FROM registry_freezeorder WHERE key = NEW.freeze_order AND issuance_id = NEW.issuance_id) THEN
    PERFORM registry_refuse('freeze_is_ordered', '23503', 'there is no such order');
  END IF;

  IF NEW.content ? 'tickets' THEN
    INSERT INTO registry_carbonticket (key, issuance_id, number, year, serial, code,
      area_version_id, uniqueness_report_id, share_denominator, parent_id, opened_by_id, opened_at,
      closed_because)
    SELECT said.key, NEW.issuance_id, said.number, substr(said.number, 4, 4)::int,
           substr(said.number, 9, 7)::int, registry_new_code(),
           coalesce(parent.area_version_id,
                    (SELECT id FROM parcels_projectareaversion WHERE key = said.area)),
           coalesce(parent.uniqueness_report_id,
                    (SELECT id FROM parcels_rulerun WHERE key = said.report)),
           said.denominator, parent.key, NEW.id, NEW.recorded_at, ''
    FROM jsonb_to_recordset(NEW.content -> 'tickets') AS said
           (key uuid, number text, denominator int, parent uuid, area uuid, report uuid)
    LEFT JOIN LATERAL (
      SELECT key, area_version_id, uniqueness_report_id FROM registry_carbonticket
      WHERE key = said.parent AND issuance_id = NEW.issuance_id LIMIT 1) AS parent ON true
    WHERE (said.parent IS NULL) = (NEW.kind = 'issue');
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> jsonb_array_length(NEW.content -> 'tickets') THEN
      PERFORM registry_refuse('ticket_has_a_parent_or_is_issued', '23514', 'a ticket from nowhere');
    END IF;
    INSERT INTO registry_ticketshare (ticket_id, party_id, place, numerator, opened_by_id, opened_at)
    SELECT (said ->> 'key')::uuid,
           (SELECT id FROM accounts_party WHERE key = (share.pair ->> 0)::uuid), share.place, (share.pair ->> 1)::int, NEW.id,
           NEW.recorded_at
    FROM jsonb_array_elements(NEW.content -> 'tickets') AS said
    CROSS JOIN jsonb_array_elements(said -> 'shares') WITH ORDINALITY AS share (pair, place);
  END IF;

  IF NEW.content ? 'shares' THEN
    UPDATE registry_ticketshare AS share SET closed_by_id = NEW.id, closed_at = NEW.recorded_at
    FROM jsonb_array_elements(NEW.content -> 'shares') AS said, registry_carbonticket AS ticket
    WHERE share.ticket_id = (said ->> 'ticket')::uuid AND share.closed_by_id IS NULL
      AND ticket.key = share.ticket_id AND ticket.issuance_id = NEW.issuance_id
      AND ticket.closed_by_id IS NULL;
    IF NOT FOUND THEN
      PERFORM registry_refuse('ticket_is_open', '23514', 'the ticket is closed');
    END IF;
    INSERT INTO registry_ticketshare (ticket_id, party_id, place, numerator, opened_by_id, opened_at)
    SELECT (said ->> 'ticket')::uuid,
           (SELECT id FROM accounts_party WHERE key = (share.pair ->> 0)::uuid), share.place, (share.pair ->> 1)::int, NEW.id,
           NEW.recorded_at
    FROM jsonb_array_elements(NEW.content -> 'shares') AS said
    CROSS JOIN jsonb_array_elements(said -> 'shares') WITH ORDINALITY AS share (pair, place);
  END IF;

  IF NEW.content ? 'opens' THEN
    UPDATE registry_block AS block SET closed_by_id = NEW.id, closed_at = NEW.recorded_at
    FROM jsonb_array_elements(NEW.content -> 'closes') AS said
    WHERE block.issuance_id = NEW.issuance_id AND block.closed_by_id IS NULL
      AND lower(block.kg) = (said ->> 0)::bigint AND upper(block.kg) = (said ->> 1)::bigint;
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> jsonb_array_length(NEW.content -> 'closes') THEN
      PERFORM registry_refuse('closed_block_was_standing', '23514', 'the kilograms have moved on');
    END IF;
    INSERT INTO registry_block (issuance_id, kg, ticket_id, state, because_id, freezes,
                                opened_by_id, opened_at)
    SELECT NEW.issuance_id, int8range((said -> 'kg' ->> 0)::bigint, (said -> 'kg' ->> 1)::bigint),
           (said ->> 'ticket')::uuid, said ->> 'state', (said ->> 'because')::uuid,
           CASE WHEN said ? 'freezes'
             THEN ARRAY(SELECT jsonb_array_elements_text(said -> 'freezes')::uuid) ELSE '{}' END,
           NEW.id, NEW.recorded_at
    FROM jsonb_array_elements(NEW.content -> 'opens') AS said;
    SELECT registry_wrong_move(NEW.id) INTO wrong;
    IF wrong IS NOT NULL THEN
      PERFORM registry_refuse('blocks_move_by_the_table', '23514', wrong,
                              jsonb_build_object('move', wrong));
    END IF;
    IF NEW.kind = 'issue' AND EXISTS (
         SELECT FROM registry_block AS block
         JOIN registry_carbonticket AS ticket ON ticket.key = block.ticket_id
         WHERE block.opened_by_id = NEW.id
           AND (block.state <> 'held' OR block.freezes <> '{}' OR ticket.opened_by_id <> NEW.id)) THEN
      PERFORM registry_refuse('blocks_move_by_the_table', '23514', 'issued kilograms are held');
    END IF;
  END IF;

  IF NEW.content ? 'closed' THEN
    UPDATE registry_carbonticket AS ticket
    SET closed_by_id = NEW.id, closed_at = NEW.recorded_at, closed_because = said ->> 'because'
    FROM jsonb_array_elements(NEW.content -> 'closed') AS said
    WHERE ticket.key = (said ->> 'ticket')::uuid AND ticket.issuance_id = NEW.issuance_id
      AND ticket.closed_by_id IS NULL AND ticket.opened_by_id <> NEW.id;
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> jsonb_array_length(NEW.content -> 'closed') THEN
      PERFORM registry_refuse('ticket_is_open', '23514', 'the ticket is closed');
    END IF;
    IF EXISTS (SELECT FROM registry_carbonticket AS ticket
               JOIN registry_block AS block ON block.ticket_id = ticket.key
               WHERE ticket.closed_by_id = NEW.id AND block.closed_by_id IS NULL
                 AND block.state IN ('held', 'listed', 'pledged')) THEN
      PERFORM registry_refuse('closed_ticket_holds_nothing_live', '23514',
                              'kilograms are left on the ticket');
    END IF;
  END IF;
  IF EXISTS (SELECT FROM registry_block AS block
             LEFT JOIN registry_carbonticket AS ticket ON ticket.key = block.ticket_id
             WHERE block.opened_by_id = NEW.id
               AND (ticket.issuance_id IS DISTINCT FROM NEW.issuance_id
                    OR ticket.closed_by_id IS NOT NULL
                       AND (ticket.closed_by_id <> NEW.id OR block.state NOT IN ('offset', 'cancelled')))) THEN
    PERFORM registry_refuse('ticket_is_open', '23514', 'the ticket is closed');
  END IF;
  -- Article 16 and domain.md, "Shares": a ticket is divided whole, held and free.
  IF NEW.kind = 'divide' AND EXISTS (
       SELECT FROM registry_carbonticket AS child
       JOIN registry_carbonticket AS parent ON parent.key = child.parent_id
       JOIN registry_block AS left_over ON left_over.ticket_id = parent.key
       WHERE child.opened_by_id = NEW.id
         AND (parent.closed_by_id IS DISTINCT FROM NEW.id OR left_over.closed_by_id IS NULL)) THEN
    PERFORM registry_refuse('ticket_is_divided_whole', '23514', 'a part of the ticket is not free');
  END IF;

  INSERT INTO journal_event (subject_kind, subject_key, seq, verb, actor_key, facts,
                             previous_hash, hash)
  SELECT 'issuance', key::text, 0, NEW.kind, NEW.actor_key,
         jsonb_build_object('entry', NEW.id, 'seq', NEW.seq, 'hash', encode(NEW.hash, 'hex')), '', ''
  FROM registry_issuance WHERE id = NEW.issuance_id;
  RETURN NULL;
END $$;
"""

SUMS = """
CREATE OR REPLACE FUNCTION registry_require_sum(entry bigint, of_issuance bigint) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  opened int8multirange;
  closed int8multirange;
BEGIN
  -- By the entry's own few blocks: filtered, so that the issuance's index is never read for it.
  SELECT range_agg(kg) FILTER (WHERE issuance_id = of_issuance) INTO opened
  FROM registry_block WHERE opened_by_id = entry;
  SELECT range_agg(kg) FILTER (WHERE issuance_id = of_issuance) INTO closed
  FROM registry_block WHERE closed_by_id = entry;
  IF closed IS NULL THEN
    SELECT CASE WHEN first.seq = 1
             THEN int8multirange(int8range(0, issuance.quantity_kg)) END INTO closed
    FROM registry_ledgerentry AS first
    JOIN registry_issuance AS issuance ON issuance.id = first.issuance_id
    WHERE first.id = entry AND issuance.id = of_issuance;
  END IF;
  IF opened IS DISTINCT FROM closed THEN
    RAISE EXCEPTION 'entry % closed % and opened %', entry, closed, opened
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nothing_lost_nothing_made',
            TABLE = 'registry_block',
            DETAIL = json_build_object('entry', entry, 'closed', closed::text,
                                       'opened', opened::text)::text;
  END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0007_claims_of_cancelled_issuances"),
        ("base", "0007_the_clock_keeps_its_plan"),
        ("journal", "0004_plans_are_kept"),
    ]
    operations = [
        migrations.RunSQL(statement, migrations.RunSQL.noop)
        for statement in (FUNCTIONS, EFFECT, SUMS)
    ]
