"""A code is 128 random bits in 26 letters (domain.md, "Numbers and codes"): the first says three."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION registry_new_code() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
DECLARE
  drawn bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
  code text := substr('01234567', get_byte(drawn, 0) % 8 + 1, 1);
BEGIN
  FOR at IN 1..25 LOOP
    code := code || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', get_byte(drawn, at) % 32 + 1, 1);
  END LOOP;
  RETURN code;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0029_grounds_are_journalled")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
