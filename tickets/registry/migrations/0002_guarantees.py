"""Guarantees 4 to 7 of design.md: the entry is the one write, the rest follows from its content."""

from django.db import migrations

from tickets.registry.moves import moves_sql

NUMBERS = """
-- ISO 7064 MOD 37,36, as python-stdnum computes it.
CREATE FUNCTION registry_check_character(body text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  alphabet constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
  rest int := 18;
  letter text;
BEGIN
  FOREACH letter IN ARRAY string_to_array(body, NULL) LOOP
    rest := ((coalesce(nullif(rest, 0), 36) * 2) % 37 + position(letter IN alphabet) - 1) % 36;
  END LOOP;
  RETURN substr(alphabet, ((1 - (coalesce(nullif(rest, 0), 36) * 2) % 37) % 36 + 36) % 36 + 1, 1);
END $$;

CREATE FUNCTION registry_ticket_number(year int, serial int) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 'YN-' || lpad(year::text, 4, '0') || '-' || lpad(serial::text, 7, '0') || '-' ||
         registry_check_character('YN' || lpad(year::text, 4, '0') || lpad(serial::text, 7, '0'))
$$;

-- 128 random bits as 26 characters of Crockford's base 32: what /v/CODE/ opens.
CREATE FUNCTION registry_new_code() RETURNS text LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
                           substring(bits FROM at * 5 + 1 FOR 5)::int + 1, 1), '' ORDER BY at)
  FROM (SELECT B'00' || ('x' || substr(encode(sha256(
          uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 32))::bit(128)
        AS bits) AS drawn, generate_series(0, 25) AS at
$$;
"""

ISSUANCES = """
SELECT portal_append_only('registry_issuance');
SELECT portal_append_only('registry_cause');
SELECT portal_append_only('registry_ledgerentry');
SELECT portal_append_only('registry_pledge');
SELECT portal_append_only('registry_freezeorder');
SELECT portal_append_only('registry_lossnotice');
SELECT portal_append_only('registry_cancellation');
SELECT portal_append_only('registry_debt');
SELECT portal_append_only('registry_partysuccession');
SELECT portal_append_only('registry_ticketprint');
SELECT portal_read_only('registry_ledgerhead');
SELECT portal_read_only('registry_ticketcounter');
SELECT portal_read_only('registry_carbonticket');
SELECT portal_read_only('registry_ticketshare');
SELECT portal_read_only('registry_block');

-- The chain begins with the issuance.
CREATE FUNCTION registry_issuance_begins() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO registry_ledgerhead (issuance_id, seq, hash, recorded_at)
  VALUES (NEW.id, 0, decode(repeat('00', 32), 'hex'), portal_now());
  RETURN NULL;
END $$;
CREATE TRIGGER registry_issuance_begins AFTER INSERT ON registry_issuance
FOR EACH ROW EXECUTE FUNCTION registry_issuance_begins();

-- FOR UPDATE asks for more rights on heads than the application's role has.
CREATE FUNCTION registry_hold(wanted bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM registry_ledgerhead WHERE issuance_id = ANY(wanted) ORDER BY issuance_id FOR UPDATE;
END $$;
"""

CHAIN = """
-- Every field is preceded by its length, so that no two entries share a text; '-' stands for none.
CREATE FUNCTION registry_entry_hash(previous bytea, issuance uuid, seq int, id bigint, kind text,
  recorded_at timestamptz, actor_key uuid, article text, effective_on date, answers bigint,
  cause uuid, freeze_order uuid, registration uuid, document_sha256 bytea, content jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(previous || convert_to(string_agg(octet_length(part) || ':' || part, '' ORDER BY at),
                                       'UTF8'))
  FROM unnest(ARRAY[
    issuance::text, seq::text, id::text, kind,
    ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text, coalesce(actor_key::text, '-'), article,
    coalesce(to_char(effective_on, 'YYYY-MM-DD'), '-'), coalesce(answers::text, '-'),
    coalesce(cause::text, '-'), coalesce(freeze_order::text, '-'), coalesce(registration::text, '-'),
    coalesce(encode(document_sha256, 'hex'), '-'), content::text
  ]) WITH ORDINALITY AS parts (part, at)
$$;

-- Number, time, new tickets' numbers and hash are the database's. The head is locked first, then
-- the number is drawn: drawn earlier, an entry could close what a later number opened.
CREATE FUNCTION registry_entry_is_chained() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head registry_ledgerhead%ROWTYPE;
  issuance_key uuid;
  this_year int;
  drawn int;
  at int;
BEGIN
  SELECT * INTO head FROM registry_ledgerhead WHERE issuance_id = NEW.issuance_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such issuance'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'entry_is_about_an_issuance';
  END IF;
  SELECT key INTO issuance_key FROM registry_issuance WHERE id = NEW.issuance_id;
  NEW.id := nextval(pg_get_serial_sequence('registry_ledgerentry', 'id'));
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
  NEW.hash := registry_entry_hash(head.hash, issuance_key, NEW.seq, NEW.id, NEW.kind,
    NEW.recorded_at, NEW.actor_key, NEW.article, NEW.effective_on, NEW.answers_id, NEW.cause,
    NEW.freeze_order, NEW.registration, NEW.document_sha256, NEW.content);
  UPDATE registry_ledgerhead SET seq = NEW.seq, hash = NEW.hash, recorded_at = NEW.recorded_at
  WHERE issuance_id = NEW.issuance_id;
  RETURN NEW;
END $$;
CREATE TRIGGER registry_entry_is_chained BEFORE INSERT ON registry_ledgerentry
FOR EACH ROW EXECUTE FUNCTION registry_entry_is_chained();
"""

EFFECT = """
CREATE FUNCTION registry_refuse(rule text, code text, said text, facts jsonb DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', said
    USING ERRCODE = code, CONSTRAINT = rule, TABLE = 'registry_ledgerentry', DETAIL = facts::text;
END $$;

-- Each piece of what opened against the piece of what closed that it comes from.
CREATE FUNCTION registry_wrong_move(entry bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
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
  LIMIT 1
$$;

-- What an entry says is what becomes: closes, tickets, shares, opens, in the entry's own statement.
CREATE FUNCTION registry_entry_takes_effect() RETURNS trigger
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
           coalesce(parent.area_version_id, version.id),
           coalesce(parent.uniqueness_report_id, report.id), said.denominator, parent.key,
           NEW.id, NEW.recorded_at, ''
    FROM jsonb_to_recordset(NEW.content -> 'tickets') AS said
           (key uuid, number text, denominator int, parent uuid, area uuid, report uuid)
    LEFT JOIN registry_carbonticket AS parent
      ON parent.key = said.parent AND parent.issuance_id = NEW.issuance_id
    LEFT JOIN parcels_projectareaversion AS version ON version.key = said.area
    LEFT JOIN parcels_rulerun AS report ON report.key = said.report
    WHERE (said.parent IS NULL) = (NEW.kind = 'issue');
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> jsonb_array_length(NEW.content -> 'tickets') THEN
      PERFORM registry_refuse('ticket_has_a_parent_or_is_issued', '23514', 'a ticket from nowhere');
    END IF;
    INSERT INTO registry_ticketshare (ticket_id, party_id, place, numerator, opened_by_id, opened_at)
    SELECT (said ->> 'key')::uuid, party.id, share.place, (share.pair ->> 1)::int, NEW.id,
           NEW.recorded_at
    FROM jsonb_array_elements(NEW.content -> 'tickets') AS said
    CROSS JOIN jsonb_array_elements(said -> 'shares') WITH ORDINALITY AS share (pair, place)
    LEFT JOIN accounts_party AS party ON party.key = (share.pair ->> 0)::uuid;
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
    SELECT (said ->> 'ticket')::uuid, party.id, share.place, (share.pair ->> 1)::int, NEW.id,
           NEW.recorded_at
    FROM jsonb_array_elements(NEW.content -> 'shares') AS said
    CROSS JOIN jsonb_array_elements(said -> 'shares') WITH ORDINALITY AS share (pair, place)
    LEFT JOIN accounts_party AS party ON party.key = (share.pair ->> 0)::uuid;
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
CREATE TRIGGER registry_entry_takes_effect AFTER INSERT ON registry_ledgerentry
FOR EACH ROW EXECUTE FUNCTION registry_entry_takes_effect();
"""

SUMS = """
-- Per entry and issuance: what it closed is what it opened; the first opens exactly [0, n), once.
CREATE FUNCTION registry_nothing_lost() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  entry bigint := CASE TG_OP WHEN 'INSERT' THEN NEW.opened_by_id ELSE NEW.closed_by_id END;
  opened int8multirange;
  closed int8multirange;
BEGIN
  SELECT range_agg(kg) INTO opened FROM registry_block
  WHERE opened_by_id = entry AND issuance_id = NEW.issuance_id;
  SELECT range_agg(kg) INTO closed FROM registry_block
  WHERE closed_by_id = entry AND issuance_id = NEW.issuance_id;
  IF closed IS NULL THEN
    SELECT CASE WHEN first.seq = 1
             THEN int8multirange(int8range(0, issuance.quantity_kg)) END INTO closed
    FROM registry_ledgerentry AS first
    JOIN registry_issuance AS issuance ON issuance.id = first.issuance_id
    WHERE first.id = entry AND issuance.id = NEW.issuance_id;
  END IF;
  IF opened IS DISTINCT FROM closed THEN
    RAISE EXCEPTION 'entry % closed % and opened %', entry, closed, opened
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nothing_lost_nothing_made',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('entry', entry, 'closed', closed::text,
                                       'opened', opened::text)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER nothing_lost_nothing_made AFTER INSERT OR UPDATE ON registry_block
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_nothing_lost();

CREATE FUNCTION registry_shares_sum() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  wanted int;
  found bigint;
BEGIN
  IF TG_TABLE_NAME = 'registry_carbonticket' THEN
    SELECT NEW.share_denominator, sum(numerator) INTO wanted, found
    FROM registry_ticketshare WHERE ticket_id = NEW.key AND closed_by_id IS NULL;
  ELSE
    SELECT share_denominator INTO wanted FROM registry_carbonticket WHERE key = NEW.ticket_id;
    SELECT sum(numerator) INTO found
    FROM registry_ticketshare WHERE ticket_id = NEW.ticket_id AND closed_by_id IS NULL;
  END IF;
  IF wanted IS DISTINCT FROM found THEN
    RAISE EXCEPTION 'the shares sum to % of %', found, wanted
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ticket_shares_sum_to_the_whole',
            TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('found', found, 'wanted', wanted)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ticket_shares_sum_to_the_whole AFTER INSERT ON registry_carbonticket
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_shares_sum();
CREATE CONSTRAINT TRIGGER ticket_shares_sum_to_the_whole
AFTER INSERT OR UPDATE ON registry_ticketshare
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_shares_sum();

-- A block closes once and a ticket and a share too; nothing else of them is written, by nobody.
CREATE FUNCTION registry_closes_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  closing text[] := ARRAY['closed_by_id', 'closed_at', 'closed_because', 'during'];
BEGIN
  IF OLD.closed_by_id IS NOT NULL OR NEW.closed_by_id IS NULL
     OR (to_jsonb(NEW) - closing) <> (to_jsonb(OLD) - closing) THEN
    RAISE EXCEPTION '% on % refused: nothing is rewritten', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['registry_block', 'registry_carbonticket', 'registry_ticketshare'] LOOP
    EXECUTE format('CREATE TRIGGER closes_once BEFORE UPDATE ON %I '
                   'FOR EACH ROW EXECUTE FUNCTION registry_closes_once()', target);
    EXECUTE format('CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON %I '
                   'FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()', target);
    EXECUTE format('CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()', target);
  END LOOP;
END $$;
"""

REQUESTS = """
-- A decided request, and a settled objection, stay as they are.
CREATE FUNCTION registry_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(OLD) ->> 'state' IN ('approved', 'rejected')
     OR to_jsonb(OLD) ->> 'settled_at' IS NOT NULL THEN
    RAISE EXCEPTION '% on % refused: nothing is rewritten', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decided_once BEFORE UPDATE ON registry_registration
FOR EACH ROW EXECUTE FUNCTION registry_decided_once();
CREATE TRIGGER settled_once BEFORE UPDATE ON registry_lossobjection
FOR EACH ROW EXECUTE FUNCTION registry_decided_once();
DO $$
DECLARE
  app name := (SELECT app_role FROM base_installation);
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['registry_registration', 'registry_allotment',
    'registry_allotmentshare', 'registry_consent', 'registry_registrationmaterial',
    'registry_lossobjection'] LOOP
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM %I', target, app);
  END LOOP;
  EXECUTE format('GRANT UPDATE (state, decided_by_id, decided_at, decision_reason, paper) '
                 'ON registry_registration TO %I', app);
  EXECUTE format('GRANT UPDATE (outcome, settled_at, settled_by_id) '
                 'ON registry_lossobjection TO %I', app);
END $$;
"""

POLICY = """
INSERT INTO base_policy (code, value, text, unit, label, article, reason) VALUES
  ('registry.loss_notice_days', 30, '', '日', '挂失公告期', '第十条', ''),
  ('registry.pledge_reminder_days', 30, '', '日', '质押到期前提醒', '第十八条', '');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0001_tables"),
        ("journal", "0003_sealing_and_policy"),
        ("parcels", "0007_shared_land"),
        ("base", "0004_policy_defaults"),
    ]
    operations = [
        migrations.RunSQL(statement, migrations.RunSQL.noop)
        for statement in (
            moves_sql(), NUMBERS, ISSUANCES, CHAIN, EFFECT, SUMS, REQUESTS, POLICY,
        )
    ]  # fmt: skip
