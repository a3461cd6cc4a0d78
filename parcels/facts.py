"""What is said of a parcel: to everyone where it is and how large, to staff all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from parcels.models import Parcel, ParcelVersion, Right, Stand, TitleCertificate, VerifiedTitle
from parcels.stand_codes import (
    AGE_CLASS,
    CATEGORY,
    LAND_CLASS,
    ORIGIN,
    PURPOSE,
    TENURE,
    in_words,
)
from portal.base.models import Township

M2_PER_HA = 10_000
MU_PER_HA = 15
STATE_REGISTERED, STATE_VERIFIED = "registered", "verified"
# domain.md, "What the public may see": the exact area would help to find the exact line.
PUBLIC_AREA_DIGITS = 1


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a panel or page."""

    label: str
    value: str


def township_names() -> dict[str, str]:
    return Township.objects.names()


def place_of(parcel: Parcel, townships: dict[str, str]) -> str:
    """Township and village as people say them; codes where there is no name."""
    township = townships.get(parcel.township_code, parcel.township_code)
    village = parcel.village
    if village.isdecimal():
        village = _("{code} 村").format(code=village)
    return " ".join(part for part in (township, village) if part)


def title_of(parcel: Parcel, townships: dict[str, str], *, staff: bool) -> str:
    """A short name: the unit number for staff, the place for everyone."""
    if staff and parcel.unit_number:
        return parcel.unit_number
    return place_of(parcel, townships) or _("林地宗地")


def state_of(parcel: Parcel) -> tuple[str, str]:
    """(state, label) of the parcel on the map."""
    if VerifiedTitle.objects.filter(parcel=parcel, ended_at__isnull=True).exists():
        return STATE_VERIFIED, _("已审核")
    return STATE_REGISTERED, _("已登记")


def area_ha(version: ParcelVersion, *, staff: bool) -> float:
    """Ellipsoidal hectares; rounded for the public."""
    return round(float(version.area_m2) / M2_PER_HA, 4 if staff else PUBLIC_AREA_DIGITS)


def parcel_facts(version: ParcelVersion, *, staff: bool) -> list[Fact]:
    """The lines of the side panel and the parcel's page."""
    parcel = version.parcel
    townships = township_names()
    facts = [Fact(_("位置"), place_of(parcel, townships))]
    stand = (
        Stand.objects.filter(parcel=parcel, replaced_at__isnull=True)
        .order_by("-survey_year")
        .first()
    )
    if stand is not None:
        facts.append(Fact(_("优势树种"), stand.species))
        facts.append(Fact(_("起源"), in_words(ORIGIN, stand.origin)))
    if not staff:
        return [fact for fact in facts if fact.value]
    facts += [
        Fact(_("不动产单元号"), parcel.unit_number),
        Fact(
            _("林班 / 小班"),
            " / ".join(p for p in (parcel.compartment, parcel.subcompartment) if p),
        ),
        Fact(_("小地名"), parcel.place_name),
    ]
    facts += [Fact(title.number, "、".join(holders)) for title, holders in titles_of(parcel)]
    if stand is not None:
        facts += stand_facts(stand)
    facts.append(Fact(_("图形版本"), _("第 {number} 版").format(number=version.number)))
    return [fact for fact in facts if fact.value]


def stand_facts(stand: Stand) -> list[Fact]:
    """What the inventory says of the stand."""
    numbers = [
        (_("平均年龄（年）"), stand.mean_age_years),
        (_("平均胸径（厘米）"), stand.mean_diameter_cm),
        (_("郁闭度"), stand.canopy_closure),
        (_("蓄积（立方米/公顷）"), stand.growing_stock_m3_per_ha),
    ]
    return [
        Fact(_("调查年度"), str(stand.survey_year)),
        Fact(_("土地权属"), in_words(TENURE, stand.tenure)),
        Fact(_("地类"), in_words(LAND_CLASS, stand.land_class)),
        Fact(_("林种"), in_words(PURPOSE, stand.forest_purpose)),
        Fact(_("森林类别"), in_words(CATEGORY, stand.forest_category)),
        Fact(_("龄组"), in_words(AGE_CLASS, stand.age_class)),
        *(Fact(label, f"{value.normalize():f}") for label, value in numbers if value is not None),
    ]


def titles_of(parcel: Parcel) -> list[tuple[TitleCertificate, list[str]]]:
    """The certificates on a parcel with their holders' names (staff only)."""
    rights = (
        Right.objects.filter(parcel=parcel)
        .exclude(certificate__state__in=["superseded", "cancelled"])
        .select_related("certificate", "party")
        .order_by("certificate_id", "party__name")
    )
    found: dict[int, tuple[TitleCertificate, list[str]]] = {}
    for right in rights:
        _title, holders = found.setdefault(right.certificate_id, (right.certificate, []))
        if right.party.name not in holders:
            holders.append(right.party.name)
    return list(found.values())


def panel_properties(version: ParcelVersion, *, staff: bool) -> dict[str, Any]:
    """What the map's side panel shows."""
    state, label = state_of(version.parcel)
    hectares = area_ha(version, staff=staff)
    return {
        "title": title_of(version.parcel, township_names(), staff=staff),
        "state": state,
        "state_label": label,
        "area_ha": hectares,
        "area_mu": round(hectares * MU_PER_HA, 2 if staff else PUBLIC_AREA_DIGITS),
        "facts": [
            {"label": fact.label, "value": fact.value}
            for fact in parcel_facts(version, staff=staff)
        ],
        "url": reverse("parcels:parcel", args=[version.parcel.key]),
    }
