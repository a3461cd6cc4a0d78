"""The bureau ends a change of a title that was returned to its owner and lies there (article 3)."""

from django.db import migrations

FORWARD = "INSERT INTO casework_ended_by_office (kind) VALUES ('title_review');"
BACKWARD = "DELETE FROM casework_ended_by_office WHERE kind = 'title_review';"


class Migration(migrations.Migration):
    dependencies = [
        ("parcels", "0036_what_lies_with_its_owner"),
        ("casework", "0009_offices_end"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
