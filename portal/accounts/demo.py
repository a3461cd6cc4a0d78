"""The demo sign-ins of design.md, as data. Numbers are well formed and belong to nobody."""

from __future__ import annotations

from dataclasses import dataclass

from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.accounts.queries import mandates_in_force

DEMO_PASSWORD = "demo-yining-2026"  # noqa: S105 - printed at every start of a demonstration.


@dataclass(frozen=True, slots=True)
class DemoParty:
    """Whom a demo user acts for."""

    kind: Party.Kind
    name: str
    identity_number: str


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One demo user with at most one role and one party."""

    username: str
    full_name: str
    role: Role | None = None
    department: Department | None = None
    party: DemoParty | None = None


# Department → the names of its clerk and approver.
_OFFICES = {
    Department.FORESTRY: ("林晓", "古丽娜"),
    Department.NATURAL_RESOURCES: ("马志强", "阿依努尔"),
    Department.ECOLOGY: ("陈静", "木拉提"),
    Department.DEVELOPMENT_REFORM: ("赵磊", "热依汗"),
    Department.FINANCE: ("孙悦", "巴合提"),
    Department.JUSTICE: ("周敏", "艾力"),
}
_BODY = Party.Kind.LEGAL_BODY

DEMO_ACCOUNTS: tuple[DemoAccount, ...] = (
    *(
        account
        for department, (clerk, approver) in _OFFICES.items()
        for account in (
            DemoAccount(department.value, clerk, Role.CLERK, department),
            DemoAccount(f"{department.value}_approver", approver, Role.APPROVER, department),
        )
    ),
    DemoAccount("trading", "吴倩", Role.TRADING_CLERK),
    DemoAccount("trading_approver", "叶尔肯", Role.TRADING_APPROVER),
    *(DemoAccount(f"expert{n}", f"专家{n}", Role.EXPERT) for n in range(1, 6)),
    *(DemoAccount(f"verifier{n}", f"核算机构{n}", Role.VERIFIER) for n in (1, 2)),
    DemoAccount(
        "bank1",
        "银行经办一",
        Role.BANK,
        party=DemoParty(_BODY, "伊宁绿色银行（演示）", "91654002MADEM0033M"),
    ),
    DemoAccount(
        "bank2",
        "银行经办二",
        Role.BANK,
        party=DemoParty(_BODY, "伊犁河谷银行（演示）", "91654002MADEM0044R"),
    ),
    DemoAccount(
        "insurer",
        "保险经办",
        Role.INSURER,
        party=DemoParty(_BODY, "天山林业保险公司（演示）", "91654002MADEM0055X"),
    ),
    DemoAccount(
        "owner1",
        "王建国",
        party=DemoParty(Party.Kind.PERSON, "王建国", "654002190001010014"),
    ),
    DemoAccount(
        "owner2",
        "努尔兰",
        party=DemoParty(Party.Kind.PERSON, "努尔兰", "654002190001010022"),
    ),
    DemoAccount(
        "collective",
        "村集体经办",
        party=DemoParty(
            Party.Kind.COLLECTIVE, "达达木图村股份经济合作社（演示）", "N2654002MADEM0001U"
        ),
    ),
    DemoAccount(
        "buyer1",
        "买方经办一",
        party=DemoParty(_BODY, "伊宁旅游发展公司（演示）", "91654002MADEM0011D"),
    ),
    DemoAccount(
        "buyer2",
        "买方经办二",
        party=DemoParty(_BODY, "西域会展公司（演示）", "91654002MADEM0022H"),
    ),
    DemoAccount("auditor", "审计员", Role.AUDITOR),
    DemoAccount("admin", "系统管理员", Role.ADMINISTRATOR),
)
# The collective's members, with equal shares.
DEMO_MEMBERS = ("owner1", "owner2")
DEMO_NAMES = frozenset(account.username for account in DEMO_ACCOUNTS)


def party_of(user: User) -> Party:
    """Whom a demo user acts for in everything, as ``ensure_demo_accounts`` left it."""
    mandate = mandates_in_force(user).filter(scope=Mandate.Scope.ALL).select_related("party").get()
    return mandate.party
