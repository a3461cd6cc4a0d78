"""What everyone may know of a ticket follows its owners; tonnes that move do not change it."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER facts_follow_shares AFTER UPDATE ON registry_ticketshare
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION layer_rows_changed('facts');

CREATE FUNCTION party_facts_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO layers_shapechange (layer) VALUES ('facts');
  RETURN NULL;
END $$;
CREATE TRIGGER facts_follow_parties AFTER UPDATE ON accounts_party FOR EACH ROW
WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.kind IS DISTINCT FROM NEW.kind)
EXECUTE FUNCTION party_facts_changed();
"""
BACKWARD = """
DROP TRIGGER facts_follow_shares ON registry_ticketshare;
DROP TRIGGER facts_follow_parties ON accounts_party;
DROP FUNCTION party_facts_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("layers", "0008_rows_have_cells"),
        ("accounts", "0001_users_and_parties"),
        ("registry", "0001_tables"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
