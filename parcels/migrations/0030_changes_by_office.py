"""A verified title is changed by office too: for a reported error, or a shape that an import brought."""

from django.db import migrations, models

# Who holds the wrong title cannot take back the case in which the bureau corrects it (article 3).
GUARD = """
CREATE FUNCTION case_by_office_is_not_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a case by office was to be withdrawn'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'case_by_office_is_not_withdrawn',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER case_by_office_is_not_withdrawn BEFORE UPDATE ON parcels_titlereview
FOR EACH ROW WHEN (NEW.state = 'withdrawn' AND OLD.state <> 'withdrawn'
                   AND NEW.because IN ('takeover', 'office'))
EXECUTE FUNCTION case_by_office_is_not_withdrawn();
"""
NO_GUARD = """
DROP TRIGGER case_by_office_is_not_withdrawn ON parcels_titlereview;
DROP FUNCTION case_by_office_is_not_withdrawn();
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0029_ended_reviews_let_go")]
    operations = [
        migrations.AlterField(
            model_name="titlereview",
            name="because",
            field=models.CharField(
                choices=[
                    ("registration", "首次登记"),
                    ("change", "变更"),
                    ("takeover", "接管中的冲突"),
                    ("office", "依职权变更"),
                ],
                max_length=12,
                verbose_name="缘由",
            ),
        ),
        migrations.AddIndex(
            model_name="parcelversion",
            index=models.Index(
                condition=models.Q(("stands_from__isnull", True)),
                fields=["parcel"],
                name="proposed_version_by_parcel",
            ),
        ),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
