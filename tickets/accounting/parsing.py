"""What the forms of a report send → values that are right. Parsed at the border."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.gis.geos import MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from parcels.claims.queries import days
from parcels.drawing.parsing import geometry_of
from parcels.models import Stand
from parcels.rules.shapes import multipolygon_from_geojson
from portal.base.clock import today
from portal.base.errors import InvalidInput
from portal.base.parameters import whole_number
from portal.base.policy import policy_number
from tickets.accounting.models import AccountingReport, ParameterSet, Stratum, StratumSpecies
from tickets.accounting.operations import SpeciesInput, StratumInput, TermsInput

CODE_LENGTH = 20
TEXT_LENGTH = 4000
STANDS_MOST = 2000
SPECIES_MOST = 12


def parse_number(text: str, field: str | Promise, *, places: int = 4) -> Decimal:
    """A plain decimal number, full-width digits forgiven; InvalidInput for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "")
    if not re.fullmatch(r"-?\d{1,10}(\.\d{1,20})?", plain):
        raise InvalidInput(field=field, reason=_("须为数字"))
    number = Decimal(plain)
    if number != round(number, places):
        raise InvalidInput(field=field, reason=_("最多 {n} 位小数").format(n=places))
    return number


def parse_optional(text: str, field: str | Promise, *, places: int = 4) -> Decimal | None:
    return parse_number(text, field, places=places) if text.strip() else None


def parse_count(text: str, field: str | Promise) -> int:
    """A whole number that is not negative."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not re.fullmatch(r"\d{1,10}", plain):
        raise InvalidInput(field=field, reason=_("须为不小于零的整数"))
    return int(plain)


def parse_days(given: QueryDict) -> DateRange:
    """``start`` and ``end``, both included; ClaimPeriodInvalid when they are reversed."""
    try:
        start, end = (date.fromisoformat(given.get(name, "")) for name in ("start", "end"))
    except ValueError as error:
        raise InvalidInput(field=_("监测期"), reason=_("日期写法应为 2021-01-01")) from error
    return days(start, end)


def parse_shape(text: str) -> MultiPolygon:
    """GeoJSON of an area in EPSG:4490."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(field=_("界线"), reason=_("请先在地图上绘制")) from error
    if not isinstance(given, dict):
        raise InvalidInput(field=_("界线"), reason=_("请先在地图上绘制"))
    limit = int(policy_number("geometry.vertex_limit"))
    return geometry_of(multipolygon_from_geojson(given, vertex_limit=limit))


def parse_stratum(given: QueryDict) -> StratumInput:
    """Code, origin, shape, and one row of ``set``, ``begin``, ``end``, ``unit`` for each species."""
    code = given.get("code", "").strip()
    if not code or len(code) > CODE_LENGTH or "\x00" in code:
        raise InvalidInput(field=_("碳层号"), reason=_("须填写，不超过 20 个字"))
    origin = str(given.get("origin", ""))
    if origin not in Stratum.Origin.values:
        raise InvalidInput(field=_("起源"), reason=_("请选择"))
    return StratumInput(
        code=code,
        origin=Stratum.Origin(origin),
        geom=parse_shape(given.get("geom", "")),
        species=_species(given),
    )


def _species(given: QueryDict) -> list[SpeciesInput]:
    rows = list(
        zip(
            given.getlist("set"), given.getlist("begin"), given.getlist("end"),
            given.getlist("unit"), strict=False,
        )
    )  # fmt: skip
    if len(rows) > SPECIES_MOST:
        raise InvalidInput(field=_("树种"), reason=_("最多 12 个"))
    known = {str(row.pk): row for row in ParameterSet.objects.all()}
    species = []
    for chosen, begin, end, unit in rows:
        if not chosen and not begin.strip() and not end.strip():
            continue
        if chosen not in known:
            raise InvalidInput(field=_("树种"), reason=_("请选择参数集"))
        if unit not in StratumSpecies.Unit.values:
            raise InvalidInput(field=_("单位"), reason=_("请选择"))
        species.append(
            SpeciesInput(
                known[chosen],
                parse_optional(begin, _("期初蓄积")),
                parse_optional(end, _("期末蓄积")),
                StratumSpecies.Unit(unit),
            )
        )
    return species


def parse_terms(given: QueryDict) -> TermsInput:
    """What is taken off, the uncertainty, and the verifier's words."""
    basis = given.get("uncertainty_basis", "")
    if basis not in AccountingReport.Basis.values:
        raise InvalidInput(field=_("不确定性"), reason=_("请选择"))
    return TermsInput(
        baseline_t=parse_number(given.get("baseline_t", ""), _("基线")),
        leakage_t=parse_number(given.get("leakage_t", ""), _("泄漏")),
        deficit_brought_t=parse_number(
            given.get("deficit_brought_t", "") or "0", _("上期结转亏缺"), places=8
        ),
        basis_note=_words(given.get("basis_note", ""), _("依据")),
        uncertainty_basis=AccountingReport.Basis(basis),
        uncertainty_stated_percent=parse_optional(
            given.get("uncertainty_stated_percent", ""), _("不确定性")
        ),
        explanation=_words(given.get("explanation", ""), _("说明")),
    )


def parse_stands(given: QueryDict) -> Sequence[Stand]:
    """The stands that were tapped."""
    wanted = [pk for pk in given.get("stands", "").split(",") if pk.isdecimal() and len(pk) < 12]
    if len(wanted) > STANDS_MOST:
        raise InvalidInput(field=_("小班"), reason=_("一次最多选 2000 个"))
    return list(
        Stand.objects.filter(pk__in=map(int, wanted), replaced_at__isnull=True).order_by("pk")
    )


def parse_year(text: str, field: str | Promise) -> int | None:
    """A survey year, or None where none is named."""
    if not text.strip():
        return None
    year = whole_number(text)
    if year is None or not 1950 <= year <= today().year:
        raise InvalidInput(field=field, reason=_("请选择年度"))
    return year


def _words(text: Any, field: str) -> str:
    if len(text) > TEXT_LENGTH:
        raise InvalidInput(field=field, reason=_("不超过 4000 个字"))
    if "\x00" in text:
        raise InvalidInput(field=field, reason=_("含有无法保存的字符"))
    return str(text).strip()
