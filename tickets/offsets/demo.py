"""The demonstration's offsets: asked, reviewed and signed, each with its certificate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import override

from portal.accounts.models import User
from portal.base.clock import advance_clock, today
from portal.base.story import Chapter
from tickets.offsets.models import Beneficiary, OffsetRequest, Purpose
from tickets.offsets.operations import (
    ask_offset,
    prepare_offset,
    propose_name,
    refuse_offset,
    review_name,
    sign_offset,
    withdraw_offset,
)
from tickets.registry.demo import Office, Tell, part_of
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import KG_PER_TONNE


def ask(
    users: dict[str, User],
    ticket: CarbonTicket,
    quantity_kg: int,
    purpose: Purpose,
    name: str,
    **facts: Any,
) -> OffsetRequest:
    """By the ticket's holder, for a name that ecology has still to look at."""
    holder = Office(users).holder(ticket)
    return ask_offset(
        ticket=ticket,
        quantity_kg=quantity_kg,
        purpose=purpose,
        beneficiary=propose_name(name=name, actor=holder),
        actor=holder,
        **facts,
    )


def sign(users: dict[str, User], request: OffsetRequest) -> None:
    """The name is accepted, the clerk prepares, the signer decides: two days."""
    advance_clock(timedelta(days=1))
    if request.beneficiary.state == Beneficiary.State.WAITING:
        review_name(beneficiary=request.beneficiary, accepted=True, actor=users["ecology"])
    prepare_offset(request=request, opinion="材料齐全，数量与用途相符。", actor=users["ecology"])
    advance_clock(timedelta(days=1))
    sign_offset(request=request, actor=users["ecology_approver"])


def race_in_the_city(users: dict[str, User], tell: Tell) -> None:
    """The tourism company offsets the emissions of an event, from the forest on the north slope."""
    with override("zh-hans"):
        ticket = Office(users).ticket("北山坡杨树造林项目", "buyer1")
        held_on = today() + timedelta(days=20)
        request = ask(
            users, ticket, part_of(ticket, 3), Purpose.EVENT, "伊宁城市马拉松组委会",
            event_name="伊宁城市马拉松", place="伊宁市滨河大道",
            begins_on=held_on, ends_on=held_on, headcount=6000,
        )  # fmt: skip
        sign(users, request)


def year_of_the_company(users: dict[str, User], tell: Tell) -> None:
    """Half of what the exhibition company bought goes to its offices' past year."""
    with override("zh-hans"):
        ticket = Office(users).ticket("南渠沿岸造林项目", "buyer2")
        request = ask(
            users, ticket, part_of(ticket, 2), Purpose.ORGANISATION_YEAR, "西域会展公司（演示）",
            year=today().year - 1,
        )  # fmt: skip
        sign(users, request)


def family_of_an_owner(users: dict[str, User], tell: Tell) -> None:
    """From a ticket that a household got when the common one was divided."""
    with override("zh-hans"):
        ticket = Office(users).ticket("达达木图村杨树造林项目", "owner2")
        request = ask(users, ticket, 1200, Purpose.PERSON, "努尔兰一家")
        sign(users, request)


def rest_for_a_fair(users: dict[str, User], tell: Tell) -> None:
    """The last kilogram of a ticket is used."""
    with override("zh-hans"):
        ticket = Office(users).ticket("南渠沿岸造林项目", "buyer2")
        opens_on = today() + timedelta(days=15)
        request = ask(
            users, ticket, ticket.blocks.free().quantity_kg(), Purpose.EVENT, "天马文化旅游节组委会",
            event_name="天马文化旅游节", place="伊宁市会展中心",
            begins_on=opens_on, ends_on=opens_on + timedelta(days=3), headcount=20_000,
        )  # fmt: skip
        sign(users, request)


def second_thoughts(users: dict[str, User], tell: Tell) -> None:
    """A name that ecology does not print, and a request that its holder takes back."""
    with override("zh-hans"):
        ticket = Office(users).ticket("英也尔河谷造林项目", "owner2")
        refused = ask(users, ticket, 500, Purpose.PERSON, "全城最低价旅行社")
        review_name(
            beneficiary=refused.beneficiary, accepted=False, reason="名称含广告用语。",
            actor=users["ecology"],
        )  # fmt: skip
        refuse_offset(
            request=refused, reason="凭证上的名称未通过审核，请另行申请。",
            actor=users["ecology_approver"],
        )  # fmt: skip
        withdrawn = ask(users, ticket, 900, Purpose.PERSON, "努尔兰一家")
        advance_clock(timedelta(hours=2))
        withdraw_offset(request=withdrawn, actor=withdrawn.asked_by)


def visitors_of_the_old_town(users: dict[str, User], tell: Tell) -> None:
    """A year's visitors of a tourist spot."""
    with override("zh-hans"):
        ticket = Office(users).ticket("英也尔河谷造林项目", "owner2")
        request = ask(
            users, ticket, 8 * KG_PER_TONNE, Purpose.VISITORS, "喀赞其民俗旅游区",
            place="喀赞其民俗旅游区", year=today().year,
        )  # fmt: skip
        sign(users, request)


def wait_for_ecology(users: dict[str, User], tell: Tell) -> None:
    """Asked today: a name and a request on the bureau's list."""
    with override("zh-hans"):
        ticket = Office(users).ticket("北山坡杨树造林项目", "buyer1")
        opens_on = today() + timedelta(days=30)
        ask(
            users, ticket, 2 * KG_PER_TONNE, Purpose.EVENT, "伊宁冰雪嘉年华组委会",
            event_name="伊宁冰雪嘉年华", place="伊宁市后滩公园",
            begins_on=opens_on, ends_on=opens_on + timedelta(days=2), headcount=3000,
        )  # fmt: skip


CHAPTERS = (
    Chapter(560, race_in_the_city),
    Chapter(410, year_of_the_company),
    Chapter(290, family_of_an_owner),
    Chapter(230, rest_for_a_fair),
    Chapter(180, second_thoughts),
    Chapter(172, visitors_of_the_old_town),
    Chapter(1, wait_for_ecology),
)
