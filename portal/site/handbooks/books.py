"""Which handbooks there are, where their texts lie, and whose is whose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department, Role
from portal.accounts.queries import AnyUser, open_grants

DOCS = Path(settings.ROOT) / "docs"
CHINESE, ENGLISH = "zh-hans", "en"


@dataclass(frozen=True, slots=True)
class Handbook:
    """``files``: language → its text; a reader of another language is shown the first, and told so."""

    slug: str
    title: str | Promise
    summary: str | Promise
    files: dict[str, Path]

    def text_for(self, language: str | None) -> tuple[str, Path]:
        """The language that the reader gets, and its file."""
        if language in self.files:
            return language, self.files[language]
        return next(iter(self.files.items()))


def handbook(
    slug: str, title: str | Promise, summary: str | Promise, *, english: bool = False
) -> Handbook:
    """A handbook below ``docs/handbook``: in Chinese, where ``english`` in English too."""
    files = {CHINESE: DOCS / "handbook" / "zh" / f"{slug}.md"}
    if english:
        files[ENGLISH] = DOCS / "handbook" / "en" / f"{slug}.md"
    return Handbook(slug, title, summary, files)


HANDBOOKS: tuple[Handbook, ...] = (
    handbook("visitor", _("公众"), _("看地图、查验碳票、下载数据、小额购买、提出异议和举报。"), english=True),
    handbook("owner", _("林权人和碳票持有人"), _("登记权属、画项目范围、申报、领票、转让、质押、抵消。")),
    handbook("natural-resources", _("自然资源部门"), _("导入宗地、审核权属、批量筛查、登记排除范围。")),
    handbook("forestry", _("林业部门、核算机构和专家"), _("核验身份、审核申报、制发和登记碳票、现场检查。")),
    handbook("ecology", _("生态环境部门"), _("备案签发减排量、签发抵消凭证、批准零售池。")),
    handbook("trading", _("交易中心、银行、保险和协同部门"), _("挂牌、竞价、结算，质押和保险，生态司法。")),
    handbook(
        "operator", _("运行维护和系统管理"), _("安装、备份、恢复、只读副本、升级，账户和政策值。"),
        english=True,
    ),
    handbook("developer", _("开发"), _("搭建环境、测试、改动的规矩、手册怎样保持真实。"), english=True),
    Handbook(
        "data", _("数据接口"), _("OGC API、矢量瓦片、REST，供其他程序使用。"),
        {CHINESE: DOCS / "developers.zh-CN.md", ENGLISH: DOCS / "developers.md"},
    ),
    Handbook(
        "verify", _("外部核对登记簿"), _("导出文件的格式，怎样用公布的根值核对。"),
        {ENGLISH: DOCS / "verify.md"},
    ),
)  # fmt: skip
BY_SLUG = {book.slug: book for book in HANDBOOKS}

_OF_DEPARTMENTS = {
    Department.NATURAL_RESOURCES: "natural-resources",
    Department.FORESTRY: "forestry",
    Department.ECOLOGY: "ecology",
    Department.DEVELOPMENT_REFORM: "trading",
    Department.FINANCE: "trading",
    Department.JUSTICE: "trading",
}
_OF_ROLES = {
    Role.TRADING_CLERK: "trading",
    Role.TRADING_APPROVER: "trading",
    Role.BANK: "trading",
    Role.INSURER: "trading",
    Role.VERIFIER: "forestry",
    Role.EXPERT: "forestry",
    Role.AUDITOR: "operator",
    Role.ADMINISTRATOR: "operator",
}


def handbook_of(user: AnyUser) -> Handbook:
    """The handbook of the first office that ``user`` holds; without one the owner's or visitor's."""
    for role, department in open_grants(user):
        if department:
            return BY_SLUG[_OF_DEPARTMENTS[Department(department)]]
        return BY_SLUG[_OF_ROLES[role]]
    return BY_SLUG["owner" if user.is_authenticated else "visitor"]
