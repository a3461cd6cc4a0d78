"""Grants, mandates, members, links and checks are closed once; documents are only added."""

from django.db import migrations

FORWARD = """
-- Arguments: the column whose value closes the row, then the others that may change with it.
CREATE FUNCTION accounts_close_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND to_jsonb(OLD) ->> TG_ARGV[0] IS NULL
     AND to_jsonb(OLD) - TG_ARGV = to_jsonb(NEW) - TG_ARGV THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% on % refused: what is closed stays closed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER closes_once BEFORE UPDATE OR DELETE ON accounts_rolegrant
  FOR EACH ROW EXECUTE FUNCTION accounts_close_once('valid_to', 'revoked_by_id');
CREATE TRIGGER closes_once BEFORE UPDATE OR DELETE ON accounts_mandate
  FOR EACH ROW EXECUTE FUNCTION accounts_close_once('ended_at', 'ended_by_id');
CREATE TRIGGER closes_once BEFORE UPDATE OR DELETE ON accounts_partymember
  FOR EACH ROW EXECUTE FUNCTION accounts_close_once('ended_at');
CREATE TRIGGER closes_once BEFORE UPDATE OR DELETE ON accounts_partylink
  FOR EACH ROW EXECUTE FUNCTION accounts_close_once('ended_at', 'ended_by_id');
CREATE TRIGGER closes_once BEFORE UPDATE OR DELETE ON accounts_identitycheck
  FOR EACH ROW EXECUTE FUNCTION
    accounts_close_once('decided_at', 'decided_by_id', 'state', 'reason');

-- Sessions are forgotten in time, but a revoked one never comes back.
CREATE TRIGGER closes_once BEFORE UPDATE ON accounts_signedinsession
  FOR EACH ROW EXECUTE FUNCTION accounts_close_once('revoked_at', 'seen_at', 'agent', 'ip');

SELECT portal_append_only('accounts_identitydocument');

-- Who saw what stands, as far as the application goes; the law may have its words corrected.
DO $$ BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON accounts_unmasking FROM %I',
                 (SELECT app_role FROM base_installation));
END $$;

-- Deferred: a list is replaced row by row and judged whole. The collective's row is locked, so
-- that two sessions that each replace it are judged one after the other.
CREATE FUNCTION accounts_member_shares() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  denominators int;
  denominator bigint;
  total bigint;
BEGIN
  PERFORM FROM accounts_party WHERE id = NEW.collective_id FOR UPDATE;
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
CREATE CONSTRAINT TRIGGER member_shares_sum_to_the_whole
  AFTER INSERT OR UPDATE ON accounts_partymember DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION accounts_member_shares();

CREATE FUNCTION accounts_link_kinds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM accounts_party WHERE id = NEW.name_only_id AND kind = 'name_only')
     OR NOT EXISTS (SELECT FROM accounts_party
                    WHERE id = NEW.checked_id AND checked_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a link joins a party known by name only and a checked one'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'link_joins_a_name_and_a_checked_party',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER link_joins_a_name_and_a_checked_party BEFORE INSERT ON accounts_partylink
  FOR EACH ROW EXECUTE FUNCTION accounts_link_kinds();
"""
BACKWARD = """
DROP TRIGGER link_joins_a_name_and_a_checked_party ON accounts_partylink;
DROP FUNCTION accounts_link_kinds();
DROP TRIGGER member_shares_sum_to_the_whole ON accounts_partymember;
DROP FUNCTION accounts_member_shares();
DROP TRIGGER nothing_is_rewritten ON accounts_identitydocument;
DROP TRIGGER nothing_is_truncated ON accounts_identitydocument;
DROP TRIGGER closes_once ON accounts_signedinsession;
DROP TRIGGER closes_once ON accounts_identitycheck;
DROP TRIGGER closes_once ON accounts_partylink;
DROP TRIGGER closes_once ON accounts_partymember;
DROP TRIGGER closes_once ON accounts_mandate;
DROP TRIGGER closes_once ON accounts_rolegrant;
DROP FUNCTION accounts_close_once();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_identities_and_mandates"),
        ("base", "0003_policy_is_read_by_sql"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
