"""What an inspection found stands still before the approver decides; rejected, nothing of it stays."""

from django.db import migrations

FORWARD = """
-- A ticket and what it was divided into, reissued or corrected as since: nobody bought them.
CREATE FUNCTION registry_same_owners_tickets(of_ticket uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE family (key) AS (
    SELECT of_ticket
    UNION
    SELECT child.key FROM family
    JOIN registry_carbonticket AS child ON child.parent_id = family.key
    JOIN registry_ledgerentry AS opening ON opening.id = child.opened_by_id
     AND opening.kind IN ('divide', 'reissue', 'correct'))
  SELECT key FROM family
$$;

-- On how many kilograms an order lies now.
CREATE FUNCTION registry_frozen_kg(of_order uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(sum(upper(block.kg) - lower(block.kg)), 0)::bigint
  FROM registry_freezeorder AS laid
  JOIN registry_block AS block
    ON block.issuance_id = laid.issuance_id AND laid.key = ANY(block.freezes)
  WHERE laid.key = of_order AND block.closed_by_id IS NULL
$$;

CREATE FUNCTION registry_rejected_freeze_is_lifted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF registry_frozen_kg(NEW.order_id) > 0 THEN
    RAISE EXCEPTION 'a freeze that is rejected lies on the ticket'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'rejected_freeze_is_lifted',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER rejected_freeze_is_lifted BEFORE UPDATE ON registry_registration
FOR EACH ROW WHEN (NEW.kind = 'freeze' AND NEW.state = 'rejected' AND NEW.order_id IS NOT NULL)
EXECUTE FUNCTION registry_rejected_freeze_is_lifted();
"""
BACKWARD = """
DROP TRIGGER rejected_freeze_is_lifted ON registry_registration;
DROP FUNCTION registry_rejected_freeze_is_lifted();
DROP FUNCTION registry_frozen_kg(uuid);
DROP FUNCTION registry_same_owners_tickets(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0034_numbers_not_registered_are_erased")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
