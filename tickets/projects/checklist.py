"""What article 7 asks for, and what of it is missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, WKTWriter
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from parcels.claims.queries import last_day
from parcels.models import TitleCertificate
from portal.accounts.models import Party
from portal.accounts.queries import standing_party
from portal.base.clock import today
from tickets.projects.errors import PeriodInvalid
from tickets.projects.models import (
    AccountingResult,
    Application,
    ApplicationShare,
    Disqualification,
    Material,
    Measure,
)

# Material → the items that a clerk ticks: code → words.
CHECKLISTS: dict[Material.Kind, dict[str, str | Promise]] = {
    Material.Kind.REGISTRATION: {
        "data": gettext_lazy("表内信息与系统登记一致"),
        "signed": gettext_lazy("已由业主或其代表签署"),
    },
    Material.Kind.IDENTITY: {
        "number": gettext_lazy("统一社会信用代码或身份证号已核验"),
        "mandate": gettext_lazy("代表人的委托在有效期内"),
    },
    Material.Kind.TITLES: {
        "verified": gettext_lazy("所附权属证明均已审核"),
        "holder": gettext_lazy("权利人与申请人一致"),
    },
    Material.Kind.DESIGN: {
        "approved": gettext_lazy("项目设计已经批复"),
        "measures": gettext_lazy("项目类型和措施与图上一致"),
    },
    Material.Kind.REPORT: {
        "signed": gettext_lazy("已由第三方机构签署"),
        "equal": gettext_lazy("报告数量与系统核算一致"),
    },
    Material.Kind.AGREEMENT: {
        "shares": gettext_lazy("份额合计无误，与共有人一致"),
        "consent": gettext_lazy("各共有人均已同意"),
    },
    Material.Kind.COMMITMENT: {
        "text": gettext_lazy("承诺内容完整（唯一性、真实性、完整性、有效性）"),
        "signed": gettext_lazy("已由业主或其代表签署"),
    },
}
# Those that are files; the others are made from the data or linked.
UPLOADED = (Material.Kind.DESIGN, Material.Kind.REPORT, Material.Kind.AGREEMENT)
SIGNED = (Material.Kind.REGISTRATION, Material.Kind.COMMITMENT)
PLACE_DIGITS = 6  # As places are typed and shown.


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is not there: at which step of the wizard, in words."""

    step: str
    text: str


def latest_materials(application: Application) -> dict[str, Material]:
    """The newest version of each kind."""
    rows = application.materials.select_related("document", "confirmed_by", "signed_by")
    return {row.kind: row for row in rows.order_by("version")}


def unconfirmed_materials(application: Application) -> list[str]:
    """The kinds whose newest version is missing or not confirmed by the clerk, in words."""
    latest = latest_materials(application)
    return [
        str(kind.label)
        for kind in Material.Kind
        if kind.value not in latest or latest[kind.value].confirmed_by_id is None
    ]


def linked_certificates(application: Application) -> list[int]:
    """Keys of the certificates that the application rests on."""
    return list(application.titles.values_list("certificate", flat=True))


def titles_gone(application: Application) -> list[str]:
    """Numbers of linked certificates that are not verified (any more)."""
    gone = application.titles.exclude(certificate__state=TitleCertificate.State.VERIFIED)
    return list(gone.order_by("certificate__number").values_list("certificate__number", flat=True))


def latest_result(application: Application) -> AccountingResult | None:
    return application.accounting_results.select_related("verifier").order_by("-pk").first()


def is_of_other_land(result: AccountingResult, application: Application) -> bool:
    """Whether the report was signed for another area or other days than the application has."""
    return (result.area_version_id, result.period) != (
        application.area_version_id,
        application.period,
    )


def check_period(period: DateRange | None) -> None:
    """PeriodInvalid unless it has a first and a last day in this order, both past."""
    if period is None or period.lower is None or period.upper is None or period.isempty:
        raise PeriodInvalid(reason=_("须有起日和止日，且起日不晚于止日"))
    last = last_day(period)
    if last is None or last >= today():
        raise PeriodInvalid(reason=_("监测期须已经结束，止日不能是今天或将来"))


def application_facts(application: Application) -> dict[str, Any]:
    """The data that registration form and commitment are made from."""
    project, version, period = application.project, application.area_version, application.period
    return {
        "project": project.number,
        "name": project.name,
        "type": project.type,
        "applicant": str(project.applicant.key),
        "area": str(version.key) if version else "",
        "period": [str(period.lower), str(period.upper)] if period else [],
        "titles": sorted(str(row.certificate.key) for row in application.titles.all()),
        "measures": [
            [one.name, str(one.done_from), str(one.done_to), place_text(one.place)]
            for one in application.measures.all()
        ],
        "shares": sorted(
            [str(share.party.key), share.numerator, application.share_denominator]
            for share in application.shares.select_related("party")
        ),
        "report": str(result.report_sha256) if (result := latest_result(application)) else "",
    }


def place_text(place: GEOSGeometry | None) -> str:
    """A place as WKT, to the digits that it is typed with; empty where there is none."""
    return WKTWriter(trim=True, precision=PLACE_DIGITS).write(place).decode() if place else ""


def facts_digest(application: Application, kind: str) -> str:
    """SHA-256 of what a material of this kind says of the application's data."""
    facts = application_facts(application)
    relevant = {
        Material.Kind.REGISTRATION.value: facts,
        Material.Kind.COMMITMENT.value: facts,
        Material.Kind.IDENTITY.value: {name: facts[name] for name in ("applicant", "shares")},
        Material.Kind.TITLES.value: {name: facts[name] for name in ("titles", "area")},
        Material.Kind.AGREEMENT.value: facts["shares"],
        Material.Kind.DESIGN.value: {name: facts[name] for name in ("type", "measures")},
        Material.Kind.REPORT.value: {name: facts[name] for name in ("area", "period", "report")},
    }[kind]
    text = json.dumps(relevant, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def applicants_of(application: Application) -> list[Party]:
    """All parties whose titles count: the owner and the co-owners, with names linked to them."""
    parties = {application.project.applicant_id: application.project.applicant}
    for share in application.shares.select_related("party"):
        parties[share.party_id] = share.party
    found = {party.pk: party for party in parties.values()}
    for party in parties.values():
        standing = standing_party(party)
        found[standing.pk] = standing
    return list(found.values())


def barred_among(parties: Iterable[Party]) -> QuerySet[Disqualification]:
    """The decisions by which one of them may not take part today (article 7)."""
    return Disqualification.objects.filter(
        party__in=list(parties),
        scope=Disqualification.Scope.PARTY,
        decided_at__isnull=False,
        until__gte=today(),
    )


def terms_of(application: Application) -> str:
    """SHA-256 of what a co-owner consents to: land, days, everybody's share and the agreement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT projects_terms(%s)", [application.pk])
        terms: str = cursor.fetchone()[0]
    return terms


def without_consent(application: Application) -> list[ApplicationShare]:
    """The shares whose party has not consented, itself, to the terms as they stand (article 5)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM projects_applicationshare AS share WHERE application_id = %s "
            "AND (consented_at IS NULL OR consented_to <> projects_terms(application_id) "
            "OR NOT projects_may_consent(share))",
            [application.pk],
        )
        found = [share for (share,) in cursor.fetchall()]
    return list(application.shares.filter(pk__in=found).select_related("party"))


def members_without_share(application: Application) -> QuerySet[Party]:
    """Members of the applicant, or of a co-owner, whose land is in and who have no share (article 5)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT projects_members_without_share(%s)", [application.pk])
        found = [party for (party,) in cursor.fetchall()]
    return Party.objects.filter(pk__in=found).order_by("pk")


def bare_names(application: Application) -> QuerySet[Party]:
    """Owners of trees on the land, or of a share, who are a name linked to no checked party (article 5)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT projects_bare_names(%s)", [application.pk])
        found = [party for (party,) in cursor.fetchall()]
    return Party.objects.filter(pk__in=found).order_by("name", "pk")


def measures_astray(application: Application) -> QuerySet[Measure]:
    """Measures without a place, beyond the project's land, or begun after its period (article 4)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT projects_measures_astray(%s)", [application.pk])
        found = [measure for (measure,) in cursor.fetchall()]
    return Measure.objects.filter(pk__in=found)


def co_owners_missing(application: Application) -> list[str]:
    """Who has not consented, and who has no share although his land is in, in words."""
    return [
        *(
            _("“{party}”的同意").format(party=share.party.name)
            for share in without_consent(application)
        ),
        *(
            _("“{party}”的份额和同意").format(party=party.name)
            for party in members_without_share(application)
        ),
    ]


def what_is_missing(application: Application) -> list[Missing]:
    """In the order of the wizard; empty when everything that article 7 asks for is there.

    Whether the land is free and one's own is asked by the rules when it is submitted.
    """
    missing: list[Missing] = []
    missing.extend(
        Missing(
            "shares",
            _("“{party}”的申报资格（已取消至 {until}）").format(
                party=one.party.name, until=one.until
            ),
        )
        for one in barred_among(applicants_of(application)).select_related("party")
    )
    _need_area(application, missing)
    if not application.shares.exists():
        missing.append(Missing("shares", _("收益份额")))
    missing.extend(Missing("shares", text) for text in co_owners_missing(application))
    if not application.titles.exists():
        missing.append(Missing("titles", _("关联权属证明")))
    missing.extend(
        Missing("titles", _("替代“{number}”的现行证书").format(number=number))
        for number in titles_gone(application)
    )
    missing.extend(
        Missing("titles", _("“{party}”的实名核验（证书上只有名称）").format(party=party.name))
        for party in bare_names(application)
    )
    if not application.measures.exists():
        missing.append(Missing("design", _("项目措施及日期")))
    missing.extend(
        Missing("design", _("措施“{name}”在项目范围内的位置，且不晚于监测期").format(name=one.name))
        for one in measures_astray(application)
    )
    result = latest_result(application)
    if result is None:
        missing.append(Missing("report", _("第三方机构签署的核算结果")))
    elif is_of_other_land(result, application):
        missing.append(Missing("report", _("按现行范围和监测期重新签署的核算结果")))
    elif result.quantity_kg_calculated != result.quantity_kg_reported:
        missing.append(Missing("report", _("报告数量与系统核算一致的核算结果")))
    materials = latest_materials(application)
    for kind in Material.Kind:
        material = materials.get(kind.value)
        if material is None:
            missing.append(Missing(kind.value, str(kind.label)))
        elif material.content_sha256 != facts_digest(application, kind.value):
            text = _("“{material}”在数据改动后须重新确认").format(material=kind.label)
            missing.append(Missing(kind.value, text))
    return missing


def _need_area(application: Application, missing: list[Missing]) -> None:
    if application.area_version is None:
        missing.append(Missing("area", _("项目范围")))
    try:
        check_period(application.period)
    except PeriodInvalid as refusal:
        missing.append(Missing("area", str(refusal)))


def period_text(period: DateRange | None) -> str:
    """``2021-01-01 至 2025-12-31``, inclusive."""
    if period is None or period.lower is None:
        return ""
    last: date | None = last_day(period)
    return f"{period.lower} 至 {last}"
