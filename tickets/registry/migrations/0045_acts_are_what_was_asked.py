"""Every act of the register's own is the one that an approved request asks for, once: its kilograms, its
takers and their parts, its ticket and its order, whoever writes the entry."""

from django.db import migrations, models
from django.db.models import Q

# Parts of the one question below, asked with its rights and its search path.
WORDS = """
-- A ticket's owners as of an entry, as requests say theirs: over which denominator, who how much.
CREATE FUNCTION registry_owners_said(of_ticket uuid, entry bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN (
  SELECT ticket.share_denominator || ': ' ||
         string_agg(share.party_id || '=' || share.numerator, ',' ORDER BY share.party_id)
  FROM registry_carbonticket AS ticket
  JOIN registry_ticketshare AS share ON share.ticket_id = ticket.key
   AND share.opened_by_id <= entry AND (share.closed_by_id IS NULL OR share.closed_by_id > entry)
  WHERE ticket.key = of_ticket GROUP BY ticket.key);
END $$;

-- The same of whom a part of a request is for.
CREATE FUNCTION registry_takers_said(of_part bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN (
  SELECT part.denominator || ': ' ||
         string_agg(share.party_id || '=' || share.numerator, ',' ORDER BY share.party_id)
  FROM registry_allotment AS part
  JOIN registry_allotmentshare AS share ON share.allotment_id = part.id
  WHERE part.id = of_part GROUP BY part.id);
END $$;

-- What each ticket that an entry opened got, and whose it is.
CREATE FUNCTION registry_given(entry bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN (
  SELECT string_agg(said, ' ' ORDER BY said) FROM (
    SELECT sum(upper(block.kg) - lower(block.kg)) || ' kg of ' ||
           registry_owners_said(ticket.key, entry) AS said
    FROM registry_carbonticket AS ticket
    JOIN registry_block AS block ON block.ticket_id = ticket.key AND block.opened_by_id = entry
    WHERE ticket.opened_by_id = entry GROUP BY ticket.key) AS opened);
END $$;

-- The same as a request says it; who asks for all says no quantity and gets what the entry moved.
CREATE FUNCTION registry_asked(wanted registry_registration, entry bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN (
  SELECT string_agg(said, ' ' ORDER BY said) FROM (
    SELECT coalesce(part.quantity_kg, wanted.quantity_kg, (
             SELECT sum(upper(block.kg) - lower(block.kg)) FROM registry_carbonticket AS ticket
             JOIN registry_block AS block
               ON block.ticket_id = ticket.key AND block.opened_by_id = entry
             WHERE ticket.opened_by_id = entry)) || ' kg of ' || registry_takers_said(part.id) AS said
    FROM registry_allotment AS part WHERE part.registration_id = wanted.id) AS part);
END $$;
"""

KINDS = """
-- From the ticket, pledge or filing that the request names, as much as it says to whom it says; where it
-- says no quantity, nothing is left that the act may move.
CREATE FUNCTION registry_gives_what_was_asked(
  entry registry_ledgerentry, wanted registry_registration) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF registry_given(entry.id) IS DISTINCT FROM registry_asked(wanted, entry.id) THEN
    RETURN false;
  END IF;
  IF entry.kind = 'issue' THEN
    RETURN EXISTS (SELECT FROM registry_issuance
                   WHERE id = entry.issuance_id AND filing_id = wanted.filing_id);
  ELSIF entry.kind = 'enforce' THEN
    IF entry.cause IS DISTINCT FROM wanted.pledge_id THEN
      RETURN false;
    END IF;
  ELSIF EXISTS (SELECT FROM registry_carbonticket
                WHERE opened_by_id = entry.id AND parent_id IS DISTINCT FROM wanted.ticket_id) THEN
    RETURN false;
  END IF;
  IF wanted.quantity_kg IS NOT NULL THEN
    RETURN true;
  END IF;
  RETURN NOT EXISTS (
    SELECT FROM registry_allotment AS part
    JOIN registry_carbonticket AS opened ON opened.opened_by_id = entry.id
    JOIN registry_block AS rest ON rest.ticket_id = opened.parent_id AND rest.during @> entry.id
    WHERE part.registration_id = wanted.id AND part.quantity_kg IS NULL AND CASE entry.kind
      WHEN 'court' THEN rest.state IN ('held', 'listed', 'pledged')
      WHEN 'enforce' THEN rest.because_id = entry.cause
      ELSE rest.state = 'held' AND rest.freezes = '{}' END);
END $$;

-- The shares are written anew as they were agreed on; of a new number they stay as they were.
CREATE FUNCTION registry_changes_as_asked(
  entry registry_ledgerentry, wanted registry_registration) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ARRAY(SELECT said ->> 'ticket' FROM jsonb_array_elements(entry.content -> 'shares') AS said)
         = ARRAY[wanted.ticket_id::text]
    AND registry_owners_said(wanted.ticket_id, entry.id) = CASE wanted.kind
      WHEN 'renumber' THEN registry_owners_said(wanted.ticket_id, entry.id - 1)
      ELSE (SELECT registry_takers_said(id) FROM registry_allotment
            WHERE registration_id = wanted.id) END;
END $$;

-- Tickets pass on whole, to the same owners but where the form of their ownership changes.
CREATE FUNCTION registry_passes_on(entry registry_ledgerentry, wanted registry_registration)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
  former text := registry_owners_said(wanted.ticket_id, entry.id);
  present text[] := ARRAY(SELECT registry_owners_said(key, entry.id) FROM registry_carbonticket
                          WHERE opened_by_id = entry.id);
BEGIN
  RETURN EXISTS (SELECT FROM registry_carbonticket
                 WHERE key = wanted.ticket_id AND closed_by_id = entry.id)
    AND CASE wanted.kind
          WHEN 'change' THEN registry_given(entry.id) = registry_asked(wanted, entry.id)
            AND split_part(former, ':', 1) <> split_part(present[1], ':', 1)
          WHEN 'reissue' THEN present = ARRAY[former] AND EXISTS (
            SELECT FROM registry_lossnotice AS notice
            WHERE notice.id = wanted.notice_id AND notice.order_id = entry.freeze_order
              AND notice.ticket_id = wanted.ticket_id)
          ELSE present = ARRAY[former] END;
END $$;

-- An order lies where and on as much as was asked for, as it was asked for; of what an inspection found
-- on what is still live, on the ticket's parts too.
CREATE FUNCTION registry_freezes_as_asked(entry registry_ledgerentry, wanted registry_registration)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
  ordered registry_freezeorder;
  laid_kg bigint;
BEGIN
  SELECT * INTO ordered FROM registry_freezeorder WHERE key = entry.freeze_order;
  SELECT sum(CASE opened_by_id WHEN entry.id THEN upper(kg) - lower(kg)
             ELSE lower(kg) - upper(kg) END) INTO laid_kg
  FROM registry_block
  WHERE (opened_by_id = entry.id OR closed_by_id = entry.id) AND entry.freeze_order = ANY(freezes);
  RETURN (ordered.ticket_id, ordered.quantity_kg) = (wanted.ticket_id, laid_kg)
    AND coalesce(wanted.order_id, ordered.key) = ordered.key
    AND ordered.kind = CASE wanted.kind WHEN 'loss' THEN 'loss' ELSE wanted.freeze_kind END
    AND (ordered.authority, ordered.document_number) = (wanted.authority, wanted.document_number)
    AND NOT EXISTS (
      SELECT FROM registry_block
      WHERE opened_by_id = entry.id AND entry.freeze_order = ANY(freezes)
        AND ticket_id <> wanted.ticket_id AND (ordered.kind <> 'inspection' OR ticket_id NOT IN (
          SELECT * FROM registry_same_owners_tickets(wanted.ticket_id))))
    AND (laid_kg = wanted.quantity_kg
         OR (wanted.quantity_kg IS NULL OR ordered.kind = 'inspection' AND laid_kg < wanted.quantity_kg)
            AND NOT EXISTS (
              SELECT FROM registry_block
              WHERE ticket_id = wanted.ticket_id AND during @> entry.id
                AND state IN ('held', 'listed', 'pledged') AND NOT entry.freeze_order = ANY(freezes)));
END $$;

-- A pledge, what a release frees of one, and a cancellation are those that the request names.
CREATE FUNCTION registry_stands_for_what_was_asked(
  entry registry_ledgerentry, wanted registry_registration) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN CASE entry.kind
    WHEN 'pledge' THEN EXISTS (
      SELECT FROM registry_pledge
      WHERE cause_id = entry.cause AND behind_id IS NULL AND wanted.pledge_id IS NULL
        AND (ticket_id, pledgee_id, quantity_kg, amount_fen, begins_on, ends_on, external_number)
          = (wanted.ticket_id, wanted.pledgee_id, wanted.quantity_kg, wanted.amount_fen,
             wanted.begins_on, wanted.ends_on, wanted.external_number))
    WHEN 'release' THEN entry.cause = wanted.pledge_id AND CASE
      WHEN wanted.quantity_kg IS NULL THEN NOT EXISTS (
        SELECT FROM registry_block WHERE because_id = entry.cause AND during @> entry.id)
      ELSE wanted.quantity_kg = (
        SELECT sum(CASE closed_by_id WHEN entry.id THEN upper(kg) - lower(kg)
                   ELSE lower(kg) - upper(kg) END)
        FROM registry_block
        WHERE (opened_by_id = entry.id OR closed_by_id = entry.id) AND because_id = entry.cause) END
    ELSE entry.issuance_id = wanted.issuance_id AND EXISTS (
      SELECT FROM registry_cancellation
      WHERE cause_id = entry.cause AND ordered_kg = coalesce(wanted.quantity_kg, ordered_kg)
        AND (issuance_id, reason, authority, document_number)
          = (wanted.issuance_id, wanted.cancel_reason, wanted.authority, wanted.document_number))
    END;
END $$;
"""

ASKED = """
-- Whether an entry is another act than a request that was granted asks for. Lists, trades and offsets
-- stand on what the packages keep whose matters they are, and so does the freeze of a disputed trade.
CREATE FUNCTION registry_departs_from_request(entry registry_ledgerentry) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  wanted registry_registration;
  same boolean;
BEGIN
  IF entry.registration IS NULL AND entry.kind IN ('freeze', 'lift') THEN
    RETURN NOT EXISTS (SELECT FROM registry_freezeorder
                       WHERE key = entry.freeze_order AND kind = 'dispute');
  END IF;
  -- It ends no ticket from which it takes nothing.
  IF entry.kind <> 'close' AND EXISTS (
       SELECT FROM registry_carbonticket AS ended WHERE ended.closed_by_id = entry.id
         AND NOT EXISTS (SELECT FROM registry_block
                         WHERE closed_by_id = entry.id AND ticket_id = ended.key)) THEN
    RETURN true;
  END IF;
  SELECT * INTO wanted FROM registry_registration WHERE key = entry.registration;
  IF wanted.state = 'approved'
     -- What was found stands still while its request waits; rejected, it is taken off.
     OR entry.kind = 'freeze' AND wanted.order_id = entry.freeze_order
     OR (entry.kind, wanted.kind, wanted.state) = ('lift', 'freeze', 'rejected') THEN
    IF entry.kind = 'transfer'
         AND wanted.kind IN ('sale', 'gift', 'inheritance', 'merger', 'company_division')
       OR entry.kind = wanted.kind AND entry.kind IN ('court', 'divide', 'enforce', 'issue') THEN
      same := registry_gives_what_was_asked(entry, wanted);
    ELSIF entry.kind IN ('reissue', 'correct')
          AND (entry.kind = wanted.kind OR (entry.kind, wanted.kind) = ('correct', 'change')) THEN
      same := registry_passes_on(entry, wanted);
    ELSIF entry.kind = 'freeze' AND wanted.kind IN ('freeze', 'loss') THEN
      same := registry_freezes_as_asked(entry, wanted);
    ELSIF entry.kind = 'lift' AND wanted.kind IN ('lift', 'freeze') THEN
      same := entry.freeze_order = wanted.order_id AND NOT EXISTS (
        SELECT FROM registry_block WHERE issuance_id = entry.issuance_id AND during @> entry.id
          AND entry.freeze_order = ANY(freezes));
    ELSIF entry.kind = wanted.kind AND entry.kind IN ('pledge', 'release', 'cancel') THEN
      same := registry_stands_for_what_was_asked(entry, wanted);
    ELSIF entry.kind = 'change' AND wanted.kind IN ('change', 'renumber') THEN
      same := registry_changes_as_asked(entry, wanted);
    ELSIF entry.kind = 'close' AND wanted.kind = 'close' THEN
      same := ARRAY(SELECT key FROM registry_carbonticket WHERE closed_by_id = entry.id)
              = ARRAY[wanted.ticket_id];
    END IF;
  END IF;
  RETURN same IS NOT TRUE;
END $$;

CREATE FUNCTION registry_acts_as_asked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF registry_departs_from_request(NEW) THEN
    PERFORM registry_refuse('act_is_what_was_asked', '23514', 'no such act was asked for');
  END IF;
  RETURN NULL;
END $$;
-- At the end of the transaction, when the request is decided.
CREATE CONSTRAINT TRIGGER registered_as_asked AFTER INSERT ON registry_ledgerentry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind NOT IN ('list', 'unlist', 'trade', 'offset'))
EXECUTE FUNCTION registry_acts_as_asked();
"""
BACKWARD = """
DROP TRIGGER registered_as_asked ON registry_ledgerentry;
DROP FUNCTION registry_acts_as_asked();
DROP FUNCTION registry_departs_from_request(registry_ledgerentry);
DROP FUNCTION registry_stands_for_what_was_asked(registry_ledgerentry, registry_registration);
DROP FUNCTION registry_freezes_as_asked(registry_ledgerentry, registry_registration);
DROP FUNCTION registry_passes_on(registry_ledgerentry, registry_registration);
DROP FUNCTION registry_changes_as_asked(registry_ledgerentry, registry_registration);
DROP FUNCTION registry_gives_what_was_asked(registry_ledgerentry, registry_registration);
DROP FUNCTION registry_asked(registry_registration, bigint);
DROP FUNCTION registry_given(bigint);
DROP FUNCTION registry_takers_said(bigint);
DROP FUNCTION registry_owners_said(uuid, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0044_requests_are_not_born_decided")]
    operations = [
        migrations.RemoveIndex("ledgerentry", "entry_by_registration"),
        migrations.AddConstraint(
            "ledgerentry",
            models.UniqueConstraint(
                name="a_request_is_registered_once",
                fields=["registration", "kind"],
                condition=Q(registration__isnull=False),
            ),
        ),
        migrations.RunSQL(WORDS + KINDS + ASKED, BACKWARD),
    ]
