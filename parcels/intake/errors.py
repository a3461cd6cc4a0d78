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
    "format_pdf": _("“{name}”是 PDF，不含坐标数据。请上传 shapefile、DXF、报备坐标等数据文件。"),
    "shapefile_alone": _(
        "“{name}”只是 shapefile 的一部分。请把 .shp、.dbf、.shx、.prj 一起压缩为 zip。"
    ),
    "format_unknown": _(
        "无法识别“{name}”的格式。可以上传：zip（shapefile）、GeoPackage（.gpkg）、GeoJSON、"
        "KML/KMZ、DXF、报备坐标 TXT、界址点 XLSX/CSV。"
    ),
    "zip_damaged": _("压缩包已损坏，无法解开。请重新压缩后上传。"),
    "zip_empty": _("压缩包里没有文件。请把图层文件压缩后上传。"),
    "zip_entries": _("压缩包里有 {entries} 个文件，超过 {limit} 个的上限。请只保留要导入的图层。"),
    "zip_name_absolute": _("压缩包里的“{name}”使用了绝对路径，已拒绝。请重新压缩文件夹。"),
    "zip_name_leads_out": _("压缩包里的“{name}”指向包外（含 ..），已拒绝。请重新压缩文件夹。"),
    "zip_has_link": _("压缩包里的“{name}”是链接，已拒绝。请放入文件本身。"),
    "zip_encrypted": _("压缩包里的“{name}”有密码。请去掉密码后重新压缩。"),
    "zip_nested": _("压缩包里还有压缩包“{name}”。请先解开，再把图层文件压缩为一个 zip。"),
    "zip_ratio": _("压缩包里的“{name}”压缩比超过 {limit} 倍，疑似恶意文件，已拒绝。请重新压缩。"),
    "zip_unpacked_size": _("压缩包解开后超过 {limit_mib} MB。请拆分后分批上传。"),
    "zip_without_layers": _(
        "压缩包里没有可读的图层（只有：{names}）。需要 .shp 及同名的 .dbf、.shx。"
    ),
    "shapefile_part_missing": _(
        "图层“{layer}”缺少 {part} 文件。请把同名的 .shp、.dbf、.shx、.prj 一起压缩。"
    ),
    "file_damaged": _("文件内容已损坏，读取中断。请在原软件中重新导出。（{detail}）"),
    "json_damaged": _("JSON 在第 {line} 行第 {column} 列有语法错误。请用原软件重新导出。"),
    "geojson_shape": _("这个 JSON 不是 GeoJSON 要素集。请导出为 FeatureCollection。"),
    "geojson_encoding": _("JSON 的文字编码无法识别。请存为 UTF-8。"),
    "geojson_too_large": _("GeoJSON 超过 {limit_mib} MB。请改用 GeoPackage。"),
    "nested_too_deeply": _("文件的嵌套层数过深，已拒绝。请在原软件中重新导出。"),
    "no_layers": _("文件里没有带图形的图层。请导出带图形的面图层。"),
    "layer_missing": _("文件里没有图层“{layer}”。请从现有图层中选择：{layers}。"),
    "layer_empty": _("图层“{layer}”里没有要素。请选择其他图层或重新导出。"),
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
        "请填写本地七参数，或在测绘软件中转换后再上传。"
    ),
    "format_xls": _(
        "“{name}”是旧版 Excel（.xls）或有密码的工作簿。请另存为不加密的 .xlsx 后再上传。"
    ),
    "format_ovobj": _("“{name}”是奥维对象文件，不能直接读取。请在奥维中导出为 shp、DXF 或 ovkml。"),
    "text_too_large": _("文本超过 {limit_mib} MB。请拆分后分批上传。"),
    "text_encoding_wrong": _(
        "按 {encoding} 读取时，第 {row} 行有无法解读的文字。请换一种编码，或另存为 UTF-8。"
    ),
    "xml_forbidden": _("文件含 DTD 或实体定义，可能有害，已拒绝。请在原软件中重新导出。"),
    "xml_damaged": _("XML 在第 {line} 行第 {column} 列有语法错误。请用原软件重新导出。"),
    "kml_network_link": _(
        "KML 含 NetworkLink（图形在别处），已拒绝。请在地图软件中打开后，把图形本身另存为 KML。"
    ),
    "dxf_without_polygons": _(
        "图纸里没有闭合的多段线或填充，没有可作为地块的图形。请把边界线闭合（PEDIT）后再上传。"
    ),
    "survey_zone_missing": _(
        "坐标系是{name}，但文件头没有可用的带号，坐标也没有带号前缀。请填写带号后再上传。"
    ),
    "survey_parameters_wrong": _(
        "转换参数“{written}”不能使用：须为七个数（三个平移/米、三个旋转/秒、尺度/ppm），"
        "且换算后位移应在 1 公里以内。请核对。"
    ),
    "table_header_missing": _(
        "前 {rows} 行里没有找到坐标列。表头须有“X、Y”或“经度、纬度”，并可有地块号、圈号、点号。"
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
    "too_few_points": _("边界线的点太少，围不成面。请补足界址点。"),
    "too_many_vertices": _("界址点 {vertices} 个，超过 {limit} 个的上限。请适当简化。"),
    "outside_earth": _("坐标（{x}，{y}）按“{crs}”不在地球上。请检查坐标系。"),
    "self_intersection": _("边界线自相交（交叉点见地图）。请在此处改正界址点顺序。"),
    "ring_self_intersection": _("边界线在一点相碰（位置见地图）。请拆成两部分或错开界址点。"),
    "hole_outside": _("内环（孔洞）在外环之外（位置见地图）。请改为单独的面。"),
    "holes_nested": _("内环（孔洞）相互包含（位置见地图）。请删去多余的内环。"),
    "parts_nested": _("图形的一部分在另一部分之内（位置见地图）。请合并或删去。"),
    "interior_disconnected": _("孔洞把图形切断（位置见地图）。请拆成多个部分。"),
    "rings_twice": _("同一条边界线出现两次（位置见地图）。请删去一条。"),
    "area_zero": _("图形面积为零。请补画或删除这一行。"),
    "rings_cross": _("界址圈相互交叉（位置见地图）。请检查圈号与点号的顺序。"),
    "point_count_wrong": _(
        "第 {line} 行写明界址点 {stated} 个，实际有 {found} 行。请核对是否缺点或多点。"
    ),
    "point_line_wrong": _("第 {line} 行（{text}）不是“点号,圈号,X,Y”，或数值不合理。请改正。"),
    "zone_differs": _("第 {line} 行的带号是 {zone}，其他界址点的带号是 {expected}。请改正。"),
    "shifted_coordinates": _(
        "坐标已偏移（{system}，约 280 米），不能作为界线。请以 CGCS2000 或 WGS 84 坐标重新导出。"
    ),
    "cell_empty": _("单元格 {cell} 缺坐标。请补填。"),
    "cell_not_number": _("单元格 {cell} 的“{value}”不是数。请去掉字母、单位或多余符号。"),
    "cell_is_formula": _("单元格 {cell} 是公式。请“选择性粘贴—数值”后再上传。"),
    "cell_angle_wrong": _("单元格 {cell} 的“{value}”中分或秒不小于 60。请改正。"),
    "cell_out_of_line": _(
        "单元格 {cell} 的 {value} 与表中其他坐标的写法不同（位数、带号）。请核对是否漏写数字。"
    ),
    "point_repeated": _("单元格 {cell} 的界址点与上一点坐标相同。请删除重复点或改正坐标。"),
    "unit_number_malformed": _("不动产单元号“{unit_number}”不是 28 位规范编码，请核对。"),
}

NOTICE_MESSAGES: dict[str, str | Promise] = {
    "shx_restored": _("压缩包缺少 .shx，已由 .shp 重建索引。"),
    "prj_missing": _("压缩包缺少 .prj，坐标系由数值推断，请在地图上核对位置。"),
    "crs_unreadable": _("文件写明的坐标系无法解读，已由数值推断，请核对。"),
    "crs_contradicts_numbers": _("文件称坐标为经纬度，数值却是平面坐标，已由数值推断，请核对。"),
    "wgs84_as_cgcs2000": _("WGS 84 坐标按 CGCS2000 使用（相差厘米级）。"),
    "axes_swapped": _("坐标先北后东（测量顺序），已按此读取。"),
    "xy_exchanged": _("X、Y 两列与测量规范相反（X 应为北坐标），已按数值对调，请核对。"),
    "altitude_dropped": _("图形带有高程，已略去，只用平面位置。"),
    "rings_closed": _("有 {n} 条边界线首尾没有闭合，已连接首尾点。"),
    "may_be_gcj02": _(
        "手机地图导出的坐标可能是 GCJ-02（约偏 280 米）。请在地图上核对；有偏移时换用 WGS 84 导出。"
    ),
    "zone_from_header": _("坐标没有带号前缀，按文件头的带号 {zone} 读取。"),
    "zone_contradicts": _("文件头的带号是 {written}，坐标前缀是 {zone}，推测以前缀为准，请核对。"),
    "seven_parameters_used": _(
        "坐标由{name}按七参数（布尔莎模型：米、秒、ppm）换算，请在地图上核对位置。"
    ),
    "seven_parameters_given": _(
        "坐标由所填的七参数（布尔莎模型：米、秒、ppm）换算为 CGCS2000，请在地图上核对位置。"
    ),
    "seven_parameters_idle": _("文件的坐标系不需要七参数，没有使用所填的七参数。"),
    "encoding_idle": _("文件自己写明文字编码，没有使用所选的编码。"),
    "area_in_square_metres": _("有 {n} 个地块的面积以平方米填写，已换算为公顷。"),
    "dxf_holes": _("有 {n} 条闭合线位于另一条之内，已作为孔洞，请核对。"),
    "dxf_open_lines": _("有 {n} 条多段线没有闭合，没有作为地块。"),
    "dxf_other_lines": _("有 {n} 个直线、圆弧、圆等对象没有读取。地块边界请用闭合多段线。"),
    "dxf_blocks": _("图纸有 {n} 个块参照没有读取。其中如有地块，请先分解（EXPLODE）。"),
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
