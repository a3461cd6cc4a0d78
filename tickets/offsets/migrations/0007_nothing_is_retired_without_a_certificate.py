"""Kilograms leave circulation by a certificate alone, and every owner agreed to a signed request."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION offsets_retired_is_certified() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM registry_block AS retired
       WHERE retired.opened_by_id = NEW.id AND retired.state = 'offset' AND NOT EXISTS (
         SELECT FROM offsets_offset WHERE cause_id = retired.because_id)) THEN
    RAISE EXCEPTION 'retired without a certificate'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nothing_is_retired_without_a_certificate',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER nothing_is_retired_without_a_certificate AFTER INSERT ON registry_ledgerentry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind IN ('offset', 'trade'))
EXECUTE FUNCTION offsets_retired_is_certified();

CREATE FUNCTION offsets_owners_agreed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  missing bigint;
BEGIN
  SELECT count(*) INTO missing FROM registry_ticketshare AS share
  WHERE share.ticket_id = NEW.ticket_id AND share.closed_by_id IS NULL AND NOT EXISTS (
    SELECT FROM offsets_offsetconsent WHERE request_id = NEW.id AND party_id = share.party_id);
  IF missing > 0 THEN
    RAISE EXCEPTION 'an owner has not agreed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'every_owner_agreed', TABLE = TG_TABLE_NAME,
            DETAIL = jsonb_build_object('count', missing)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER every_owner_agreed BEFORE UPDATE ON offsets_offsetrequest
FOR EACH ROW WHEN (NEW.state = 'signed' AND OLD.state <> 'signed')
EXECUTE FUNCTION offsets_owners_agreed();
"""
BACKWARD = """
DROP TRIGGER every_owner_agreed ON offsets_offsetrequest;
DROP FUNCTION offsets_owners_agreed();
DROP TRIGGER nothing_is_retired_without_a_certificate ON registry_ledgerentry;
DROP FUNCTION offsets_retired_is_certified();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("offsets", "0006_consents_given_anew"),
        ("registry", "0029_grounds_are_journalled"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
