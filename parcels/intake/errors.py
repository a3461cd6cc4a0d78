"""What the reader's codes say to people: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError

FILE_MESSAGES: dict[str, str | Promise] = {
    "file_missing": _("找不到文件“{name}”。请检查路径。"),
    "file_empty": _("文件“{name}”是空的。请重新导出后再上传。"),
    "file_too_large": _("文件 {size_mib} MB，超过 {limit_mib} MB 的上限。请拆分后分批上传。"),
    "not_a_zip": _("“{name}”的内容不是 zip 压缩包。请用压缩软件重新打包为 zip。"),
    "format_rar": _("“{name}”是 RAR 压缩包。请改存为 zip。"),
    "format_7z": _("“{name}”是 7z 压缩包。请改存为 zip。"),
    "format_gzip": _("“{name}”是 gzip 压缩包。请改存为 zip。"),
    "format_dwg": _("“{name}”是 DWG 图纸，不能直接读取。请在制图软件中另存为 DXF。"),
    "format_pdf": _("“{name}”是 PDF，不含坐标数据。请上传 zip（shapefile）、GeoPackage 或 GeoJSON。"),
    "shapefile_alone": _(
        "“{name}”只是 shapefile 的一部分。请把 .shp、.dbf、.shx、.prj 一起压缩为 zip。"
    ),
    "format_unknown": _(
        "无法识别“{name}”的格式。可以上传：zip（shapefile）、GeoPackage（.gpkg）、GeoJSON。"
    ),
    "zip_damaged": _("压缩包已损坏，无法解开。请重新压缩后上传。"),
    "zip_empty": _("压缩包里没有文件。"),
    "zip_entries": _("压缩包里有 {entries} 个文件，超过 {limit} 个的上限。请只保留要导入的图层。"),
    "zip_name_absolute": _("压缩包里的“{name}”使用了绝对路径，已拒绝。请重新压缩文件夹。"),
    "zip_name_leads_out": _("压缩包里的“{name}”指向包外（含 ..），已拒绝。请重新压缩文件夹。"),
    "zip_has_link": _("压缩包里的“{name}”是链接，已拒绝。请放入文件本身。"),
    "zip_encrypted": _("压缩包里的“{name}”有密码。请去掉密码后重新压缩。"),
    "zip_nested": _("压缩包里还有压缩包“{name}”。请先解开，再把图层文件压缩为一个 zip。"),
    "zip_ratio": _("压缩包里的“{name}”压缩比超过 {limit} 倍，疑似恶意文件，已拒绝。"),
    "zip_unpacked_size": _("压缩包解开后超过 {limit_mib} MB。请拆分后分批上传。"),
    "zip_without_layers": _("压缩包里没有可读的图层（只有：{names}）。需要 .shp 及同名的 .dbf、.shx。"),
    "shapefile_part_missing": _(
        "图层“{layer}”缺少 {part} 文件。请把同名的 .shp、.dbf、.shx、.prj 一起压缩。"
    ),
    "file_damaged": _("文件内容已损坏，读取中断。请在原软件中重新导出。（{detail}）"),
    "json_damaged": _("JSON 在第 {line} 行第 {column} 列有语法错误。请用原软件重新导出。"),
    "geojson_shape": _("这个 JSON 不是 GeoJSON 要素集。请导出为 FeatureCollection。"),
    "geojson_encoding": _("JSON 的文字编码无法识别。请存为 UTF-8。"),
    "geojson_too_large": _("GeoJSON 超过 {limit_mib} MB。请改用 GeoPackage。"),
    "nested_too_deeply": _("文件的嵌套层数过深，已拒绝。请在原软件中重新导出。"),
    "no_layers": _("文件里没有带图形的图层。"),
    "layer_missing": _("文件里没有图层“{layer}”。现有图层：{layers}。"),
    "layer_empty": _("图层“{layer}”里没有要素。"),
    "too_many_features": _("要素超过 {limit} 个。请拆分后分批导入。"),
    "encoding_unknown": _("不认识的文字编码“{encoding}”。可选 UTF-8、GB18030、Big5。"),
    "encoding_wrong": _(
        "按 {encoding} 读取时，第 {row} 行“{column}”列有无法解读的文字。请换一种编码。"
    ),
    "crs_missing": _(
        "文件没有写明坐标系，坐标数值也不像任何常用坐标系。请选定坐标系（EPSG）后再读取。"
    ),
    "crs_unknown": _("无法使用坐标系“{name}”。请转换为 CGCS2000（如 EPSG:4490、4536）后再上传。"),
    "crs_needs_seven_parameters": _(
        "坐标系是{name}，转换到 CGCS2000 需要七参数，否则约偏 100 米，已拒绝。"
        "请在测绘软件中用本地七参数转换后再上传。"
    ),
    "reader_timeout": _("读取超过 {seconds} 秒，已停止。请简化或拆分文件。"),
    "reader_memory": _("读取所需内存超过上限，已停止。请简化或拆分文件。"),
    "reader_crashed": _("文件使读取程序异常中止，没有写入任何内容。请在原软件中重新导出。"),
}

FEATURE_MESSAGES: dict[str, str | Promise] = {
    "geometry_missing": _("没有图形。请补画或删除这一行。"),
    "geometry_empty": _("图形是空的。请补画或删除这一行。"),
    "geometry_is_point": _("图形是点，宗地须为面。"),
    "geometry_is_line": _("图形是线，宗地须为面。请转换为面。"),
    "geometry_is_curve": _("图形含曲线。请转换为折线后再导出。"),
    "geometry_is_collection": _("图形是混合集合。请拆分，只保留面。"),
    "geometry_unreadable": _("图形无法解读。请在原软件中修复后重新导出。"),
    "geometry_invalid": _("图形无效（{reason}）。请在此处修正界线。"),
    "position_wrong": _("坐标写法有误，须为两个数。"),
    "number_not_finite": _("坐标含非数值（NaN 或无穷大）。请改正该点。"),
    "ring_open": _("边界线没有闭合。请使首尾点重合。"),
    "too_few_points": _("边界线的点太少，围不成面。"),
    "too_many_vertices": _("界址点 {vertices} 个，超过 {limit} 个的上限。请适当简化。"),
    "outside_earth": _("坐标（{x}，{y}）按“{crs}”不在地球上。请检查坐标系。"),
    "self_intersection": _("边界线自相交（交叉点见地图）。请在此处改正界址点顺序。"),
    "ring_self_intersection": _("边界线在一点相碰（位置见地图）。请拆成两部分或错开界址点。"),
    "hole_outside": _("内环（孔洞）在外环之外（位置见地图）。"),
    "holes_nested": _("内环（孔洞）相互包含（位置见地图）。"),
    "parts_nested": _("图形的一部分在另一部分之内（位置见地图）。"),
    "interior_disconnected": _("孔洞把图形切断（位置见地图）。请拆成多个部分。"),
    "rings_twice": _("同一条边界线出现两次（位置见地图）。"),
    "area_zero": _("图形面积为零。"),
    "unit_number_malformed": _("不动产单元号“{unit_number}”不是 28 位规范编码，请核对。"),
}

NOTICE_MESSAGES: dict[str, str | Promise] = {
    "shx_restored": _("压缩包缺少 .shx，已由 .shp 重建索引。"),
    "prj_missing": _("压缩包缺少 .prj，坐标系由数值推断，请在地图上核对位置。"),
    "crs_unreadable": _("文件写明的坐标系无法解读，已由数值推断，请核对。"),
    "crs_contradicts_numbers": _("文件称坐标为经纬度，数值却是平面坐标，已由数值推断，请核对。"),
    "wgs84_as_cgcs2000": _("WGS 84 坐标按 CGCS2000 使用（相差厘米级）。"),
    "axes_swapped": _("坐标先北后东（测量顺序），已按此读取。"),
    "inspected_part": _("文件较大，这里只检查了前 {n} 个要素；提交后逐个检查。"),
    "far_from_ili": _("图形位于东经 {lon}°、北纬 {lat}° 附近，不在伊犁。请检查坐标系。"),
}


class IntakeError(PortalError):
    """A file as a whole cannot be read; nothing of it was taken in.

    One class for all codes of the reader, because they come as data from its process.
    """

    code = "intake_error"

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(**facts)
        self.code = code  # type: ignore[misc]
        self.message = FILE_MESSAGES.get(code, FILE_MESSAGES["reader_crashed"])  # type: ignore[misc]


def reject_message(code: str, params: Mapping[str, Any]) -> str:
    """Why one feature was not taken, or was taken with a warning."""
    text = FEATURE_MESSAGES.get(code, FEATURE_MESSAGES["geometry_unreadable"])
    return str(text).format(**params)


def notice_message(code: str, params: Mapping[str, Any]) -> str:
    """Something to know about how the file was read."""
    return str(NOTICE_MESSAGES[code]).format(**params)
