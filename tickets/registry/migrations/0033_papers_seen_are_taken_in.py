"""A paper that came back or was marked with a registration is outstanding no more (article 16)."""

from django.db import migrations

SEEN = """
INSERT INTO registry_printreturn (printing_id, state, taken_by_id, taken_at)
SELECT DISTINCT ON (print.id) print.id, seen.paper, seen.prepared_by_id, seen.decided_at
FROM registry_registration AS seen
JOIN registry_ticketprint AS print
  ON print.ticket_id = seen.ticket_id AND print.made_at <= seen.prepared_at
WHERE seen.state = 'approved' AND seen.paper IN ('surrendered', 'marked')
ORDER BY print.id, seen.decided_at
ON CONFLICT (printing_id) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0032_a_trade_waits_for_no_paper")]
    # Backwards: what came back stays so.
    operations = [migrations.RunSQL(SEEN, migrations.RunSQL.noop)]
