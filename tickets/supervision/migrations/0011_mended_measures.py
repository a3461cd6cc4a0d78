"""A follow-up visit says whether what was demanded is mended."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0010_justice_from_the_market_guarantees"),
    ]

    operations = [
        migrations.AddField(
            model_name="inspection",
            name="mended",
            field=models.BooleanField(null=True, verbose_name="整改是否落实"),
        ),
    ]
