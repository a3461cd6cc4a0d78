"""What is cancelled or owed was ordered by a request that was approved, each by one of its own."""

from django.db import migrations

FORWARD = """
-- Whether no request is left for a cancellation: one that found nothing wrote no entry that would say so.
CREATE FUNCTION registry_ordered_by_nobody(ordered registry_cancellation) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  asked bigint;
  fitting bigint;
BEGIN
  SELECT count(*), count(*) FILTER (WHERE coalesce(quantity_kg, ordered.ordered_kg) = ordered.ordered_kg)
  INTO asked, fitting FROM registry_registration
  WHERE kind = 'cancel' AND state = 'approved'
    AND (issuance_id, cancel_reason, authority, document_number)
      = (ordered.issuance_id, ordered.reason, ordered.authority, ordered.document_number);
  RETURN fitting = 0 OR asked < (
    SELECT count(*) FROM registry_cancellation
    WHERE (issuance_id, reason, authority, document_number)
        = (ordered.issuance_id, ordered.reason, ordered.authority, ordered.document_number));
END $$;

CREATE FUNCTION registry_cancellation_is_asked_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF registry_ordered_by_nobody(NEW) THEN
    PERFORM registry_refuse('act_is_what_was_asked', '23514', 'no such cancellation was asked for');
  END IF;
  RETURN NULL;
END $$;
-- At the end of the transaction, when the request is approved.
CREATE CONSTRAINT TRIGGER cancellations_are_asked_for AFTER INSERT ON registry_cancellation
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_cancellation_is_asked_for();
"""
BACKWARD = """
DROP TRIGGER cancellations_are_asked_for ON registry_cancellation;
DROP FUNCTION registry_cancellation_is_asked_for();
DROP FUNCTION registry_ordered_by_nobody(registry_cancellation);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0053_mergers_record_who_passed")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
