"""The judge of a member list locks beside the foreign keys' own locks, not against them."""

from django.db import migrations

# An inserted member already holds KEY SHARE on its collective, which FOR UPDATE waits for: two
# sessions that each add a member would wait for one another. NO KEY UPDATE waits only for itself.
JUDGE = """
CREATE OR REPLACE FUNCTION accounts_member_shares() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  denominators int;
  denominator bigint;
  total bigint;
BEGIN
  PERFORM FROM accounts_party WHERE id = NEW.collective_id FOR {lock};
  SELECT count(DISTINCT share_denominator), max(share_denominator), sum(share_numerator)
  INTO denominators, denominator, total
  FROM accounts_partymember WHERE collective_id = NEW.collective_id AND ended_at IS NULL;
  IF denominators > 1 OR total <> denominator THEN
    RAISE EXCEPTION 'the shares of the members do not sum to the whole'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'member_shares_sum_to_the_whole',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_what_is_closed_stays_closed")]
    operations = [
        migrations.RunSQL(
            JUDGE.replace("{lock}", "NO KEY UPDATE"), JUDGE.replace("{lock}", "UPDATE")
        )
    ]
