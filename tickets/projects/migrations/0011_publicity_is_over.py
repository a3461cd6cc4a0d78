"""Nothing is determined while the public may still object, or on an objection that is not settled."""

from django.db import migrations

GUARANTEE = """
CREATE FUNCTION projects_publicity_is_over() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  shown casework_notice;
  refused text;
BEGIN
  SELECT * INTO shown FROM casework_notice
  WHERE kind = 'publicity' AND subject_kind = 'application' AND subject_key = NEW.key
    AND withdrawn_at IS NULL
  ORDER BY id DESC LIMIT 1;
  refused := CASE
    WHEN shown.id IS NULL
         OR shown.closes_on >= (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
      THEN 'publicity_is_over'
    WHEN EXISTS (SELECT FROM casework_noticeobjection
                 WHERE notice_id = shown.id AND upheld IS DISTINCT FROM false AND cured_at IS NULL)
      THEN 'objections_are_settled'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'application % is not determined: %', NEW.key, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('closes_on', shown.closes_on)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER publicity_is_over BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (OLD.state = 'submitted' AND NEW.state = 'determined')
EXECUTE FUNCTION projects_publicity_is_over();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0010_no_end_before_the_decision"),
        ("casework", "0007_objections_are_cured"),
    ]
    operations = [
        migrations.RunSQL(
            GUARANTEE,
            "DROP TRIGGER publicity_is_over ON projects_application;"
            "DROP FUNCTION projects_publicity_is_over();",
        ),
    ]
