"""The main menu: one entry is one line, shown to those whom its condition admits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from parcels.imports.access import may_import
from parcels.reviews.access import may_use_bench
from portal.accounts.models import Department, Role
from portal.accounts.queries import (
    AnyUser,
    has_role,
    is_staff_reader,
    mandates_in_force,
    works_in,
)
from portal.casework.access import has_desk
from tickets.finance.access import may_read_register
from tickets.supervision.access import departments_of


def everyone(_user: AnyUser) -> bool:
    return True


def signed_in(user: AnyUser) -> bool:
    return user.is_authenticated


def verifies(user: AnyUser) -> bool:
    return has_role(user, Role.VERIFIER)


def owns_projects(user: AnyUser) -> bool:
    """Everybody who may come to own one: who serves the register has a desk instead."""
    return user.is_authenticated and not has_desk(user)


def checks_identities(user: AnyUser) -> bool:
    return works_in(user, Department.FORESTRY)


def serves_a_department(user: AnyUser) -> bool:
    """Officers of the six departments, and the auditor."""
    return bool(departments_of(user)) or has_role(user, Role.AUDITOR)


def has_finance(user: AnyUser) -> bool:
    """Banks, insurers and the office that keeps their register."""
    return may_read_register(user) or has_role(user, Role.BANK) or has_role(user, Role.INSURER)


def acts_for_somebody(user: AnyUser) -> bool:
    """Owners and those who act for them; officers see titles on the bench."""
    return mandates_in_force(user).exists()


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """``view`` names the page; ``under`` are the first segments of addresses that belong to it.

    The sheet of the menu lists every entry; the bar beside it those with ``in_bar``, at most
    six or seven for anybody, so that it fits in English too.
    """

    label: str | Promise
    view: str
    shown_to: Callable[[AnyUser], bool]
    under: tuple[str, ...] = ()
    in_bar: bool = False


@dataclass(frozen=True, slots=True)
class MenuSection:
    """Entries that belong together, under one heading of the sheet."""

    label: str | Promise
    entries: tuple[MenuEntry, ...]


MENU: tuple[MenuSection, ...] = (
    MenuSection(
        _("公开信息"),
        (
            MenuEntry(_("地图"), "site:home", everyone, in_bar=True),
            MenuEntry(_("这里有什么"), "layers:stands-here", everyone, ("what-stands-here",)),
            MenuEntry(
                pgettext_lazy("menu", "碳票"), "registry:register", everyone,
                ("tickets", "roots", "loss-notices"), in_bar=True,
            ),
            MenuEntry(_("统计"), "layers:statistics", everyone, ("statistics",)),
            MenuEntry(_("开放数据"), "layers:open-data", everyone, ("open-data",)),
            MenuEntry(_("开发者"), "layers:developers", everyone, ("developers",)),
            MenuEntry(_("市场"), "market:market", everyone, ("market",), in_bar=True),
            MenuEntry(
                _("公示"), "casework:notices", everyone, ("notices", "objections"), in_bar=True,
            ),
            MenuEntry(
                _("监督"), "supervision:supervision", everyone,
                ("supervision", "complaints", "inspections", "eco-justice", "disclosure"),
            ),
        ),
    ),
    MenuSection(
        pgettext_lazy("menu", "办理"),
        (
            MenuEntry(
                pgettext_lazy("menu", "权属"), "parcels:my-titles", acts_for_somebody,
                ("titles", "boundary"), in_bar=True,
            ),
            MenuEntry(
                pgettext_lazy("menu", "项目"), "projects:projects", owns_projects,
                ("projects", "applications"), in_bar=True,
            ),
            MenuEntry(
                pgettext_lazy("menu", "登记"), "registry:work", signed_in,
                ("registrations", "requests"), in_bar=True,
            ),
            MenuEntry(
                pgettext_lazy("menu", "抵消"), "offsets:offsets", signed_in,
                ("offsets", "offset-requests"),
            ),
        ),
    ),
    MenuSection(
        _("审核"),
        (
            MenuEntry(_("工作台"), "casework:desk", has_desk, ("desk", "cases"), in_bar=True),
            MenuEntry(_("审核台"), "parcels:bench", may_use_bench, ("bench",), in_bar=True),
            MenuEntry(
                _("身份核验"), "accounts:identity-checks", checks_identities,
                ("identity-checks", "party-links"),
            ),
            MenuEntry(_("核算"), "accounting:reports", verifies, ("accounting",), in_bar=True),
            MenuEntry(_("看板"), "supervision:dashboards", serves_a_department, ("dashboards",)),
            MenuEntry(_("金融"), "finance:finance", has_finance, ("finance",)),
        ),
    ),
    MenuSection(
        _("图形数据"),
        (
            MenuEntry(_("导入"), "parcels:imports", may_import, ("imports",)),
            MenuEntry(_("批量筛查"), "parcels:screenings", may_import, ("screenings",)),
            MenuEntry(_("排除范围"), "parcels:exclusions", may_import, ("exclusions",)),
            MenuEntry(_("导出界线"), "parcels:export", is_staff_reader, ("boundaries",)),
        ),
    ),
    MenuSection(
        _("账户与帮助"),
        (
            MenuEntry(_("我的"), "accounts:my-page", signed_in, ("my",)),
            MenuEntry(_("帮助"), "site:help", everyone, ("help",)),
        ),
    ),
)  # fmt: skip
