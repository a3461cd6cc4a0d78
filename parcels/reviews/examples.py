"""One example of each rule, in words, for the page that explains them."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

EXAMPLES: Mapping[str, str | Promise] = {
    "valid_geometry": _("界线自相交成“8”字，交点在图上标出；改正交叉的两个界址点即可。"),
    "sharp_angle": _("手机绘图时误点一处，形成 0.3 度的尖刺；删去该界址点即可。"),
    "close_vertices": _("两个界址点相距 4 毫米，多为重复测点；保留一个。"),
    "tiny_hole": _("面内有 0.2 平方米的小洞，多为拼接残留；填平即可。"),
    "tiny_part": _("主图形之外另有 0.6 平方米的碎块；删去即可。"),
    "within_city": _("地块越出本市示意界线 200 米；请核对县市代码，示意线不作法定依据。"),
    "minimum_area": _("图形仅 6 平方米；多为单位或坐标系选错。"),
    "area_against_certificate": _(
        "证载 4.2000 公顷、图上 3.9200 公顷，相差 7.1%：须写明理由；相差约 15 倍，多为把亩填成公顷。"
    ),
    "right_expired": _("证书使用期止于 2024-12-31；请先办理续期。"),
    "duplicate_number": _("同一不动产单元号登记在两宗地上；已审核的一宗有效，另一宗须更正。"),
    "overlap_title": _(
        "与邻地重叠一条长 80 米、宽 3 米的带状地（240 平方米）是冲突；"
        "重叠处处不宽于 5 厘米的是细缝，只提示，可用“对齐邻界”消除。"
    ),
    "overlap_within": _("一本证书的两宗地因重复绘制重叠 300 平方米；更正其中一宗的界线，或合并。"),
    "rival_title": _(
        "在地图上点选一宗已审核的林地，另填一个证号登记：同一种权利只有一本证书有效；"
        "共有的，写在一本证书的份额里。"
    ),
    "gap": _("与同林班的邻地之间有 0.4 米宽的缝隙；可用“对齐邻界”填平。"),
    "covered_by_titles": _(
        "项目范围东南角 1.2 公顷没有已审核的林木所有权；请先办理权属或修剪范围。"
    ),
    "title_of_applicant": _("范围内一宗地的林木所有权人不是申请人；须其书面同意并列为共同申请人。"),
    "linked_titles": _("项目画在三本证书的林地上，申请只列了其中两本。"),
    "title_outlives_period": _("监测期至 2030-12-31，而权利止于 2028-06-30。"),
    "title_expired": _("项目范围内一宗地的权利已于去年届满。"),
    "overlap_claim": _("同一地块、同一监测期已有项目占用；监测期不相交则不冲突。"),
    "overlap_exclusion": _(
        "与已备案的 CCER 项目重叠 3.5 公顷：项目依据第六条不得重复申请；权属仍可审核，只提示权利人。"
    ),
    "harvest_in_period": _("监测期内规划皆伐 2 公顷，项目须裁去；权属只作提示。抚育采伐不受此限。"),
}
