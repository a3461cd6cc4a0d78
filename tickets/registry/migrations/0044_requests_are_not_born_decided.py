"""A request begins as prepared: what is decided was asked whether its officers may decide it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_request_begins() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a request that is decided before it was prepared'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'request_is_not_born_decided',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER request_is_not_born_decided BEFORE INSERT ON registry_registration
FOR EACH ROW WHEN (NEW.state <> 'prepared') EXECUTE FUNCTION registry_request_begins();
"""
BACKWARD = """
DROP TRIGGER request_is_not_born_decided ON registry_registration;
DROP FUNCTION registry_request_begins();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0043_successions_are_registered")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
