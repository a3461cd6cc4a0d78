"""An act holds its issuance and reads its ticket in one call."""

from django.db import migrations

FORWARD = """
-- The statement after the lock has a snapshot of its own: it sees what others committed meanwhile.
CREATE FUNCTION registry_hold_ticket(of_issuance bigint, of_ticket uuid)
RETURNS TABLE (is_open boolean, owners bigint[], low bigint, high bigint, state text, because uuid,
               freezes uuid[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM registry_ledgerhead WHERE issuance_id = of_issuance FOR UPDATE;
  RETURN QUERY
  SELECT ticket.closed_by_id IS NULL,
         ARRAY(SELECT party_id FROM registry_ticketshare
               WHERE ticket_id = of_ticket AND closed_by_id IS NULL ORDER BY place),
         lower(block.kg), upper(block.kg), block.state::text, block.because_id, block.freezes
  FROM registry_carbonticket AS ticket
  LEFT JOIN registry_block AS block ON block.ticket_id = ticket.key AND block.closed_by_id IS NULL
  WHERE ticket.key = of_ticket AND ticket.issuance_id = of_issuance
  ORDER BY lower(block.kg);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_plans_are_kept")]
    operations = [
        migrations.RunSQL(FORWARD, "DROP FUNCTION registry_hold_ticket(bigint, uuid);"),
    ]
