"""Who asks for a listing disposes of so much for every owner, and what several own is listed by one."""

from django.db import migrations

FORWARD = """
-- Asked when it is written and when it opens: owners may have changed meanwhile. A pool of small
-- amounts is one of a listing that was asked for as such.
CREATE FUNCTION market_every_owner_asks() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  missing bigint := registry_owners_unspoken(
    NEW.asked_by_id, NEW.ticket_id, NEW.quantity_kg,
    CASE TG_OP WHEN 'INSERT' THEN portal_now() ELSE NEW.asked_at END);
BEGIN
  IF missing > 0 THEN
    RAISE EXCEPTION 'an owner has not agreed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'every_owner_agreed', TABLE = TG_TABLE_NAME,
            DETAIL = jsonb_build_object('count', missing)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER every_owner_asks_for_a_listing AFTER INSERT ON market_listing
FOR EACH ROW EXECUTE FUNCTION market_every_owner_asks();
CREATE TRIGGER every_owner_asked_for_what_opens AFTER UPDATE OF state ON market_listing
FOR EACH ROW WHEN (NEW.state = 'open' AND OLD.state <> 'open')
EXECUTE FUNCTION market_every_owner_asks();

CREATE FUNCTION market_listed_is_asked_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM registry_block AS listed
       WHERE listed.opened_by_id = NEW.id AND listed.because_id = NEW.cause
         AND 1 < (SELECT count(*) FROM registry_ticketshare
                  WHERE ticket_id = listed.ticket_id AND closed_by_id IS NULL)
         AND NOT EXISTS (SELECT FROM market_listing
                         WHERE cause_id = NEW.cause AND ticket_id = listed.ticket_id
                           AND state = 'open')) THEN
    RAISE EXCEPTION 'listed without a listing of its owners'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'every_owner_agreed', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER what_several_own_is_listed_by_all AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind = 'list') EXECUTE FUNCTION market_listed_is_asked_for();
"""
BACKWARD = """
DROP TRIGGER what_several_own_is_listed_by_all ON registry_ledgerentry;
DROP FUNCTION market_listed_is_asked_for();
DROP TRIGGER every_owner_asked_for_what_opens ON market_listing;
DROP TRIGGER every_owner_asks_for_a_listing ON market_listing;
DROP FUNCTION market_every_owner_asks();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0023_disputes_keep_payments"),
        ("registry", "0036_co_owners_are_asked"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
