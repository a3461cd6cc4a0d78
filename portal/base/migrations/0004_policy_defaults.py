"""The defaults of domain.md where the regulation is silent; the bureau changes them by newer rows."""

from django.db import migrations

OVERLAP = "domain.md · Overlap, sliver, gap"
NUMBERS = [
    ("overlap.grid_m", "0.0001", "m", "比较前的坐标归整格网", OVERLAP),
    ("overlap.sliver_area_m2", "1", "m²", "不大于此面积的重叠为细缝", OVERLAP),
    ("overlap.sliver_halfwidth_m", "0.025", "m", "内缩此值后消失的重叠为细缝", OVERLAP),
    ("title.min_area_m2", "10", "m²", "宗地最小面积", "policy"),
    ("title.tiny_part_m2", "1", "m²", "应提示的碎部面积", OVERLAP),
    ("title.tiny_hole_m2", "1", "m²", "应提示的小洞面积", OVERLAP),
    ("title.sharp_angle_deg", "1", "°", "应提示的尖角", OVERLAP),
    ("title.close_vertices_m", "0.01", "m", "应提示的相邻界址点间距", OVERLAP),
    ("title.gap_width_m", "1", "m", "相邻小班间应提示的缝隙宽度", OVERLAP),
    (
        "area.note_percent",
        "1",
        "%",
        "证载面积与图上面积之差须提示",
        "domain.md · Titles and numbers",
    ),
    (
        "area.reason_percent",
        "5",
        "%",
        "证载面积与图上面积之差须书面说明",
        "domain.md · Titles and numbers",
    ),
    ("geometry.vertex_limit", "100000", "点", "单个图形的界址点上限", "policy"),
    ("public.generalise_m", "10", "m", "公众图形的概化格网", "domain.md · What the public may see"),
    (
        "public.parcel_zoom_min",
        "10",
        "级",
        "公众可见宗地的最小级别",
        "domain.md · What the public may see",
    ),
    (
        "public.parcel_zoom_max",
        "16",
        "级",
        "公众可见宗地的最大级别",
        "domain.md · What the public may see",
    ),
    (
        "export.exact_km2",
        "25",
        "km²",
        "导出精确界线须二次验证的总面积",
        "domain.md · What the public may see",
    ),
    ("review.working_days", "15", "工作日", "审核期限", "第八条"),
    ("review.completeness_days", "5", "工作日", "材料齐全性审查期限", "第八条"),
]


def insert(apps, schema_editor):
    policy = apps.get_model("base", "Policy")
    policy.objects.using(schema_editor.connection.alias).bulk_create(
        policy(code=code, value=value, unit=unit, label=label, article=article)
        for code, value, unit, label, article in NUMBERS
    )


# set_policy() takes its moment a little before it writes; a minute is no past that decides anything.
NOT_IN_THE_PAST = """
CREATE FUNCTION policy_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.valid_from < portal_now() - interval '1 minute' THEN
    RAISE EXCEPTION 'a policy value does not begin in the past'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_does_not_begin_in_the_past',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER policy_begins BEFORE INSERT ON base_policy
FOR EACH ROW EXECUTE FUNCTION policy_begins();
"""


class Migration(migrations.Migration):
    dependencies = [("base", "0003_policy_is_read_by_sql")]
    operations = [
        migrations.RunPython(insert, migrations.RunPython.noop),
        migrations.RunSQL(
            NOT_IN_THE_PAST,
            "DROP TRIGGER policy_begins ON base_policy; DROP FUNCTION policy_begins();",
        ),
    ]
