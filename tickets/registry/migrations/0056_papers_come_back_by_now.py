"""A paper is taken in by now: one of a later day would hide what is due on it until then."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_paper_came_back_by_now() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.taken_at > portal_now() THEN
    RAISE EXCEPTION 'a paper is taken in by now'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'papers_come_back_by_now', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER papers_come_back_by_now BEFORE INSERT ON registry_printreturn
FOR EACH ROW EXECUTE FUNCTION registry_paper_came_back_by_now();
"""
BACKWARD = """
DROP TRIGGER papers_come_back_by_now ON registry_printreturn;
DROP FUNCTION registry_paper_came_back_by_now();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0055_acts_are_compared_by_index")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
