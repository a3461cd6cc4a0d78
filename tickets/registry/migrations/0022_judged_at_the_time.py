"""Each officer's own matter is judged at the time of his act, so that no registration is stuck."""

from django.db import migrations

FORWARD = """
-- Whether a person acted for a party of a registration at a moment, in whatever matter.
CREATE OR REPLACE FUNCTION registry_acted_in(person bigint, of_registration bigint, at timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Most officers act for nobody.
  IF NOT EXISTS (SELECT FROM accounts_mandate WHERE user_id = person) THEN
    RETURN false;
  END IF;
  RETURN EXISTS (
    SELECT FROM registry_registration AS matter
    CROSS JOIN LATERAL (
      SELECT party_id FROM registry_ticketshare
      WHERE ticket_id = matter.ticket_id AND closed_by_id IS NULL
      UNION ALL
      SELECT share.party_id FROM registry_allotment AS part
      JOIN registry_allotmentshare AS share ON share.allotment_id = part.id
      WHERE part.registration_id = matter.id
      UNION ALL
      SELECT matter.pledgee_id
      UNION ALL
      SELECT pledgee_id FROM registry_pledge WHERE cause_id = matter.pledge_id
      UNION ALL
      SELECT share.party_id FROM registry_ledgerentry AS first
      JOIN registry_ticketshare AS share ON share.opened_by_id = first.id
      WHERE first.issuance_id = matter.issuance_id AND first.seq = 1
    ) AS place
    JOIN accounts_mandate AS mandate ON mandate.party_id = place.party_id
    WHERE matter.id = of_registration
      AND mandate.user_id = person AND mandate.given_at <= at
      AND coalesce(mandate.ended_at, 'infinity') > at
      AND (at AT TIME ZONE 'Asia/Shanghai')::date
          BETWEEN mandate.valid_from AND coalesce(mandate.valid_to, 'infinity'));
END $$;

CREATE OR REPLACE FUNCTION registry_acts_in(person bigint, of_registration bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT registry_acted_in(person, of_registration, portal_now())
$$;

CREATE OR REPLACE FUNCTION registry_registration_is_decided() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF registry_acts_in(NEW.decided_by_id, NEW.id) THEN
    RAISE EXCEPTION 'who acts for a party takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state = 'approved' AND registry_acted_in(NEW.prepared_by_id, NEW.id, NEW.prepared_at) THEN
    RAISE EXCEPTION 'who prepared it acted for a party'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'registration_is_prepared_by_no_party',
            TABLE = TG_TABLE_NAME;
  END IF;
  SELECT id INTO NEW.regulation_id FROM casework_regulation
  WHERE valid_from <= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
  ORDER BY valid_from DESC LIMIT 1;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0021_issued_as_filed")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
