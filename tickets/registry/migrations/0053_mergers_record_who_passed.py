"""By a merger ceases whose share of the ticket passed, and whose share it makes larger is in that place."""

from django.db import migrations

SAYS = """
-- As before (0043){change}.
CREATE OR REPLACE FUNCTION registry_says_succession(
  wanted registry_registration, passed registry_partysuccession) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT wanted.state = 'approved' AND wanted.document_number = passed.document_number
    AND CASE wanted.kind
      WHEN 'succession' THEN
        (wanted.former_id, wanted.successor_id, wanted.effective_on)
          = (passed.former_id, passed.successor_id, passed.effective_on)
        AND passed.effective_on <= (passed.made_at AT TIME ZONE 'Asia/Shanghai')::date
      WHEN 'merger' THEN{merger}
      ELSE false END
$$;
"""
BEFORE = """
        EXISTS (SELECT FROM registry_ticketshare
                WHERE ticket_id = wanted.ticket_id AND party_id = passed.former_id)
        AND EXISTS (SELECT FROM registry_allotment AS part
                    JOIN registry_allotmentshare AS share ON share.allotment_id = part.id
                    WHERE part.registration_id = wanted.id AND share.party_id = passed.successor_id)"""

# Whose share of what was taken is another than of the ticket it was taken from: by how much.
GAINED = """
CREATE FUNCTION registry_gained(wanted registry_registration, of_party bigint) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(taken.numerator, 0)::numeric * ticket.share_denominator
         - coalesce(owned.numerator, 0)::numeric * part.denominator
  FROM registry_ledgerentry AS entry
  JOIN registry_allotment AS part ON part.registration_id = wanted.id
  JOIN registry_carbonticket AS ticket ON ticket.key = wanted.ticket_id
  LEFT JOIN registry_allotmentshare AS taken
    ON taken.allotment_id = part.id AND taken.party_id = of_party
  LEFT JOIN registry_ticketshare AS owned
    ON owned.ticket_id = ticket.key AND owned.party_id = of_party AND owned.opened_by_id < entry.id
   AND (owned.closed_by_id IS NULL OR owned.closed_by_id > entry.id)
  WHERE entry.registration = wanted.key AND entry.kind = 'transfer'
$$;
"""
AFTER = """
        registry_gained(wanted, passed.former_id) < 0
        AND registry_gained(wanted, passed.successor_id) > 0"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0052_tickets_end_by_their_acts")]
    operations = [
        migrations.RunSQL(
            GAINED, "DROP FUNCTION registry_gained(registry_registration, bigint);"
        ),
        migrations.RunSQL(
            SAYS.format(change="; of a merger's people those between whom the share passed", merger=AFTER),
            SAYS.format(change="", merger=BEFORE),
        ),
    ]  # fmt: skip
