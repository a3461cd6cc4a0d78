"""New numbers of requests that ended without a registration are erased."""

from django.db import migrations

ERASED = """
UPDATE accounts_partynumber AS proposed
SET identity_key_id = '', identity_sealed = NULL, identity_digest = NULL, identity_prefix = '',
    identity_last4 = ''
WHERE valid_from IS NULL AND identity_sealed IS NOT NULL
  AND (EXISTS (SELECT FROM registry_ticketrequest
               WHERE new_number_id = proposed.id AND state IN ('returned', 'withdrawn'))
       OR EXISTS (SELECT FROM registry_registration
                  WHERE new_number_id = proposed.id AND state = 'rejected'))
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_proposed_numbers_are_erased"),
        ("registry", "0033_papers_seen_are_taken_in"),
    ]
    # Backwards: what is erased stays so.
    operations = [migrations.RunSQL(ERASED, migrations.RunSQL.noop)]
