"""Nobody handles an own matter, decisions note the regulation that rules them, and after its end
nothing new is issued (article 25)."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
-- Whether a person acts today for a party of a registration, in whatever matter.
CREATE FUNCTION registry_acts_in(person bigint, of_registration bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Most officers act for nobody.
  IF NOT EXISTS (SELECT FROM accounts_mandate WHERE user_id = person AND ended_at IS NULL) THEN
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
      AND mandate.user_id = person AND mandate.ended_at IS NULL
      AND mandate.valid_from <= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
      AND coalesce(mandate.valid_to, 'infinity')
          >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date);
END $$;

CREATE FUNCTION registry_registration_is_decided() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF registry_acts_in(NEW.decided_by_id, NEW.id) OR registry_acts_in(NEW.prepared_by_id, NEW.id) THEN
    RAISE EXCEPTION 'who acts for a party takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  SELECT id INTO NEW.regulation_id FROM casework_regulation
  WHERE valid_from <= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
  ORDER BY valid_from DESC LIMIT 1;
  RETURN NEW;
END $$;
CREATE TRIGGER registration_is_decided BEFORE UPDATE ON registry_registration
FOR EACH ROW WHEN (OLD.state = 'prepared' AND NEW.state <> 'prepared')
EXECUTE FUNCTION registry_registration_is_decided();

CREATE FUNCTION registry_issued_under_a_regulation() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM casework_regulation
                 WHERE (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
                       BETWEEN valid_from AND valid_to) THEN
    RAISE EXCEPTION 'the regulation is not in force'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'issued_under_a_regulation_in_force',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER issued_under_a_regulation BEFORE INSERT ON registry_issuance
FOR EACH ROW EXECUTE FUNCTION registry_issued_under_a_regulation();
"""
BACKWARD = """
DROP TRIGGER issued_under_a_regulation ON registry_issuance;
DROP FUNCTION registry_issued_under_a_regulation();
DROP TRIGGER registration_is_decided ON registry_registration;
DROP FUNCTION registry_registration_is_decided();
DROP FUNCTION registry_acts_in(bigint, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0012_divided_among_owners"),
        ("casework", "0005_regulation_days_confirmed"),
        ("accounts", "0002_identities_and_mandates"),
    ]
    operations = [
        migrations.AddField(
            "registration",
            "regulation",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="casework.regulation",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
