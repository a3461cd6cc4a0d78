"""An ordered visit can be handed to another inspector or dropped, by somebody and for a reason."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

MOVES = """
CREATE OR REPLACE FUNCTION supervision_inspection_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF OLD.state IN ('signed', 'dropped') THEN
    RAISE EXCEPTION 'a signed inspection was to be changed'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'signed_inspection_stands', TABLE = TG_TABLE_NAME;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (
       ('proposed', 'proposed'), ('proposed', 'ordered'), ('proposed', 'dropped'),
       ('ordered', 'ordered'), ('ordered', 'signed')%also%)
     OR (NEW.id, NEW.key, NEW.ticket_id, NEW.source) IS DISTINCT FROM
        (OLD.id, OLD.key, OLD.ticket_id, OLD.source) THEN
    RAISE EXCEPTION 'an inspection goes from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'inspection_moves_on_its_way',
            TABLE = TG_TABLE_NAME;
  END IF;%dropped%
  IF NEW.state = 'signed' THEN
    NEW.signed_at := portal_now();
  END IF;
  RETURN NEW;
END $$;
"""
DROPPED = """
  IF (NEW.state = 'dropped') <> (NEW.dropped_by_id IS NOT NULL)
     OR NEW.state = 'dropped' AND NEW.findings = '' THEN
    RAISE EXCEPTION 'somebody drops an inspection for a reason'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'inspection_is_dropped_for_a_reason',
            TABLE = TG_TABLE_NAME;
  END IF;"""
FORWARD = MOVES.replace("%also%", ", ('ordered', 'dropped')").replace("%dropped%", DROPPED)
BACKWARD = MOVES.replace("%also%", "").replace("%dropped%", "")


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0015_eco_justice_offsets_have_their_case"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            "inspection",
            "dropped_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
