"""The demonstration's complaints, inspections, eco-justice cases, fire points and policy news."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import typst
from django.contrib.gis.geos import MultiPolygon, Point, Polygon
from django.utils.translation import override

from portal.accounts.models import Department, User
from portal.base.clock import advance_clock, now, today
from portal.base.pdf import compile_pdf
from portal.base.story import Chapter
from portal.casework.documents import PDF, PNG, Upload
from tickets.market.demo import SLIP
from tickets.market.models import Listing, RetailPool
from tickets.market.operations import settle_order
from tickets.offsets.demo import sign
from tickets.offsets.models import Purpose
from tickets.registry.demo import BUREAU, COURT, Office, Tell
from tickets.registry.models import CarbonTicket, FreezeOrder
from tickets.registry.operations import prepare_lift
from tickets.supervision.models import Complaint, Inspection, JusticeCase
from tickets.supervision.operations.complaints import (
    accept_complaint,
    answer_complaint,
    draft_answer,
    make_complaint,
    pass_on_complaint,
    return_draft,
    reveal_complainant,
)
from tickets.supervision.operations.inspections import (
    add_photo,
    drop_inspection,
    hand_on_inspection,
    order_inspection,
    propose_inspection,
    sign_inspection,
)
from tickets.supervision.operations.justice import (
    PAPERS,
    Source,
    agree_to_listing,
    confirm_justice_case,
    give_tonnes,
    open_justice_case,
    refuse_justice_case,
)
from tickets.supervision.operations.watching import (
    check_issued_areas,
    publish_news,
    take_in_fire_points,
)

PICTURE = Path(__file__).parent / "demo_photo.typ"
CITY_BUREAU = "伊宁市林业和草原局"


# --- what the chapters do again and again --------------------------------------------------------
def answer(
    users: dict[str, User], complaint: Complaint, upheld: bool, text: str, at_first: str = ""
) -> None:
    """By the handling department: accepted, drafted, approved, within some days. ``at_first``: what
    the approver returned, after the clerk had asked the complainant."""
    clerk, approver = users[complaint.department], users[f"{complaint.department}_approver"]
    accept_complaint(complaint=complaint, actor=clerk)
    advance_clock(timedelta(days=3))
    if at_first:
        reveal_complainant(complaint=complaint, reason="向举报人核实海报的照片。", actor=clerk)
        draft_answer(complaint=complaint, upheld=upheld, answer=at_first, actor=clerk)
        return_draft(complaint=complaint, reason="请写明处理结果。", actor=approver)
        advance_clock(timedelta(days=1))
    draft_answer(complaint=complaint, upheld=upheld, answer=text, actor=clerk)
    advance_clock(timedelta(hours=4))
    answer_complaint(complaint=complaint, actor=approver)


def order(users: dict[str, User], inspection: Inspection, days: int = 10) -> Inspection:
    serial = Inspection.objects.exclude(order_number="").count() + 1
    return order_inspection(
        inspection=inspection,
        inspector=users["forestry"],
        due_on=today() + timedelta(days=days),
        number=f"伊林检〔{today().year}〕{serial}号",
        actor=users["forestry_approver"],
    )


def propose(
    users: dict[str, User], ticket: CarbonTicket, cause: Inspection.Cause, reason: str,
    follows: Inspection | None = None,
) -> Inspection:  # fmt: skip
    return propose_inspection(
        ticket=ticket, cause=cause, reason=reason, follows=follows, actor=users["forestry"]
    )


def photograph(users: dict[str, User], inspection: Inspection, scene: str) -> None:
    """A drawing stands for the picture; the device said where it was taken."""
    data = typst.compile(PICTURE, format="png", ppi=72, sys_inputs={"scene": scene})
    place = inspection.ticket.area_version.geom.point_on_surface
    add_photo(
        inspection=inspection,
        upload=Upload(data, PNG, f"{scene}.png"),
        device_place=Point(place.x, place.y, srid=place.srid),
        actor=users["forestry"],
    )


def justice_case(
    users: dict[str, User], source: Source, organ: JusticeCase.Organ, number: str, obligor: str,
    mu: int, quantity_kg: int,
) -> JusticeCase:  # fmt: skip
    """Taken in by justice's clerk and confirmed by its approver."""
    court = organ is JusticeCase.Organ.COURT
    authority = COURT if court else CITY_BUREAU
    day = today()
    titles = {"decision": "决定书", "consent": "自愿认购同意书", "valuation": "评估报告"}
    case = open_justice_case(
        organ=organ,
        authority=authority,
        document_number=number,
        decided_on=day - timedelta(days=21),
        obligation=f"补植复绿 {mu} 亩",
        obligor=obligor,
        consented_on=day - timedelta(days=4),
        valuation=f"按 {mu} 亩林木十年生长量折算。",
        valuation_author="伊犁州林业司法鉴定所",
        quantity_kg=quantity_kg,
        source=source,
        papers={kind: _paper(titles[kind], number, day) for kind in PAPERS},
        actor=users["justice"],
    )
    advance_clock(timedelta(hours=5))
    return confirm_justice_case(case=case, actor=users["justice_approver"])


def _paper(title: str, number: str, day: date) -> Upload:
    facts = {"title": title, "rows": [["文号", number], ["日期", day.isoformat()]]}
    return Upload(compile_pdf(SLIP, facts=facts, pictures={}, dated=now()), PDF, f"{title}.pdf")


def eastern_part(ticket: CarbonTicket, share: float) -> MultiPolygon:
    """What lies in the eastern ``share`` of the ticket's box."""
    west, south, east, north = ticket.area_version.geom.extent
    box = Polygon.from_bbox((east - (east - west) * share, south, east, north))
    box.srid = ticket.area_version.geom.srid
    part = ticket.area_version.geom.intersection(box)
    return part if isinstance(part, MultiPolygon) else MultiPolygon(part, srid=box.srid)


# --- chapters: two years -------------------------------------------------------------------------
def felling_reported(users: dict[str, User], tell: Tell) -> None:
    """Somebody saw trees being cut: looked at, and found to be permitted tending."""
    with override("zh-hans"):
        ticket = Office(users).ticket("北山坡杨树造林项目", "owner1")
        complaint = make_complaint(
            topic=Complaint.Topic.FOREST, text="北坡有人砍树，请核查。", ticket=ticket,
            place=ticket.area_version.geom.point_on_surface, actor=None,
        )  # fmt: skip
        visit = order(
            users, propose(users, ticket, Inspection.Cause.COMPLAINT, "核查举报的采伐"), days=5
        )
        advance_clock(timedelta(days=1))
        photograph(users, visit, "抚育采伐现场")
        sign_inspection(
            inspection=visit, visited_on=today(), outcome=Inspection.Outcome.GOOD,
            findings="抚育采伐，未见主伐，林木生长正常。", actor=users["forestry"],
        )  # fmt: skip
        answer(users, complaint, False, "经现场核查，为已批准的抚育采伐，手续齐全。")


def measures_demanded(users: dict[str, User], tell: Tell) -> None:
    """The plan's visit finds a fire break overgrown."""
    with override("zh-hans"):
        ticket = Office(users).ticket("河滩防护林抚育项目", "owner2")
        visit = order(users, propose(users, ticket, Inspection.Cause.PLAN, "年度抽查"))
        advance_clock(timedelta(days=2))
        photograph(users, visit, "防火隔离带")
        sign_inspection(
            inspection=visit, visited_on=today(), outcome=Inspection.Outcome.MEASURES,
            findings="西侧防火隔离带杂草丛生。", measures="清理西侧防火隔离带，宽度不少于 6 米。",
            measures_due_on=today() + timedelta(days=30), actor=users["forestry"],
        )  # fmt: skip


def measures_mended(users: dict[str, User], tell: Tell) -> None:
    """Seen again a month later; the inspector was ill, and got some more days."""
    with override("zh-hans"):
        former = Inspection.objects.to_be_mended().get()
        visit = order(
            users,
            propose(users, former.ticket, Inspection.Cause.FOLLOW_UP, "复查隔离带", former),
        )
        advance_clock(timedelta(days=1))
        hand_on_inspection(
            inspection=visit, inspector=users["forestry"], due_on=today() + timedelta(days=14),
            actor=users["forestry_approver"],
        )  # fmt: skip
        sign_inspection(
            inspection=visit, visited_on=today(), outcome=Inspection.Outcome.GOOD,
            findings="隔离带已清理到位。", mended=True, actor=users["forestry"],
        )  # fmt: skip


def certificate_used_twice(users: dict[str, User], tell: Tell) -> None:
    """Sent to the wrong office first; upheld, in a second draft."""
    with override("zh-hans"):
        complaint = make_complaint(
            topic=Complaint.Topic.OFFSET, text="某酒店在两个活动的海报上使用同一张抵消凭证。",
            name="李先生", contact="13800000001", actor=None,
        )  # fmt: skip
        pass_on_complaint(
            complaint=complaint, to=Department.FORESTRY, reason="涉及登记信息，请先核对。",
            actor=users["ecology"],
        )  # fmt: skip
        complaint.refresh_from_db()
        answer(
            users,
            complaint,
            True,
            "情况属实，已责令停止不实宣传并公开更正。",
            at_first="情况属实。",
        )


def justice_by_a_holder(users: dict[str, User], tell: Tell) -> None:
    """A court's judgment; the owner of the spruce forest gives the tonnes, ecology signs."""
    with override("zh-hans"):
        ticket = Office(users).ticket("克伯克于孜云杉抚育项目", "owner1")
        case = justice_case(
            users, ticket, JusticeCase.Organ.COURT, "（演示）新4002刑初12号", "某甲", 12, 6_300
        )
        case = give_tonnes(case=case, actor=users["owner1"])
        assert case.request is not None
        sign(users, case.request)


def fire_seen(users: dict[str, User], tell: Tell) -> None:
    """A satellite's fire point: the nightly check proposes visits, one of them is ordered."""
    with override("zh-hans"):
        ticket = Office(users).ticket("潘津林带修复项目", "collective")
        place = ticket.area_version.geom.point_on_surface
        take_in_fire_points(
            text=f"{place.x:.6f},{place.y:.6f},{today():%Y-%m-%d}",
            source="国家卫星气象中心火点（演示）",
            actor=users["forestry"],
        )
        for proposal in check_issued_areas():
            if proposal.ticket_id == ticket.pk:
                order(users, proposal, days=4)
            else:
                drop_inspection(
                    inspection=proposal, reason="经电话核实，火势未及此处。",
                    actor=users["forestry_approver"],
                )  # fmt: skip


def burnt_part_frozen(users: dict[str, User], tell: Tell) -> None:
    """The visit marks what burnt; exactly its tonnes are frozen until the loss is taken back."""
    office = Office(users)
    with override("zh-hans"):
        visit = Inspection.objects.get(cause=Inspection.Cause.FIRE, state="ordered")
        photograph(users, visit, "过火林带")
        signed = sign_inspection(
            inspection=visit, visited_on=today(), outcome=Inspection.Outcome.LOSS,
            findings="林带东段过火，树冠全部烧毁。", affected=eastern_part(visit.ticket, 0.1),
            actor=users["forestry"],
        )  # fmt: skip
        assert signed.freeze is not None
        office.approve(signed.freeze)


def burnt_part_decided(users: dict[str, User], tell: Tell) -> None:
    """The tonnes of the fire were cancelled: the order is taken off what is left."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("潘津林带修复项目", "collective")
        office.approve(
            prepare_lift(
                order=FreezeOrder.objects.get(kind="inspection", ticket=ticket),
                reason="已按核减决定处理。",
                document=office.paper(BUREAU),
                actor=users["forestry"],
            )
        )


def justice_from_the_list(users: dict[str, User], tell: Tell) -> None:
    """An administrative penalty; tonnes of an open listing, to which ecology agrees."""
    with override("zh-hans"):
        ticket = Office(users).ticket("英也尔农田防护林项目", "owner1")
        listing = Listing.objects.get(ticket=ticket, method="open", state="open")
        case = justice_case(
            users,
            listing,
            JusticeCase.Organ.ADMINISTRATIVE,
            "（演示）伊林罚决字8号",
            "某乙",
            5,
            2_500,
        )
        case = agree_to_listing(case=case, actor=users["ecology_approver"])
        assert case.order is not None
        advance_clock(timedelta(days=1))
        settle_order(
            order=case.order, payment_number=f"YS{now():%Y%m%d%H%M%S}",
            actor=users["trading_approver"],
        )  # fmt: skip


def justice_not_agreed(users: dict[str, User], tell: Tell) -> None:
    """The holder did not want to give: the case ends and may begin elsewhere."""
    with override("zh-hans"):
        ticket = Office(users).ticket("英也尔河谷造林项目", "owner2")
        case = justice_case(
            users, ticket, JusticeCase.Organ.COURT, "（演示）新4002刑初31号", "某丙", 3, 1_500
        )
        advance_clock(timedelta(days=2))
        refuse_justice_case(case=case, reason="持有人不同意提供。", actor=users["justice_approver"])


def news_of_the_method(users: dict[str, User], tell: Tell) -> None:
    with override("zh-hans"):
        publish_news(
            title="林业碳汇计量监测技术规范征求意见（演示）",
            text="修订稿公开征求意见，对已制发的碳票没有影响。",
            source="国家林业和草原局（演示）",
            actor=users["forestry"],
        )


def news_of_the_region(users: dict[str, User], tell: Tell) -> None:
    with override("zh-hans"):
        publish_news(
            title="自治区鼓励大型活动优先使用本地林业碳汇（演示）",
            text="会议、赛事、演出等活动的组织者可按本办法第十二条购买林业碳票，抵消活动排放。",
            source="自治区生态环境厅（演示）",
            actor=users["forestry"],
        )


# --- chapters: what waits today ------------------------------------------------------------------
def measures_of_today(users: dict[str, User], tell: Tell) -> None:
    """Being mended: the term has some weeks left."""
    with override("zh-hans"):
        ticket = Office(users).ticket("英也尔农田防护林项目", "owner1")
        visit = order(users, propose(users, ticket, Inspection.Cause.PLAN, "年度抽查"))
        advance_clock(timedelta(days=1))
        photograph(users, visit, "灌溉渠")
        sign_inspection(
            inspection=visit, visited_on=today(), outcome=Inspection.Outcome.MEASURES,
            findings="灌溉渠淤塞，两行苗木缺水。", measures="疏通灌溉渠并补植缺株。",
            measures_due_on=today() + timedelta(days=25), actor=users["forestry"],
        )  # fmt: skip


def supervision_of_today(users: dict[str, User], tell: Tell) -> None:
    """A complaint about a department in hand elsewhere, a new one, a visit due and one proposed."""
    office = Office(users)
    with override("zh-hans"):
        inside = make_complaint(
            topic=Complaint.Topic.CONDUCT, text="办事人员拖延受理。", name="张明",
            contact="13800000000", accused=Department.FORESTRY, actor=None,
        )  # fmt: skip
        accept_complaint(complaint=inside, actor=users["justice"])
        make_complaint(topic=Complaint.Topic.TRADING, text="竞价公告时间太短。", actor=None)
        spruce = office.ticket("克伯克于孜云杉抚育项目", "owner1")
        order(users, propose(users, spruce, Inspection.Cause.PLAN, "年度抽查"), days=20)
        propose(
            users, office.ticket("英也尔河谷造林项目", "owner2"), Inspection.Cause.LAND_USE,
            "村道拓宽可能占用林地",
        )  # fmt: skip


def justice_of_today(users: dict[str, User], tell: Tell) -> None:
    """Ordered from the pool: the payment is on its way."""
    with override("zh-hans"):
        pool = RetailPool.objects.get(state="open", purposes__contains=[Purpose.ECO_JUSTICE.value])
        justice_case(users, pool, JusticeCase.Organ.COURT, "（演示）新4002刑初45号", "某丁", 1, 480)


CHAPTERS = (
    Chapter(560, felling_reported),
    Chapter(400, news_of_the_method),
    Chapter(360, measures_demanded),
    Chapter(325, measures_mended),
    Chapter(270, certificate_used_twice),
    Chapter(225, justice_by_a_holder),
    Chapter(158, fire_seen),
    Chapter(154, burnt_part_frozen),
    Chapter(144, burnt_part_decided),
    Chapter(125, justice_from_the_list),
    Chapter(95, justice_not_agreed),
    Chapter(60, news_of_the_region),
    Chapter(12, measures_of_today),
    Chapter(3, supervision_of_today),
    Chapter(1, justice_of_today),
)
