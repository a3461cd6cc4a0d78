"""Grants for the application's role, the append-only refusal, and the one clock.

Runs before every other app's first migration, so that whatever the owner makes afterwards is
granted to the application's role by default and revoked where a table is append-only.
"""

from django.conf import settings
from django.db import migrations, models

ROLE_AND_CLOCK = """
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{role}";
ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO "{role}";
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO "{role}";
GRANT USAGE ON SCHEMA public TO "{role}";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}";
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON base_installation FROM "{role}";
GRANT SELECT ON base_installation TO "{role}";
INSERT INTO base_installation (id, kind, clock_offset, app_role)
VALUES (1, 'production', interval '0', '{role}');

CREATE FUNCTION portal_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$ SELECT clock_timestamp() + (SELECT clock_offset FROM public.base_installation) $$;

-- Forward only, and only where the owner has marked the database as a demonstration or a test.
CREATE FUNCTION portal_clock_advance(step interval) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF step < interval '0' THEN
    RAISE EXCEPTION 'the clock never goes back'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'the_clock_never_goes_back';
  END IF;
  -- In seconds: months and days have no length of their own.
  UPDATE base_installation
  SET clock_offset = clock_offset + make_interval(secs => extract(epoch FROM step)) WHERE kind <> 'production';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a production clock is not moved'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'production_clock_has_no_offset';
  END IF;
  RETURN portal_now();
END $$;

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % refused: nothing is rewritten', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
          TABLE = TG_TABLE_NAME;
END $$;

-- Called by the migration of each append-only table: trigger for everyone, and no right besides.
CREATE FUNCTION portal_append_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER nothing_is_rewritten BEFORE UPDATE OR DELETE ON %s '
                 'FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()', target);
  EXECUTE format('CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON %s '
                 'FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()', target);
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %I', target,
                 (SELECT app_role FROM base_installation));
END $$;
REVOKE EXECUTE ON FUNCTION portal_append_only(regclass) FROM PUBLIC, "{role}";

-- A table that only triggers of the owner write.
CREATE FUNCTION portal_read_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %s FROM %I', target,
                 (SELECT app_role FROM base_installation));
END $$;
REVOKE EXECUTE ON FUNCTION portal_read_only(regclass) FROM PUBLIC, "{role}";
"""


def grant(apps, schema_editor):
    role = settings.DATABASES["default"]["USER"]
    if not role.replace("_", "").isalnum():
        raise ValueError(f"unusual role name {role!r}")
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(ROLE_AND_CLOCK.replace("{role}", role))


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    run_before = [
        ("contenttypes", "0001_initial"),
        ("procrastinate", "0001_initial"),
        ("axes", "0001_initial"),
        ("sessions", "0001_initial"),
    ]
    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("production", "正式"), ("embedded", "演示"), ("test", "测试")],
                        default="production",
                        max_length=12,
                    ),
                ),
                ("clock_offset", models.DurationField()),
                ("app_role", models.CharField(max_length=63)),
            ],
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
