"""A paper that was marked and given back is with its holder: what is registered later is marked too."""

from django.db import migrations

MARKS = """
CREATE OR REPLACE FUNCTION registry_marks_its_acts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM registry_ticketprint AS print
       JOIN registry_ledgerentry AS act ON act.id = NEW.entry_id AND act.id > print.as_of_id
       WHERE print.id = NEW.printing_id AND act.kind IN ('pledge', 'release', 'offset')
         AND EXISTS (SELECT FROM registry_block
                     WHERE ticket_id = print.ticket_id AND opened_by_id = act.id)
         AND NOT EXISTS (SELECT FROM registry_printreturn
                         WHERE printing_id = print.id{kept})) THEN
    RAISE EXCEPTION 'no act since this paper was printed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'marks_are_of_acts_since_the_printing',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0039_papers_are_marked")]
    operations = [
        migrations.RunSQL(
            MARKS.replace("{kept}", " AND state = 'surrendered'"), MARKS.replace("{kept}", "")
        )
    ]
