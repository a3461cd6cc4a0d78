"""The face as PDF/A (article 9): equal ticket, entry and print number give equal bytes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.conf import settings
from django.utils.translation import override

from parcels.models import Parcel
from portal.base.base_map import as_shape, read_base_map
from portal.base.clock import CITY_TIME
from portal.base.map_sheet import SheetShape, map_sheet, projected
from portal.base.models import Township
from portal.base.numbers import grouped_code
from portal.base.pdf import compile_pdf, qr_svg
from portal.base.policy import policy_text
from tickets.accounting.models import StratumSpecies
from tickets.projects.models import Filing
from tickets.registry.face.signature import qr_address, signature_of
from tickets.registry.models import CarbonTicket, LedgerEntry
from tickets.registry.moves import EntryKind
from tickets.registry.quantities import tonnes
from tickets.registry.queries import Standing, acts_on, state_of, stream_of
from tickets.registry.showing import (
    act_line,
    area_facts,
    flows_by_entry,
    holders,
    issued_on,
    period_of,
)

SHEET = Path(__file__).parent / "ticket.typ"
MAP_WIDTH_MM, MAP_HEIGHT_MM = 118.0, 121.0
OFFICE = "伊宁市林业和草原局"
LEAST_MARK_ROWS = 14
# A ticket of a retail pool has an act for each order: the paper shows the last ones.
MARK_ROWS_MOST = 60
# What no paper may hide: written large over the front.
NOT_GOOD = frozenset({
    Standing.VOID, Standing.SUPERSEDED, Standing.CANCELLED, Standing.USED_UP, Standing.LOST,
    Standing.FROZEN,
})  # fmt: skip


def face_pdf(
    ticket: CarbonTicket, *, as_of: LedgerEntry, address: str, print_number: int = 0
) -> bytes:
    """Front, back with the table of marks, and the annex of vertices; as the ticket stood right
    after ``as_of``. ``print_number`` 0 is the electronic ticket."""
    with override("zh-hans"):
        sheet = map_sheet(
            shapes=[SheetShape(as_shape(ticket.area_version.geom))],
            base=read_base_map(),
            width_mm=MAP_WIDTH_MM,
            height_mm=MAP_HEIGHT_MM,
            approval_number=settings.MAP_APPROVAL_NUMBER,
        )
        facts = face_facts(ticket, as_of.recorded_at, print_number)
    return compile_pdf(
        SHEET,
        facts=facts,
        pictures={"map": sheet, "qr": qr_svg(qr_address(ticket, address))},
        dated=as_of.recorded_at,
    )


def face_facts(ticket: CarbonTicket, at: datetime, print_number: int) -> dict[str, Any]:
    """What the paper says, as texts."""
    filing = ticket.issuance.filing
    application = filing.application
    hectares, mu = area_facts(ticket.area_version.area_m2)
    first, last = period_of(ticket)
    signed = signature_of(ticket)
    state = state_of(ticket, at)
    owners = holders(ticket, at, masked=False)
    return {
        "office": OFFICE,
        "title": "伊宁市林业碳票",
        "number": ticket.number,
        "code": grouped_code(ticket.code),
        "holders": [f"{one.name}　{one.share}".strip("　") for one in owners],
        "place": place_of(filing) or "伊宁市",
        "hectares": hectares,
        "mu": mu,
        "period": f"{first:%Y年%m月%d日} 至 {last:%Y年%m月%d日}",
        "tonnes": tonnes(signed.quantity_kg),
        "kilograms": f"{signed.quantity_kg:,}",
        "range": [f"[{low:,}, {high:,})" for low, high in ranges_of(ticket)],
        "project": f"{application.project.name}（{application.project.number}）",
        "species": species_of(filing) or "见监测核算报告",
        "titles": [
            row.certificate.number for row in application.titles.select_related("certificate")
        ],
        "method": f"{filing.method_code} {filing.method_version}",
        "filing": filing.number,
        "uniqueness": ticket.uniqueness_report.number,
        "parent": ticket.parent.number if ticket.parent else "",
        "issued_on": f"{issued_on(ticket):%Y年%m月%d日}",
        "left": tonnes(state.live_kg) if state else "0",
        "as_of": at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M"),
        "print": str(print_number) if print_number else "",
        "stamp": str(state.standing.label) if state and state.standing in NOT_GOOD else "",
        "notice": policy_text("notice.not_ccer"),
        "marks": marks_of(ticket, at),
        "least_rows": LEAST_MARK_ROWS,
        "corners": corners_of(ticket),
        "vertices": vertices_of(ticket),
        "key_id": signed.key_id,
        "signature": bytes(signed.signature).hex(),
    }


def place_of(filing: Filing) -> str:
    """Each township with its villages, of the titles' parcels."""
    rows = (
        Parcel.objects.filter(
            rights__certificate__in=filing.application.titles.values("certificate")
        )
        .values_list("township_code", "village")
        .distinct()
        .order_by("township_code", "village")
    )
    names = dict(Township.objects.values_list("code", "name"))
    villages: dict[str, list[str]] = {}
    for code, village in rows:
        villages.setdefault(names.get(code, ""), []).append(village)
    found = [f"{name}{'、'.join(filter(None, there))}" for name, there in villages.items()]
    return "；".join(filter(None, found))


def species_of(filing: Filing) -> str:
    """Of the certificates; where these name none, the groups that the accounting counted."""
    named = [
        row.certificate.species
        for row in filing.application.titles.select_related("certificate")
        if row.certificate.species
    ]
    if named:
        return "、".join(dict.fromkeys(named))
    counted = StratumSpecies.objects.filter(
        stratum__report__key=filing.accounting_result.report_key
    ).select_related("parameter_set")
    return "、".join(dict.fromkeys(str(one.parameter_set.name) for one in counted))


def ranges_of(ticket: CarbonTicket) -> list[tuple[int, int]]:
    """The issuance's kilograms with which the ticket was opened."""
    blocks = ticket.blocks.filter(opened_by=ticket.opened_by_id)
    return sorted((block.kg.lower, block.kg.upper) for block in blocks)


def marks_of(ticket: CarbonTicket, at: datetime) -> list[list[str]]:
    """The table on the back: what happened to the ticket since it was opened (article 17)."""
    flows = flows_by_entry(stream_of(ticket.issuance, at))
    numbers: dict[object, str] = {
        one.pk: one.number for one in CarbonTicket.objects.filter(issuance=ticket.issuance_id)
    }
    acts = list(acts_on(ticket, at))
    rows = [
        [
            entry.recorded_at.astimezone(CITY_TIME).strftime("%Y-%m-%d"),
            str(EntryKind(entry.kind).label),
            act_line(entry, flows.get(entry.pk, ()), numbers),
            entry.article,
            f"#{entry.pk}",
        ]
        for entry in acts[-MARK_ROWS_MOST:]
    ]
    earlier = len(acts) - len(rows)
    if earlier:
        rows.insert(0, ["", "", f"此前另有登记事项 {earlier} 项，扫码可查", "", ""])
    return rows


def corners_of(ticket: CarbonTicket) -> list[str]:
    """The box around the area, in degrees of CGCS2000."""
    west, south, east, north = ticket.area_version.geom.extent
    return [f"东经 {west:.6f}° — {east:.6f}°", f"北纬 {south:.6f}° — {north:.6f}°"]


def vertices_of(ticket: CarbonTicket) -> list[list[str]]:
    """All vertices, numbered by part and ring: degrees, and metres in EPSG:4536 (X is northing)."""
    shape = as_shape(ticket.area_version.geom)
    rows: list[list[str]] = []
    for part_number, part in enumerate(shapely.get_parts(shape), start=1):
        for ring_number, ring in enumerate([part.exterior, *part.interiors], start=1):
            degrees = shapely.get_coordinates(ring)[:-1]
            metres = shapely.get_coordinates(projected(ring))[:-1]
            for place, (lon_lat, plane) in enumerate(
                zip(np.atleast_2d(degrees), np.atleast_2d(metres), strict=True), start=1
            ):
                rows.append([
                    f"{part_number}-{ring_number}-{place}", f"{lon_lat[0]:.8f}",
                    f"{lon_lat[1]:.8f}", f"{plane[1]:.3f}", f"{plane[0]:.3f}",
                ])  # fmt: skip
    return rows
