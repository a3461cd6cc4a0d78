"""Whoever owns a ticket, alone too, has kilograms retired by a signed request alone."""

from django.db import migrations

FUNCTION = """
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
    IF NEW.kind = 'offset'{of_several} AND NOT EXISTS (
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
"""
OF_SEVERAL = """ AND 1 < (
         SELECT count(*) FROM registry_ticketshare
         WHERE ticket_id = retired.ticket_id AND closed_by_id IS NULL)"""


class Migration(migrations.Migration):
    dependencies = [("offsets", "0009_requests_stand_as_asked")]
    operations = [
        migrations.RunSQL(FUNCTION.format(of_several=""), FUNCTION.format(of_several=OF_SEVERAL))
    ]
