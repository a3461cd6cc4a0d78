"""An entry runs fewer statements, looks at the blocks it closes alone, and a request is taken up at once."""

from django.db import migrations

from tickets.registry.moves import moves_sql

CHAIN = """
-- Every field is preceded by its length, so that no two entries share a text; '-' stands for none.
CREATE OR REPLACE FUNCTION registry_entry_hash(previous bytea, issuance uuid, seq int, id bigint, kind text,
  recorded_at timestamptz, actor_key uuid, article text, effective_on date, answers bigint,
  cause uuid, freeze_order uuid, registration uuid, document_sha256 bytea, content jsonb) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  part text;
  said text := '';
BEGIN
  FOREACH part IN ARRAY ARRAY[
    issuance::text, seq::text, id::text, kind,
    ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text, coalesce(actor_key::text, '-'), article,
    coalesce(to_char(effective_on, 'YYYY-MM-DD'), '-'), coalesce(answers::text, '-'),
    coalesce(cause::text, '-'), coalesce(freeze_order::text, '-'), coalesce(registration::text, '-'),
    coalesce(encode(document_sha256, 'hex'), '-'), content::text
  ] LOOP
    said := said || octet_length(part) || ':' || part;
  END LOOP;
  RETURN sha256(previous || convert_to(said, 'UTF8'));
END $$;

-- 26 letters of Crockford's base 32: 130 random bits.
CREATE OR REPLACE FUNCTION registry_new_code() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
DECLARE
  drawn bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
  code text := '';
BEGIN
  FOR at IN 0..25 LOOP
    code := code || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', get_byte(drawn, at) % 32 + 1, 1);
  END LOOP;
  RETURN code;
END $$;

-- As before, the head read together with its issuance's key.
CREATE OR REPLACE FUNCTION registry_entry_is_chained() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head record;
  this_year int;
  drawn int;
BEGIN
  SELECT last.seq, last.hash, last.recorded_at, issuance.key INTO head
  FROM registry_ledgerhead AS last JOIN registry_issuance AS issuance ON issuance.id = last.issuance_id
  WHERE last.issuance_id = NEW.issuance_id FOR UPDATE OF last;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such issuance'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'entry_is_about_an_issuance';
  END IF;
  NEW.id := nextval('registry_ledgerentry_id_seq');
  NEW.seq := head.seq + 1;
  -- Strictly rising within an issuance, should the machine's own clock be set back.
  NEW.recorded_at := greatest(portal_now(), head.recorded_at + interval '1 microsecond');
  IF NEW.content ? 'tickets' THEN
    this_year := extract(year FROM NEW.recorded_at AT TIME ZONE 'Asia/Shanghai');
    FOR at IN 0 .. jsonb_array_length(NEW.content -> 'tickets') - 1 LOOP
      INSERT INTO registry_ticketcounter AS counter (year, last) VALUES (this_year, 1)
      ON CONFLICT (year) DO UPDATE SET last = counter.last + 1 RETURNING last INTO drawn;
      NEW.content := jsonb_set(NEW.content, ARRAY['tickets', at::text, 'number'],
                               to_jsonb(registry_ticket_number(this_year, drawn)));
    END LOOP;
  END IF;
  NEW.previous_hash := head.hash;
  NEW.hash := registry_entry_hash(head.hash, head.key, NEW.seq, NEW.id, NEW.kind,
    NEW.recorded_at, NEW.actor_key, NEW.article, NEW.effective_on, NEW.answers_id, NEW.cause,
    NEW.freeze_order, NEW.registration, NEW.document_sha256, NEW.content);
  UPDATE registry_ledgerhead SET seq = NEW.seq, hash = NEW.hash, recorded_at = NEW.recorded_at
  WHERE issuance_id = NEW.issuance_id;
  RETURN NEW;
END $$;
"""

MOVES = """
-- As before, of the entry itself instead of its number.
DROP FUNCTION registry_wrong_move(bigint);
CREATE FUNCTION registry_wrong_move(entry registry_ledgerentry) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN RETURN (
  SELECT was.state || ' -> ' || became.state || ' by ' || entry.kind
  FROM registry_block AS became
  JOIN registry_block AS was ON was.closed_by_id = entry.id AND was.kg && became.kg
  JOIN registry_carbonticket AS ticket ON ticket.key = became.ticket_id
  LEFT JOIN registry_cause AS cause ON cause.key = became.because_id
  WHERE became.opened_by_id = entry.id
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
"""

EFFECT = """
-- As before; a block is closed by its lowest kilogram and a ticket by its key, however many stand.
CREATE OR REPLACE FUNCTION registry_entry_takes_effect() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  counted int;
  wrong text;
  gone record;
BEGIN
  IF (NEW.kind = 'issue') <> (NEW.seq = 1) THEN
    PERFORM registry_refuse('issuance_begins_once', '23514', 'an issuance begins once');
  END IF;
  IF NEW.freeze_order IS NOT NULL THEN
    IF NOT EXISTS (SELECT FROM registry_freezeorder
                   WHERE key = NEW.freeze_order AND issuance_id = NEW.issuance_id) THEN
      PERFORM registry_refuse('freeze_is_ordered', '23503', 'there is no such order');
    END IF;
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
    -- Each by its lowest kilogram: however many blocks stand, one is looked at.
    UPDATE registry_block AS block SET closed_by_id = NEW.id, closed_at = NEW.recorded_at
    FROM (SELECT (SELECT id FROM registry_block
                  WHERE issuance_id = NEW.issuance_id AND closed_by_id IS NULL
                    AND lower(kg) = (said ->> 0)::bigint AND upper(kg) = (said ->> 1)::bigint)
          FROM jsonb_array_elements(NEW.content -> 'closes') AS said) AS standing (id)
    WHERE block.id = standing.id;
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
    wrong := registry_wrong_move(NEW);
    IF wrong IS NOT NULL THEN
      PERFORM registry_refuse('blocks_move_by_the_table', '23514', wrong,
                              jsonb_build_object('move', wrong));
    END IF;
    IF NEW.kind = 'issue' THEN
      IF EXISTS (
           SELECT FROM registry_block AS block
           JOIN registry_carbonticket AS ticket ON ticket.key = block.ticket_id
           WHERE block.opened_by_id = NEW.id
             AND (block.state <> 'held' OR block.freezes <> '{}' OR ticket.opened_by_id <> NEW.id)) THEN
        PERFORM registry_refuse('blocks_move_by_the_table', '23514', 'issued kilograms are held');
      END IF;
    END IF;
  END IF;

  IF NEW.content ? 'closed' THEN
    FOR gone IN SELECT * FROM jsonb_to_recordset(NEW.content -> 'closed') AS (ticket uuid, because text) LOOP
      UPDATE registry_carbonticket
      SET closed_by_id = NEW.id, closed_at = NEW.recorded_at, closed_because = gone.because
      WHERE key = gone.ticket AND issuance_id = NEW.issuance_id AND closed_by_id IS NULL
        AND opened_by_id <> NEW.id;
      IF NOT FOUND THEN
        PERFORM registry_refuse('ticket_is_open', '23514', 'the ticket is closed');
      END IF;
    END LOOP;
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
  IF NEW.kind = 'divide' THEN
    IF EXISTS (
         SELECT FROM registry_carbonticket AS child
         JOIN registry_carbonticket AS parent ON parent.key = child.parent_id
         JOIN registry_block AS left_over ON left_over.ticket_id = parent.key
         WHERE child.opened_by_id = NEW.id
           AND (parent.closed_by_id IS DISTINCT FROM NEW.id OR left_over.closed_by_id IS NULL)) THEN
      PERFORM registry_refuse('ticket_is_divided_whole', '23514', 'a part of the ticket is not free');
    END IF;
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
-- The entry's own trigger answers for what its effect writes; a block that a hand writes is judged
-- by itself.
CREATE OR REPLACE FUNCTION registry_nothing_lost() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM registry_require_sum(
    CASE TG_OP WHEN 'INSERT' THEN NEW.opened_by_id ELSE NEW.closed_by_id END, NEW.issuance_id);
  RETURN NULL;
END $$;
DROP TRIGGER nothing_lost_nothing_made ON registry_block;
CREATE CONSTRAINT TRIGGER nothing_lost_nothing_made AFTER INSERT OR UPDATE ON registry_block
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
EXECUTE FUNCTION registry_nothing_lost();
"""

TAKE_UP = """
-- A request and its ticket's issuance are held; only then is read who has not agreed.
CREATE FUNCTION registry_take_up(of_registration bigint)
RETURNS TABLE (registration registry_registration, ticket registry_carbonticket, missing bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  of_ticket uuid;
BEGIN
  SELECT ticket_id INTO of_ticket FROM registry_registration
  WHERE id = of_registration FOR UPDATE;
  PERFORM FROM registry_ledgerhead WHERE issuance_id = (
    SELECT issuance_id FROM registry_carbonticket WHERE key = of_ticket) FOR UPDATE;
  RETURN QUERY
  SELECT registration, ticket, (
    SELECT count(*) FROM registry_ticketshare AS share
    WHERE share.ticket_id = of_ticket AND share.closed_by_id IS NULL AND NOT EXISTS (
      SELECT FROM registry_consent
      WHERE registration_id = of_registration AND party_id = share.party_id))
  FROM registry_registration AS registration
  LEFT JOIN registry_carbonticket AS ticket ON ticket.key = of_ticket
  WHERE registration.id = of_registration;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0009_hold_and_read_at_once"),
        ("journal", "0005_fewer_statements"),
    ]
    operations = [
        migrations.RunSQL(statement, migrations.RunSQL.noop)
        for statement in (CHAIN, moves_sql(), MOVES, EFFECT, SUMS)
    ] + [migrations.RunSQL(TAKE_UP, "DROP FUNCTION registry_take_up(bigint);")]
