"""A case that an office opened itself is taken back into hand by the office; nobody need answer it."""

from django.db import migrations, models

# Article 3: the departments act on their own too. A case whose opener applied, or acts for a party,
# is an applicant's, and only he answers what was returned to him.
FORWARD = """
INSERT INTO casework_move (before, verdict, after, said_by, pair)
VALUES ('returned', 'recall', 'open', 'handler', NULL) ON CONFLICT DO NOTHING;

CREATE FUNCTION casework_recall_is_an_offices() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  matter casework_reviewcase;
BEGIN
  SELECT found.* INTO matter FROM casework_reviewcase AS found
  WHERE found.id = (SELECT case_id FROM casework_reviewstep WHERE id = NEW.step_id);
  IF casework_acts_in(matter.opened_by_id, matter.id, false)
     OR EXISTS (SELECT FROM casework_recusal
                WHERE case_id = matter.id AND user_id = matter.opened_by_id
                  AND because = 'applicant') THEN
    RAISE EXCEPTION 'the case is an applicant''s'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'step_moves_by_the_table',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('now', NEW.before)::text;
  END IF;
  UPDATE casework_clockstop SET resumed_at = NEW.given_at
  WHERE resumed_at IS NULL AND verdict_id IN (
    SELECT id FROM casework_verdict WHERE step_id = NEW.step_id);
  UPDATE casework_reviewcase SET state = CASE
    WHEN EXISTS (SELECT FROM casework_reviewstep
                 WHERE case_id = matter.id AND status = 'returned') THEN 'stopped' ELSE 'open' END
  WHERE id = matter.id;
  RETURN NULL;
END $$;
CREATE TRIGGER recall_is_an_offices AFTER INSERT ON casework_verdict
FOR EACH ROW WHEN (NEW.verdict = 'recall') EXECUTE FUNCTION casework_recall_is_an_offices();
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0007_objections_are_cured")]
    operations = [
        migrations.AlterField(
            "verdict",
            "verdict",
            models.CharField(
                choices=[
                    ("prepare", "提出意见"),
                    ("endorse", "通过"),
                    ("send_back", "退回经办"),
                    ("return", "退回补正"),
                    ("reject", "不予通过"),
                    ("resubmit", "补正提交"),
                    ("recall", "收回办理"),
                    ("withdraw", "撤回申请"),
                    ("disqualify", "取消申报资格"),
                    ("begin", "开始办理"),
                    ("rewind", "重新审查"),
                    ("close", "随案终止"),
                ],
                max_length=12,
                verbose_name="结论",
            ),
        ),
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
    ]
