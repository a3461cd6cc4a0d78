"""Pledges and offsets that were written on a printed paper are recorded (articles 15 to 17)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.base.clock

FORWARD = """
SELECT portal_append_only('registry_printmark');

CREATE FUNCTION registry_marks_its_acts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM registry_ticketprint AS print
       JOIN registry_ledgerentry AS act ON act.id = NEW.entry_id AND act.id > print.as_of_id
       WHERE print.id = NEW.printing_id AND act.kind IN ('pledge', 'release', 'offset')
         AND EXISTS (SELECT FROM registry_block
                     WHERE ticket_id = print.ticket_id AND opened_by_id = act.id)
         AND NOT EXISTS (SELECT FROM registry_printreturn WHERE printing_id = print.id)) THEN
    RAISE EXCEPTION 'no act since this paper was printed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'marks_are_of_acts_since_the_printing',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER marks_are_of_acts_since_the_printing BEFORE INSERT ON registry_printmark
FOR EACH ROW EXECUTE FUNCTION registry_marks_its_acts();
"""
BACKWARD = """
DROP TRIGGER marks_are_of_acts_since_the_printing ON registry_printmark;
DROP FUNCTION registry_marks_its_acts();
DROP TRIGGER nothing_is_rewritten ON registry_printmark;
DROP TRIGGER nothing_is_truncated ON registry_printmark;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0038_codes_of_before_are_bound"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="PrintMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "marked_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="时间",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="print_marks",
                        to="registry.ledgerentry",
                    ),
                ),
                (
                    "marked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="papers_marked",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "printing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="marks",
                        to="registry.ticketprint",
                    ),
                ),
            ],
            options={"verbose_name": "纸质碳票批注", "verbose_name_plural": "纸质碳票批注"},
        ),
        migrations.AddConstraint(
            "printmark",
            models.UniqueConstraint(fields=("printing", "entry"), name="one_mark_of_an_act"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
