"""What was found stands still under an inspection's request alone and, confirmed, ends by another; a reissue
is after its notice; an act stands on its request's document."""

from django.db import migrations

REISSUED = """
-- As before (0045); from the very ticket, and a reissue after its notice, against which no objection stands.
CREATE OR REPLACE FUNCTION registry_passes_on(entry registry_ledgerentry, wanted registry_registration)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
  former text := registry_owners_said(wanted.ticket_id, entry.id);
  present text[] := ARRAY(SELECT registry_owners_said(key, entry.id) FROM registry_carbonticket
                          WHERE opened_by_id = entry.id);
BEGIN
  RETURN EXISTS (SELECT FROM registry_carbonticket
                 WHERE key = wanted.ticket_id AND closed_by_id = entry.id){parent}
    AND CASE wanted.kind
          WHEN 'change' THEN registry_given(entry.id) = registry_asked(wanted, entry.id)
            AND split_part(former, ':', 1) <> split_part(present[1], ':', 1)
          WHEN 'reissue' THEN present = ARRAY[former] AND EXISTS (
            SELECT FROM registry_lossnotice AS notice
            WHERE notice.id = wanted.notice_id AND notice.order_id = entry.freeze_order
              AND notice.ticket_id = wanted.ticket_id{over})
          ELSE present = ARRAY[former] END;
END $$;
"""
PARENT = """
    AND NOT EXISTS (SELECT FROM registry_carbonticket
                    WHERE opened_by_id = entry.id AND parent_id <> wanted.ticket_id)"""
OVER = """
              AND notice.ends_on < (entry.recorded_at AT TIME ZONE 'Asia/Shanghai')::date
              AND NOT EXISTS (SELECT FROM registry_lossobjection
                              WHERE notice_id = notice.id AND raised_at <= entry.recorded_at
                                AND (outcome <> 'dismissed' OR settled_at > entry.recorded_at))"""

FOUND = """
-- As before (0045); an inspection's freeze alone comes before the decision and ends with a request that was
-- rejected, and the chain binds the document and the day that the request says.
CREATE OR REPLACE FUNCTION registry_departs_from_request(entry registry_ledgerentry) RETURNS boolean
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
  SELECT * INTO wanted FROM registry_registration WHERE key = entry.registration;{said}
  IF wanted.state = 'approved'
     -- What was found stands still while its request waits; rejected, it is taken off.
     OR {freeze}
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
    ELSIF entry.kind = 'lift'{lift} THEN
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
"""
SAID = """
  -- An issue stands on its filing, a reissue on its notice, a rejection on nothing.
  IF entry.kind NOT IN ('issue', 'reissue') AND (entry.kind, wanted.state) <> ('lift', 'rejected')
       AND entry.document_sha256 IS DISTINCT FROM wanted.document_sha256
     OR entry.effective_on IS DISTINCT FROM (
          CASE WHEN entry.kind IN ('transfer', 'court', 'enforce', 'cancel') THEN wanted.effective_on END)
  THEN
    RETURN true;
  END IF;"""
INSPECTED = """(entry.kind, wanted.kind, wanted.freeze_kind) = ('freeze', 'freeze', 'inspection')
        AND wanted.order_id = entry.freeze_order
        AND (wanted.state <> 'rejected' OR NOT EXISTS (
          SELECT FROM registry_block WHERE issuance_id = entry.issuance_id AND closed_by_id IS NULL
            AND entry.freeze_order = ANY(freezes)))"""
OF_A_LIFT = """
          AND (wanted.kind, wanted.state) IN (('lift', 'approved'), ('freeze', 'rejected'))"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0049_no_number_without_its_entry")]
    operations = [
        migrations.RunSQL(
            REISSUED.format(parent=PARENT, over=OVER), REISSUED.format(parent="", over="")
        ),
        migrations.RunSQL(
            FOUND.format(said=SAID, freeze=INSPECTED, lift=OF_A_LIFT),
            FOUND.format(
                said="",
                freeze="entry.kind = 'freeze' AND wanted.order_id = entry.freeze_order",
                lift=" AND wanted.kind IN ('lift', 'freeze')",
            ),
        ),
    ]
