"""What several own is retired by a signed request of theirs alone."""

from django.db import migrations

FORWARD = """
-- As before; a certificate of what several own is that of a signed request, to which all agreed.
CREATE OR REPLACE FUNCTION offsets_retired_is_certified() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  retired record;
BEGIN
  FOR retired IN
    SELECT DISTINCT because_id, ticket_id FROM registry_block
    WHERE opened_by_id = NEW.id AND state = 'offset'
  LOOP
    IF NOT EXISTS (SELECT FROM offsets_offset WHERE cause_id = retired.because_id) THEN
      RAISE EXCEPTION 'retired without a certificate'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'nothing_is_retired_without_a_certificate',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.kind = 'offset' AND 1 < (
         SELECT count(*) FROM registry_ticketshare
         WHERE ticket_id = retired.ticket_id AND closed_by_id IS NULL) AND NOT EXISTS (
         SELECT FROM offsets_offset AS certificate
         JOIN offsets_offsetrequest AS wanted ON wanted.id = certificate.request_id
         WHERE certificate.cause_id = retired.because_id AND wanted.state = 'signed'
           AND (wanted.ticket_id, wanted.quantity_kg) = (retired.ticket_id, certificate.quantity_kg))
    THEN
      RAISE EXCEPTION 'retired without a request of its owners'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'every_owner_agreed', TABLE = TG_TABLE_NAME;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER request_is_not_born_signed BEFORE INSERT ON offsets_offsetrequest
FOR EACH ROW WHEN (NEW.state = 'signed') EXECUTE FUNCTION offsets_owners_agreed();
"""
BACKWARD = "DROP TRIGGER request_is_not_born_signed ON offsets_offsetrequest;"
# Signed before consents were kept: who asked disposed for every owner, or could not ask.
CONSENTS = """
INSERT INTO offsets_offsetconsent (request_id, party_id, given_by_id, given_at)
SELECT wanted.id, share.party_id, wanted.asked_by_id, wanted.asked_at
FROM offsets_offsetrequest AS wanted
JOIN offsets_offset AS certificate ON certificate.request_id = wanted.id
JOIN registry_ledgerentry AS entry ON entry.cause = certificate.cause_id AND entry.kind = 'offset'
JOIN registry_ticketshare AS share
  ON share.ticket_id = wanted.ticket_id AND share.opened_by_id < entry.id
 AND (share.closed_by_id IS NULL OR share.closed_by_id > entry.id)
WHERE NOT EXISTS (SELECT FROM offsets_offsetconsent WHERE request_id = wanted.id);
"""


class Migration(migrations.Migration):
    dependencies = [("offsets", "0007_nothing_is_retired_without_a_certificate")]
    operations = [
        migrations.RunSQL(CONSENTS, migrations.RunSQL.noop),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
