"""Counties, rivers, lakes and towns of the base map have English names too.

Those of counties are the romanised ones of GB/T 2260.
"""

from django.db import migrations

COUNTIES = {
    "654002": "Yining",
    "654003": "Kuytun",
    "654004": "Korgas",
    "654021": "Yining County",
    "654022": "Qapqal Xibe Autonomous County",
    "654023": "Huocheng County",
    "654024": "Gongliu County",
    "654025": "Xinyuan County",
    "654026": "Zhaosu County",
    "654027": "Tekes County",
    "654028": "Nilka County",
}
NATURAL = {
    "纳伦河": "Naryn",
    "塔里木河": "Tarim",
    "伊犁河": "Ili River",
    "巩乃斯河": "Künes River",
    "艾比湖": "Ebinur Lake",
    "卡普恰盖水库": "Kapchagay Reservoir",
    "伊塞克湖": "Issyk-Kul",
    "阿拉湖": "Alakol",
    "扎尔肯特": "Zharkent",
    "萨尔坎德": "Sarkand",
    "春贾": "Shonzhy",
    "卡拉科尔": "Karakol",
    "库车": "Kuqa",
    "克拉玛依": "Karamay",
    "塔尔迪库尔干": "Taldykorgan",
    "伊宁": "Yining",
}


def name(apps, schema_editor):
    model = apps.get_model("base", "BaseMapFeature")
    for feature in model.objects.using(schema_editor.connection.alias).defer("geom"):
        english = COUNTIES.get(feature.code) or NATURAL.get(feature.name)
        if english is not None:
            feature.properties = {**feature.properties, "name_en": english}
            feature.save(update_fields=["properties"])


class Migration(migrations.Migration):
    dependencies = [("base", "0011_townships_in_english")]
    operations = [migrations.RunPython(name, migrations.RunPython.noop)]
