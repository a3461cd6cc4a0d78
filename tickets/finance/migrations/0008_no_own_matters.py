"""Who acts for a bank or a ticket's owner neither keeps their rows nor decides their claims."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION finance_acts_in(person bigint, of_ticket uuid, of_party bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT offsets_acted_in(person, of_ticket, portal_now()) OR EXISTS (
    SELECT FROM accounts_mandate
    WHERE user_id = person AND party_id = of_party
      AND given_at <= portal_now() AND coalesce(ended_at, 'infinity') > portal_now()
      AND (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
          BETWEEN valid_from AND coalesce(valid_to, 'infinity'))
$$;

CREATE FUNCTION finance_no_own_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  acting bigint[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    acting := ARRAY[NEW.recorded_by_id];
  ELSE  -- Each is judged at the time of his act.
    acting := ARRAY[CASE WHEN OLD.confirmed_by_id IS NULL THEN NEW.confirmed_by_id END,
                    CASE WHEN OLD.ended_by_id IS NULL THEN NEW.ended_by_id END,
                    NEW.struck_by_id];
  END IF;
  IF EXISTS (SELECT FROM unnest(acting) AS person
             WHERE finance_acts_in(person, NEW.ticket_id, NEW.institution_id)) THEN
    RAISE EXCEPTION 'who acts for a party takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER row_is_no_own_matter BEFORE INSERT OR UPDATE ON finance_financerow
FOR EACH ROW EXECUTE FUNCTION finance_no_own_row();

CREATE FUNCTION finance_no_own_claim() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF offsets_acted_in(
       NEW.decided_by_id,
       (SELECT ticket_id FROM finance_insurancepolicy WHERE id = NEW.policy_id), portal_now()) THEN
    RAISE EXCEPTION 'who acts for an owner does not decide the claim'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER claim_is_no_own_matter BEFORE UPDATE ON finance_insuranceclaim
FOR EACH ROW EXECUTE FUNCTION finance_no_own_claim();
"""
BACKWARD = """
DROP TRIGGER claim_is_no_own_matter ON finance_insuranceclaim;
DROP FUNCTION finance_no_own_claim();
DROP TRIGGER row_is_no_own_matter ON finance_financerow;
DROP FUNCTION finance_no_own_row();
DROP FUNCTION finance_acts_in(bigint, uuid, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0007_insurances_end_early"),
        ("offsets", "0006_consents_given_anew"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
