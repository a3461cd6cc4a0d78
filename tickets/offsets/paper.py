"""The certificate as PDF/A: equal certificate, equal bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import override

from portal.base.base_map import as_shape, read_base_map
from portal.base.clock import CITY_TIME
from portal.base.map_sheet import SheetShape, map_sheet
from portal.base.numbers import grouped_code
from portal.base.pdf import compile_pdf, qr_svg
from portal.base.policy import policy_text
from tickets.offsets.models import Offset, OffsetFacts, Purpose
from tickets.registry.quantities import tonnes
from tickets.registry.showing import area_facts, period_of

SHEET = Path(__file__).parent / "sheets" / "offset.typ"
MAP_WIDTH_MM, MAP_HEIGHT_MM = 170.0, 84.0
OFFICE = "伊宁市生态环境局"


def purpose_text(facts: OffsetFacts) -> str:
    """What for, in one line."""
    purpose = Purpose(facts.purpose)
    days = " 至 ".join(
        dict.fromkeys(day.isoformat() for day in (facts.begins_on, facts.ends_on) if day)
    )
    parts: dict[Purpose, list[str]] = {
        Purpose.ORGANISATION_YEAR: [f"{facts.year} 年度"],
        Purpose.EVENT: [facts.event_name, facts.place, days],
        Purpose.VISITORS: [facts.place, f"{facts.year} 年度"],
        Purpose.PERSON: [f"{facts.year} 年度" if facts.year else ""],
        Purpose.ECO_JUSTICE: [facts.authority, facts.document_number],
    }
    heads = [f"{facts.headcount} 人"] if facts.headcount else []
    rest = "，".join(part for part in [*parts[purpose], *heads] if part)
    return f"{purpose.label}：{rest}" if rest else str(purpose.label)


def ranges_of(offset: Offset) -> list[tuple[int, int]]:
    """The kilograms of the issuance that were retired, as the ledger has them."""
    return sorted((block.kg.lower, block.kg.upper) for block in offset.cause.blocks.standing())


def offset_pdf(offset: Offset, *, address: str) -> bytes:
    """The forest it came from, the kilograms, the purpose, and the notice of article 22."""
    ticket = offset.ticket
    filing = ticket.issuance.filing
    version = ticket.area_version
    first, last = period_of(ticket)
    hectares, mu = area_facts(version.area_m2)
    with override("zh-hans"):
        # A certificate travels: it carries the generalised outline.
        sheet = map_sheet(
            shapes=[SheetShape(as_shape(version.shown_to_all), label=ticket.number)],
            base=read_base_map(),
            width_mm=MAP_WIDTH_MM,
            height_mm=MAP_HEIGHT_MM,
            approval_number=settings.MAP_APPROVAL_NUMBER,
        )
        facts: dict[str, Any] = {
            "office": OFFICE,
            "title": "林业碳票减排量抵消凭证",
            "number": offset.number,
            "beneficiary": offset.beneficiary.name,
            "tonnes": tonnes(offset.quantity_kg),
            "kilograms": f"{offset.quantity_kg:,}",
            "rows": [
                ("用途", purpose_text(offset)),
                ("碳票编号", ticket.number),
                ("千克区间", "、".join(f"[{low:,}, {high:,})" for low, high in ranges_of(offset))),
                (
                    "项目",
                    f"{filing.application.project.name}（{filing.application.project.number}）",
                ),
                ("项目面积", f"{hectares} 公顷（{mu} 亩）"),
                ("监测期", f"{first:%Y-%m-%d} 至 {last:%Y-%m-%d}"),
                ("备案签发", filing.number),
                ("签发时间", offset.signed_at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")),
                ("依据", "《伊宁市林业碳票管理办法（试行）》第十七条"),
            ],
            "code": grouped_code(offset.code),
            "key_id": offset.signing_key_id,
            "sha256": offset.content_sha256,
            "signature": bytes(offset.signature).hex(),
            "notice": policy_text("notice.not_ccer"),
        }
    return compile_pdf(
        SHEET,
        facts=facts,
        pictures={"map": sheet, "qr": qr_svg(address)},
        dated=offset.signed_at,
    )
