"""Requests that were open before every owner had to agree carry the consent of who asked, a consent that
lapsed can be given anew, and each officer's own matter is judged at the time of his act."""

from django.db import migrations

# Until then who asked disposed for every owner, or could not ask.
CONSENTS = """
INSERT INTO offsets_offsetconsent (request_id, party_id, given_by_id, given_at)
SELECT request.id, share.party_id, request.asked_by_id, request.asked_at
FROM offsets_offsetrequest AS request
JOIN registry_ticketshare AS share
  ON share.ticket_id = request.ticket_id AND share.closed_by_id IS NULL
WHERE request.state IN ('asked', 'prepared')
  AND NOT EXISTS (SELECT FROM offsets_offsetconsent WHERE request_id = request.id);
"""

OWN_MATTERS = """
-- Whether a person acted for an owner of a ticket at a moment, in whatever matter.
CREATE OR REPLACE FUNCTION offsets_acted_in(person bigint, of_ticket uuid, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM registry_ticketshare AS share
    JOIN accounts_mandate AS mandate ON mandate.party_id = share.party_id
    WHERE share.ticket_id = of_ticket AND share.closed_by_id IS NULL
      AND mandate.user_id = person AND mandate.given_at <= at
      AND coalesce(mandate.ended_at, 'infinity') > at
      AND (at AT TIME ZONE 'Asia/Shanghai')::date
          BETWEEN mandate.valid_from AND coalesce(mandate.valid_to, 'infinity'))
$$;

CREATE OR REPLACE FUNCTION offsets_no_own_matter() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF offsets_acted_in(
       CASE NEW.state WHEN 'prepared' THEN NEW.prepared_by_id ELSE NEW.decided_by_id END,
       NEW.ticket_id, portal_now()) THEN
    RAISE EXCEPTION 'who acts for an owner takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state = 'signed' AND offsets_acted_in(NEW.prepared_by_id, NEW.ticket_id, NEW.prepared_at) THEN
    RAISE EXCEPTION 'who prepared it acted for an owner'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'offset_is_prepared_by_no_party',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("offsets", "0005_certificates_are_what_was_retired")]
    operations = [
        migrations.RemoveConstraint("offsetconsent", "one_offset_consent_per_owner"),
        migrations.RunSQL(CONSENTS, migrations.RunSQL.noop),
        migrations.RunSQL(OWN_MATTERS, migrations.RunSQL.noop),
    ]
