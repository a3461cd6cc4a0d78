"""An office ends what its applicant leaves unanswered, where the subject has named its kind of case."""

from django.db import migrations, models

# Who lets a returned matter lie could otherwise keep the register as it is for ever (article 3).
FORWARD = """
CREATE TABLE casework_ended_by_office (kind text PRIMARY KEY);
SELECT portal_read_only('casework_ended_by_office');

INSERT INTO casework_move (before, verdict, after, said_by, pair)
VALUES ('returned', 'end', 'closed', 'handler', NULL) ON CONFLICT DO NOTHING;

CREATE FUNCTION casework_end_is_an_offices() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  matter casework_reviewcase;
  refused text;
BEGIN
  SELECT found.* INTO matter FROM casework_reviewcase AS found
  WHERE found.id = (SELECT case_id FROM casework_reviewstep WHERE id = NEW.step_id);
  refused := CASE
    WHEN NOT EXISTS (SELECT FROM casework_ended_by_office WHERE kind = matter.kind)
      THEN 'step_moves_by_the_table'
    WHEN btrim(NEW.reason) = '' THEN 'office_ends_with_a_reason'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'verdict % on case % refused: %', NEW.verdict, matter.kind, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME,
            DETAIL = json_build_object('now', NEW.before)::text;
  END IF;
  UPDATE casework_reviewcase SET state = 'ended' WHERE id = matter.id;
  RETURN NULL;
END $$;
CREATE TRIGGER end_is_an_offices AFTER INSERT ON casework_verdict
FOR EACH ROW WHEN (NEW.verdict = 'end') EXECUTE FUNCTION casework_end_is_an_offices();
"""
BACKWARD = """
DROP TRIGGER end_is_an_offices ON casework_verdict;
DROP FUNCTION casework_end_is_an_offices();
DELETE FROM casework_move WHERE verdict = 'end';
DROP TABLE casework_ended_by_office;
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0008_offices_recall")]
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
                    ("end", "依职权终止"),
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
        migrations.AlterField(
            "reviewcase",
            "state",
            models.CharField(
                choices=[
                    ("open", "办理中"),
                    ("stopped", "补正中"),
                    ("approved", "已办结"),
                    ("rejected", "不予通过"),
                    ("withdrawn", "已撤回"),
                    ("disqualified", "已取消资格"),
                    ("ended", "已依职权终止"),
                ],
                default="open",
                editable=False,
                max_length=12,
                verbose_name="状态",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
