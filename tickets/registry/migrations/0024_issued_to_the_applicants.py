"""A filing's tonnes are issued to its applicants by their shares, a body that merged being its successor,
whoever writes the entry."""

from django.db import migrations

FORWARD = """
-- Into whom a party had merged at a moment, step by step; the party itself where it had not.
CREATE FUNCTION registry_successor(of_party bigint, at timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE way (party, step) AS (
    SELECT of_party, 0
    UNION ALL
    SELECT passed.successor_id, step + 1 FROM way
    JOIN registry_partysuccession AS passed ON passed.former_id = way.party
    WHERE passed.made_at <= at AND step < 100)
  SELECT party FROM way ORDER BY step DESC LIMIT 1
$$;

-- Whether an issue gives somebody another part than is his by the application. Where each gets a ticket
-- of his own, the largest remainder rounds by less than a kilogram.
CREATE FUNCTION registry_issued_to_others(entry registry_ledgerentry) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH due AS (
    SELECT registry_successor(share.party_id, entry.recorded_at) AS party,
           sum(share.numerator)::numeric * issuance.quantity_kg / application.share_denominator AS kg
    FROM registry_issuance AS issuance
    JOIN projects_filing AS filing ON filing.id = issuance.filing_id
    JOIN projects_application AS application ON application.id = filing.application_id
    JOIN projects_applicationshare AS share ON share.application_id = application.id
    WHERE issuance.id = entry.issuance_id
    GROUP BY 1, issuance.quantity_kg, application.share_denominator
  ), given AS (
    SELECT share.party_id AS party,
           sum(held.kg * share.numerator / ticket.share_denominator) AS kg
    FROM registry_carbonticket AS ticket
    JOIN registry_ticketshare AS share
      ON share.ticket_id = ticket.key AND share.opened_by_id = entry.id
    CROSS JOIN LATERAL (SELECT coalesce(sum(upper(kg) - lower(kg)), 0) AS kg FROM registry_block
                        WHERE ticket_id = ticket.key AND opened_by_id = entry.id) AS held
    WHERE ticket.opened_by_id = entry.id
    GROUP BY 1)
  SELECT EXISTS (SELECT FROM due FULL JOIN given USING (party)
                 WHERE abs(coalesce(due.kg, 0) - coalesce(given.kg, 0)) >= 1)
$$;

CREATE OR REPLACE FUNCTION registry_issued_as_filed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM registry_carbonticket AS ticket
             JOIN registry_issuance AS issuance ON issuance.id = ticket.issuance_id
             JOIN projects_filing AS filing ON filing.id = issuance.filing_id
             WHERE ticket.opened_by_id = NEW.id
               AND (ticket.area_version_id, ticket.uniqueness_report_id)
                   <> (filing.area_version_id, filing.uniqueness_report_id)) THEN
    PERFORM registry_refuse('issued_as_filed', '23514', 'another land or report was filed');
  END IF;
  IF registry_issued_to_others(NEW) THEN
    PERFORM registry_refuse('issued_to_the_applicants', '23514', 'others applied, or by other shares');
  END IF;
  RETURN NULL;
END $$;
"""
BACKWARD = """
DROP FUNCTION registry_issued_to_others(registry_ledgerentry);
DROP FUNCTION registry_successor(bigint, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0023_names_change_under_orders"),
        ("projects", "0007_consents_name_their_terms"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
