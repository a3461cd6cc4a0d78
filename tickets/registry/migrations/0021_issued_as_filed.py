"""The first tickets of an issuance stand on the land and the report of its filing (guarantee 6)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_issued_as_filed() RETURNS trigger
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
  RETURN NULL;
END $$;
CREATE TRIGGER takes_effect_as_filed AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind = 'issue') EXECUTE FUNCTION registry_issued_as_filed();
"""
BACKWARD = """
DROP TRIGGER takes_effect_as_filed ON registry_ledgerentry;
DROP FUNCTION registry_issued_as_filed();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0020_paper_comes_back")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
