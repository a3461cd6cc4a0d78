"""Rivers, lakes and towns of the base map are called what people here call them."""

from django.db import migrations

NAMES = {
    "Naryn": "纳伦河",
    "Tarim": "塔里木河",
    "Ile": "伊犁河",
    "Künes": "巩乃斯河",
    "Ebinur Hu": "艾比湖",
    "Kapchagay Reservoir": "卡普恰盖水库",
    "Issyk-Kul": "伊塞克湖",
    "Alakol": "阿拉湖",
    "扎爾肯特": "扎尔肯特",
    "Sarqan": "萨尔坎德",
    "Shonzhy": "春贾",
    "塔爾迪庫爾干": "塔尔迪库尔干",
    "库车县": "库车",
}


def rename(apps, schema_editor):
    features = (
        apps.get_model("base", "BaseMapFeature")
        .objects.using(schema_editor.connection.alias)
        .filter(layer="natural")
    )
    for feature in features.filter(name__in=NAMES):
        name = NAMES[feature.name]
        feature.properties = {**feature.properties, "name": name, "source_name": feature.name}
        feature.name = name
        feature.save(update_fields=["name", "properties"])


class Migration(migrations.Migration):
    dependencies = [("base", "0005_base_map")]
    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
