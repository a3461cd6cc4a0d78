"""What the database refuses about complaints, and what they leave to policy."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_complaint_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'received' THEN
      RAISE EXCEPTION 'a complaint begins as received'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'complaint_moves_on_its_way',
              TABLE = TG_TABLE_NAME;
    END IF;
    NEW.received_at := portal_now();
    RETURN NEW;
  END IF;
  IF OLD.state = 'answered'
     OR (NEW.id, NEW.key, NEW.code, NEW.topic, NEW.text, NEW.ticket_id, NEW.accused,
         NEW.received_at, NEW.due_on) IS DISTINCT FROM
        (OLD.id, OLD.key, OLD.code, OLD.topic, OLD.text, OLD.ticket_id, OLD.accused,
         OLD.received_at, OLD.due_on)
     OR NOT ST_OrderingEquals(NEW.place, OLD.place)
     OR (NEW.place IS NULL) <> (OLD.place IS NULL) THEN
    RAISE EXCEPTION 'what was complained of was to be changed'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'what_was_complained_of_stands', TABLE = TG_TABLE_NAME;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (
       ('received', 'accepted'), ('accepted', 'drafted'), ('drafted', 'accepted'),
       ('drafted', 'answered'), ('received', 'received'), ('accepted', 'received')) THEN
    RAISE EXCEPTION 'a complaint goes from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'complaint_moves_on_its_way',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state = 'answered' AND (NEW.answer, NEW.upheld, NEW.drafted_by_id) IS DISTINCT FROM
                                (OLD.answer, OLD.upheld, OLD.drafted_by_id) THEN
    RAISE EXCEPTION 'another answer than the drafted one was to be given'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'what_was_complained_of_stands', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER complaint_moves BEFORE INSERT OR UPDATE ON supervision_complaint
FOR EACH ROW EXECUTE FUNCTION supervision_complaint_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON supervision_complaint
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER nothing_is_truncated BEFORE TRUNCATE ON supervision_complaint
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
"""
BACKWARD = """
DROP TRIGGER nothing_is_truncated ON supervision_complaint;
DROP TRIGGER nothing_is_rewritten ON supervision_complaint;
DROP TRIGGER complaint_moves ON supervision_complaint;
DROP FUNCTION supervision_complaint_moves();
"""


def load(apps, schema_editor):
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).bulk_create(
        [
            policy(
                code="supervision.complaint_working_days",
                value="15",
                unit="工作日",
                label="举报答复期限",
                article="第二十条",
            ),
            policy(
                code="supervision.complaint_contact",
                text="也可以拨打 12345 政务服务便民热线，或到受理部门窗口当面反映。",
                label="举报的其他途径",
                article="第二十条",
            ),
        ]
    )


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0001_complaints"),
        ("casework", "0004_documents_without_an_account"),
    ]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(load, migrations.RunPython.noop),
    ]
