"""A confirmation of the trading centre, however it is written, stands for one sale of each ticket that
it names."""

from django.db import migrations, models
from django.db.models import Q

import tickets.registry.models.registrations

KEY = """
-- One spelling of a document's number: letters and digits alone.
CREATE FUNCTION registry_number_key(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
  SELECT upper(regexp_replace(normalize(said, NFKC), '[^0-9A-Za-z一-鿿]', '', 'g'))
$$;
"""
ONE_SALE = """
CREATE OR REPLACE FUNCTION registry_one_sale_per_confirmation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  confirmation text := registry_number_key(NEW.document_number);
BEGIN
  -- One after the other, so that each sees the one before.
  PERFORM pg_advisory_xact_lock(hashtextextended('registry_sale:' || confirmation, 0));
  IF EXISTS (SELECT FROM registry_registration
             WHERE kind = 'sale' AND registry_number_key(document_number) = confirmation
               AND ticket_id = NEW.ticket_id AND state <> 'rejected' AND id <> NEW.id) THEN
    PERFORM registry_refuse('one_sale_per_confirmation', '23505', 'sold by it already');
  END IF;
  RETURN NULL;
END $$;
"""
# As it was before (0028), which knows no spelling.
ONE_SALE_AT_ALL = """
CREATE OR REPLACE FUNCTION registry_one_sale_per_confirmation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- One after the other, so that each sees the one before.
  PERFORM pg_advisory_xact_lock(hashtextextended('registry_sale:' || NEW.document_number, 0));
  IF EXISTS (SELECT FROM registry_registration
             WHERE kind = 'sale' AND document_number = NEW.document_number
               AND state <> 'rejected' AND id <> NEW.id) THEN
    PERFORM registry_refuse('one_sale_per_confirmation', '23505', 'sold by it already');
  END IF;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0036_co_owners_are_asked")]
    operations = [
        migrations.RunSQL(KEY, "DROP FUNCTION registry_number_key(text);"),
        migrations.RemoveIndex("registration", "registration_by_confirmation"),
        migrations.AddIndex(
            "registration",
            models.Index(
                tickets.registry.models.registrations.NumberKey("document_number"),
                models.F("ticket"),
                name="registration_by_confirmation",
                condition=Q(kind="sale"),
            ),
        ),
        migrations.RunSQL(ONE_SALE, ONE_SALE_AT_ALL),
    ]
