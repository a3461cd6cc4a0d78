"""The rules on a shape that is being drawn: read the request, ask once, tell what may be told.

Exact borders of other people's land are for the holder, the mandated and the departments
(domain.md, "What the public may see"). On one's own titles the answer is exact; beyond them it is
made from the cells of the public question's grid, so that no series of drawings, however fine, learns
more of a border than in which cells it runs. What is not covered is asked of one's own titles alone:
whose the rest is, and where its borders run, is not the drawer's to learn.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import orjson
import shapely
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.translation import gettext as _

from parcels.access import own_land
from parcels.intake.numbers import normalised
from parcels.models import (
    Claim,
    Parcel,
    Right,
    RightKind,
    TitleCertificate,
)
from parcels.rules.engine import (
    AREA_DIGITS,
    Candidate,
    Found,
    Outcome,
    compartment_key,
    run_rules,
    verdict_of,
)
from parcels.rules.errors import CheckMalformed
from parcels.rules.own_land import OwnLand, Part, cells_held, split_at_own_titles
from parcels.rules.period import parse_period
from parcels.rules.shapes import multipolygon_from_geojson
from parcels.rules.table import RULES, Stage, Subject
from portal.accounts.models import Party
from portal.accounts.queries import AnyUser, is_staff_reader, parties_acted_for, with_members
from portal.base.errors import NotFound
from portal.base.statements import prepared_cursor

KEYS_MAX = 200
_VERTEX_LIMIT = "SELECT policy_number('geometry.vertex_limit')"
COORDINATE_DIGITS = 8  # A millimetre.
STAGES = {stage.value: stage for stage in (Stage.DRAW, Stage.SUBMIT, Stage.REVIEW)}
COVER_RULE = "covered_by_titles"
# Rules that look at the drawing and what was typed of it alone, the city's outline and numbers.
OWN_RULES = frozenset(
    {
        "valid_geometry",
        "sharp_angle",
        "close_vertices",
        "tiny_hole",
        "tiny_part",
        "within_city",
        "minimum_area",
        "area_against_certificate",
        "right_expired",
        "duplicate_number",
    }
)
# Asked of others' land on the own titles, and by the cells beyond them: there no certificate is told.
HOME_RULES = frozenset(RULES) - OWN_RULES - {COVER_RULE}
CELL_RULES = frozenset({"overlap_title", "overlap_claim", "overlap_exclusion", "harvest_in_period"})
# Of titles nobody is told the number without the right to it; projects' numbers are public.
GUARDED_KINDS = frozenset({"parcel", "certificate"})
ROUGH_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Question:
    """One live question, read and checked."""

    candidate: Candidate
    subject: Subject
    stage: Stage
    period: DateRange | None
    applicants: tuple[int, ...]
    own_claim: int | None
    own_keys: frozenset[str] = field(default=frozenset())


def read_question(body: bytes, user: AnyUser) -> Question:
    """The JSON of a request as a question.

    CheckMalformed names the field; ShapeUnreadable and ShapeTooLarge come from the geometry;
    NotFound when an applicant is not a party that ``user`` acts for.
    """
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CheckMalformed(field="JSON") from error
    if not isinstance(asked, dict):
        raise CheckMalformed(field="JSON")
    geometry = asked.get("geometry")
    if not isinstance(geometry, dict):
        raise CheckMalformed(field="geometry")
    wkb = multipolygon_from_geojson(geometry, vertex_limit=_vertex_limit())
    subject, stage = asked.get("subject", "project"), asked.get("stage", "draw")
    if subject not in ("title", "project"):
        raise CheckMalformed(field="subject")
    if not isinstance(stage, str) or stage not in STAGES:
        raise CheckMalformed(field="stage")
    period = asked.get("period")
    if period is not None and not isinstance(period, str):
        raise CheckMalformed(field="period")
    own = _own(asked.get("exclude") or {})
    return Question(
        candidate=_candidate(wkb, asked.get("facts") or {}, own),
        subject=Subject(subject),
        stage=STAGES[stage],
        period=parse_period(period) if period else None,
        applicants=_applicants(_keys(asked.get("applicants") or [], "applicants"), user),
        own_claim=own.claim,
        own_keys=own.keys,
    )


def _vertex_limit() -> int:
    """As the policy says; each drawing asks, so by a prepared statement."""
    with prepared_cursor() as cursor:
        cursor.execute(_VERTEX_LIMIT)
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Own:
    """What is not compared with: the drawer's own rows in the register."""

    parcel: int | None
    certificate: int | None
    claim: int | None
    keys: frozenset[str]


def _own(exclude: Any) -> _Own:
    if not isinstance(exclude, dict):
        raise CheckMalformed(field="exclude")
    found: dict[str, list[uuid.UUID]] = {}
    for kind in ("parcel", "certificate", "claim"):
        value = exclude.get(kind) or []
        found[kind] = _keys(value if isinstance(value, list) else [value], f"exclude.{kind}")
    keys = frozenset(str(key) for given in found.values() for key in given)

    def first(kind: str, model: type[Parcel] | type[TitleCertificate] | type[Claim]) -> int | None:
        if not found[kind]:
            return None
        pk: int | None = (
            model._default_manager.filter(key=found[kind][0]).values_list("pk", flat=True).first()
        )
        return pk

    return _Own(
        first("parcel", Parcel),
        first("certificate", TitleCertificate),
        first("claim", Claim),
        keys,
    )


def _keys(given: Any, name: str) -> list[uuid.UUID]:
    if not isinstance(given, list) or len(given) > KEYS_MAX:
        raise CheckMalformed(field=name)
    try:
        return [uuid.UUID(key) for key in given]
    except (ValueError, AttributeError, TypeError) as error:
        raise CheckMalformed(field=name) from error


def _applicants(keys: Sequence[uuid.UUID], user: AnyUser) -> tuple[int, ...]:
    """Keys of rows of the parties, with the members of collectives and the names linked to any."""
    if not keys:
        return ()
    parties = Party.objects.all() if is_staff_reader(user) else parties_acted_for(user)
    found = parties.filter(key__in=keys)
    if found.count() < len(set(keys)):
        raise NotFound()
    return tuple(with_members(found).values_list("pk", flat=True))


def _candidate(wkb: bytes, facts: Any, own: _Own) -> Candidate:
    """The shape with what was typed of its certificate: numbers, area, end of term, rights."""
    if not isinstance(facts, dict):
        raise CheckMalformed(field="facts")

    def text(name: str) -> str:
        value = facts.get(name) or ""
        if not isinstance(value, str) or len(value) > 120:
            raise CheckMalformed(field=f"facts.{name}")
        return value.strip()

    kinds = facts.get("right_kinds") or []
    if not isinstance(kinds, list) or any(kind not in RightKind.values for kind in kinds):
        raise CheckMalformed(field="facts.right_kinds")
    area_ha = facts.get("area_ha")
    if area_ha is not None and (
        isinstance(area_ha, bool) or not isinstance(area_ha, int | float) or not 0 < area_ha < 1e9
    ):
        raise CheckMalformed(field="facts.area_ha")
    try:
        term = date.fromisoformat(text("term_ends_on")) if text("term_ends_on") else None
    except ValueError as error:
        raise CheckMalformed(field="facts.term_ends_on") from error
    return Candidate(
        ref="drawing",
        wkb=wkb,
        parcel_id=own.parcel,
        certificate_id=own.certificate,
        unit_key=normalised(text("unit_number")),
        certificate_key=normalised(text("certificate_number")),
        right_kinds=tuple(kinds),
        area_m2_certified=None if area_ha is None else area_ha * 10_000,
        term_ends_on=term,
        compartment=compartment_key(
            text("county_code"), text("township_code"), text("compartment")
        ),
    )


def answer(question: Question, user: AnyUser) -> dict[str, Any]:
    """The rules on the drawing as JSON.

    ``{area_m2, verdict, findings: [{rule, level, title, article, severity, message, other,
    other_kind, other_key, area_m2, mean_width_m, shape, exact}], covered_share, values}``: shapes
    are GeoJSON in EPSG:4490, ``exact`` is false where only about the place is told, ``values`` are
    the policy numbers that decided.
    """
    drawing, staff = question.candidate.wkb, is_staff_reader(user)
    land = None if staff or not _is_sound(drawing) else split_at_own_titles(drawing, user)
    at_home = land is not None and not land.beyond
    # One run where it does: each reads and measures the drawing anew.
    rules = None if staff else OWN_RULES | HOME_RULES if at_home else OWN_RULES
    asked = _ask(question, drawing, rules)
    told, values = [_exactly(found) for found in asked.findings], dict(asked.policy_values)
    if land is not None and not at_home:
        told += _others_land(question, land, values)
    if not staff:
        told = _masked(told, user)
    order = {rule: place for place, rule in enumerate(RULES)}
    told.sort(key=lambda one: order[one.found.rule])
    return {
        "area_m2": None if asked.area_m2 is None else round(asked.area_m2, 2),
        "verdict": verdict_of([one.found for one in told]),
        "findings": [_as_json(one) for one in told],
        "covered_share": _covered_share(question, asked.area_m2, told),
        "values": dict(sorted(values.items())),
    }


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as this user may know it; ``shape`` is GeoJSON."""

    found: Found
    shape: Any
    exact: bool
    masked: bool = False  # The other side's number is not said.


def _ask(question: Question, wkb: bytes, rules: Set[str] | None) -> Outcome:
    """These rules on the drawing or a part of it, but for what is found against its own rows."""
    outcome = run_rules(
        stage=question.stage,
        subject=question.subject,
        candidates=[replace(question.candidate, wkb=wkb)],
        period=question.period,
        applicants=question.applicants,
        own_claim=question.own_claim,
        only=rules,
    )
    kept = [found for found in outcome.findings if found.other_key not in question.own_keys]
    return replace(outcome, findings=kept)


def _is_sound(wkb: bytes) -> bool:
    """Whether land can be told from it."""
    shape = shapely.from_wkb(wkb)
    return bool(shapely.is_valid(shape)) and not shapely.is_empty(shape)


def _others_land(question: Question, land: OwnLand, values: dict[str, float]) -> list[Told]:
    """What the rules find against others where the drawing leaves the own titles: exactly on them, by
    the cells beyond.
    """
    told = [one for part in land.beyond if (one := _beyond_own_titles(part, question)) is not None]
    at_home, by_cells = [], []
    if land.home is not None:
        outcome = _ask(question, land.home, HOME_RULES)
        values |= outcome.policy_values
        at_home = [_exactly(found) for found in outcome.findings]
    if land.cells is not None:
        outcome = _ask(question, land.cells, CELL_RULES)
        values |= outcome.policy_values
        shapes = [found.shape for found in outcome.findings]
        held = cells_held(shapes, wkb=question.candidate.wkb, step_m=land.step_m)
        by_cells = [_roughly(outcome.findings[place], *rest) for place, *rest in held]
    return told + _together(at_home, by_cells)


def _together(at_home: Sequence[Told], by_cells: Sequence[Told]) -> list[Told]:
    """One finding for each other side, though part of it lies on the own titles and part beyond."""
    told = {_side(one): one for one in at_home}
    for one in by_cells:
        near = told.get(_side(one))
        told[_side(one)] = one if near is None else _joined(near, one)
    return list(told.values())


def _side(told: Told) -> tuple[str, str, str | None]:
    return told.found.rule, told.found.level, told.found.other_key


def _joined(near: Told, far: Told) -> Told:
    area_m2 = (near.found.area_m2 or 0) + (far.found.area_m2 or 0)
    return replace(
        far,
        found=replace(far.found, area_m2=round(area_m2, AREA_DIGITS)),
        shape={
            "type": "MultiPolygon",
            "coordinates": [*near.shape["coordinates"], *far.shape["coordinates"]],
        },
    )


def _exactly(found: Found) -> Told:
    return Told(found, _geojson(found.shape), exact=True)


def _roughly(found: Found, area_m2: float, shape: Any) -> Told:
    """A finding as the cells tell it; the area to so many significant digits."""
    digits = ROUGH_DIGITS - 1 - math.floor(math.log10(area_m2))
    told = replace(found, area_m2=round(area_m2, digits), mean_width_m=None)
    return Told(told, shape, exact=False)


def _beyond_own_titles(part: Part, question: Question) -> Told | None:
    """What of a project none of the own titles covers: whose it is else, nobody is told."""
    level = "sliver" if part.is_sliver else "beyond"
    severity = RULES[COVER_RULE].levels[level].severity(question.stage, question.subject)
    if question.subject is not Subject.PROJECT or severity is None:
        return None
    return _exactly(
        Found(
            candidate=0,
            rule=COVER_RULE,
            level=level,
            severity=severity,
            shape=part.shape,
            area_m2=part.area_m2,
            mean_width_m=part.mean_width_m,
            other_kind="",
            other_key=None,
            other_number="",
        )
    )


def hides_number(rule: str, other_kind: str) -> bool:
    """Whether the number of a finding's other side may tell a person: a title's, a harvest permit's."""
    return other_kind in GUARDED_KINDS or rule == "harvest_in_period"


def _masked(told: Sequence[Told], user: AnyUser) -> list[Told]:
    """Without the numbers that may tell a person, but for those of the user's own land."""
    hiding = [one for one in told if hides_number(one.found.rule, one.found.other_kind)]
    mine = _own_keys(user, [one.found.other_key for one in hiding if one.found.other_key])
    return [
        _without_number(one)
        if hides_number(one.found.rule, one.found.other_kind) and one.found.other_key not in mine
        else one
        for one in told
    ]


def _own_keys(user: AnyUser, keys: Sequence[str]) -> frozenset[str]:
    """Which of these parcels and certificates are the user's own, or his mandator's."""
    parties = list(parties_acted_for(user).values_list("pk", flat=True)) if keys else []
    if not parties:
        return frozenset()
    held = Right.objects.filter(party__in=parties, certificate__key__in=keys).exclude(
        certificate__state__in=["superseded", "cancelled"]
    )
    mine = {
        *own_land(user).filter(key__in=keys).values_list("key", flat=True),
        *held.values_list("certificate__key", flat=True),
    }
    return frozenset(str(key) for key in mine)


def _without_number(told: Told) -> Told:
    found, facts, number = told.found, dict(told.found.facts), _("（编号不公开）")
    masked = replace(
        found,
        # Who only knows a number must not learn from it where the land lies.
        other_key=None if found.rule == "duplicate_number" else found.other_key,
        other_number=number,
        facts={**facts, **dict.fromkeys(("number", "certificate") & facts.keys(), number)},
    )
    return replace(told, found=masked, masked=True)


def _as_json(told: Told) -> dict[str, Any]:
    found = told.found
    return {
        "rule": found.rule,
        "level": found.level,
        "title": str(RULES[found.rule].title),
        "article": RULES[found.rule].article,
        "severity": found.severity.value,
        "message": found.message,
        "other": "" if told.masked else found.other_number,
        "other_kind": found.other_kind,
        "other_key": found.other_key,
        "area_m2": found.area_m2,
        "mean_width_m": found.mean_width_m,
        "shape": told.shape,
        "exact": told.exact,
    }


def _geojson(shape: bytes | None) -> Any:
    if shape is None:
        return None
    rounded = shapely.set_precision(
        shapely.from_wkb(shape), 10.0**-COORDINATE_DIGITS, mode="pointwise"
    )
    return orjson.loads(shapely.to_geojson(rounded))


def _covered_share(question: Question, area_m2: float | None, told: Sequence[Told]) -> float | None:
    """The share of a project's land under verified tree ownership (for an owner: his own titles);
    None where it is not asked.
    """
    if question.subject is not Subject.PROJECT or not area_m2:
        return None
    open_m2 = sum(one.found.area_m2 or 0 for one in told if one.found.rule == COVER_RULE)
    return round(min(1.0, max(0.0, 1 - open_m2 / area_m2)), 4)
