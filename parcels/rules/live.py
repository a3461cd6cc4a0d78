"""The rules on a shape that is being drawn: read the request, ask once, tell what may be told.

Exact borders of other people's land are for the holder, the mandated and the departments
(domain.md, "What the public may see"). Whoever draws learns that there is an overlap and about
where: the part of the own drawing near it, from the generalised shape, and a rounded area.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import orjson
import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.translation import gettext as _

from parcels.access import own_land
from parcels.drawing.access import with_members
from parcels.intake.numbers import normalised
from parcels.models import (
    STORAGE_SRID,
    Claim,
    Parcel,
    Right,
    RightKind,
    TitleCertificate,
    VerifiedTitle,
)
from parcels.rules.engine import Candidate, Found, Outcome, compartment_key, run_rules
from parcels.rules.errors import CheckMalformed
from parcels.rules.period import parse_period
from parcels.rules.shapes import multipolygon_from_geojson
from parcels.rules.table import RULES, Stage, Subject
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import AnyUser, is_staff_reader, parties_acted_for
from portal.base.errors import NotFound

VERTEX_LIMIT = 20_000  # Of what is drawn by hand or put together from parcels; files are imported.
KEYS_MAX = 200
COORDINATE_DIGITS = 8  # A millimetre.
STAGES = {stage.value: stage for stage in (Stage.DRAW, Stage.SUBMIT, Stage.REVIEW)}
# Rules whose shapes follow the candidate's own border, or the city's, which everyone may see.
OWN_SHAPE_RULES = frozenset(
    {"valid_geometry", "sharp_angle", "close_vertices", "tiny_hole", "tiny_part", "within_city"}
)
OTHERS_SHAPE_RULES = frozenset(RULES) - OWN_SHAPE_RULES
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
    wkb = multipolygon_from_geojson(geometry, vertex_limit=VERTEX_LIMIT)
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
    """Every rule on the drawing as JSON.

    ``{area_m2, verdict, findings: [{rule, level, title, article, severity, message, other,
    other_kind, other_key, area_m2, mean_width_m, shape, exact}], covered_share, values}``: shapes
    are GeoJSON in EPSG:4490, ``exact`` is false where only about the place is told, ``values`` are
    the policy numbers that decided.
    """
    staff = is_staff_reader(user)
    outcome = run_rules(
        stage=question.stage,
        subject=question.subject,
        candidates=[question.candidate],
        period=question.period,
        applicants=question.applicants,
        own_claim=question.own_claim,
        outlined=frozenset() if staff else OTHERS_SHAPE_RULES,
    )
    findings = [found for found in outcome.findings if found.other_key not in question.own_keys]
    outcome = replace(outcome, findings=findings)
    guarded = [found for found in findings if _is_guarded(found)]
    sight = EVERYTHING if staff or not guarded else _sight_of(user, guarded, question)
    return {
        "area_m2": None if outcome.area_m2 is None else round(outcome.area_m2, 2),
        "verdict": outcome.verdict,
        "findings": [
            _as_json(found, _geojson(found.shape), exact=True)
            if sight.shows(found) or not _is_guarded(found)
            else _rough(found)
            for found in findings
        ],
        "covered_share": _covered_share(question, outcome, exact=sight.shows_cover),
        "values": outcome.policy_values,
    }


def hides_number(rule: str, other_kind: str) -> bool:
    """Whether the number of a finding's other side may tell a person: a title's, a harvest permit's."""
    return other_kind in GUARDED_KINDS or rule == "harvest_in_period"


def _is_guarded(found: Found) -> bool:
    """Whether the finding's shape follows somebody else's border, or names somebody's title."""
    if found.rule in OWN_SHAPE_RULES:
        return False
    return found.shape is not None or found.other_kind in GUARDED_KINDS


@dataclass(frozen=True, slots=True)
class Sight:
    """What a user may see exactly: everything, or these objects and the cover of titles."""

    everything: bool = False
    keys: frozenset[str] = field(default=frozenset())
    shows_cover: bool = False

    def shows(self, found: Found) -> bool:
        if self.everything:
            return True
        return self.shows_cover if not found.other_key else found.other_key in self.keys


EVERYTHING = Sight(everything=True, shows_cover=True)


def _sight_of(user: AnyUser, guarded: Sequence[Found], question: Question) -> Sight:
    """Exact for holders and their mandated on what is theirs."""
    if not isinstance(user, User):
        return Sight()
    parties = list(parties_acted_for(user, Mandate.Scope.VIEW).values_list("pk", flat=True))
    if not parties:
        return Sight()
    keys = [found.other_key for found in guarded if found.other_key]
    held = Right.objects.filter(party__in=parties).exclude(
        certificate__state__in=["superseded", "cancelled"]
    )
    mine = {
        *own_land(user).filter(key__in=keys).values_list("key", flat=True),
        *held.filter(certificate__key__in=keys).values_list("certificate__key", flat=True),
        *Claim.objects.filter(key__in=keys, version__area__party__in=parties).values_list(
            "key", flat=True
        ),
    }
    # What no title covers ends where titles do: exact only where none of them is another's.
    around = VerifiedTitle.objects.filter(
        ended_at__isnull=True,
        kind=RightKind.TREE_OWNERSHIP,
        geom__bboverlaps=GEOSGeometry(memoryview(question.candidate.wkb), srid=STORAGE_SRID),
    ).exclude(certificate__in=held.values("certificate"))
    return Sight(keys=frozenset(str(key) for key in mine), shows_cover=not around.exists())


def _rough(found: Found) -> dict[str, Any]:
    """A finding as those may know it who have no right to the other side."""
    facts, number = dict(found.facts), found.other_number
    if hides_number(found.rule, found.other_kind):
        number = _("（编号不公开）")
        facts = {**facts, **dict.fromkeys(("number", "certificate") & facts.keys(), number)}
    told = replace(
        found,
        area_m2=_roughly(found.area_m2, ROUGH_DIGITS),
        mean_width_m=_roughly(found.mean_width_m, 1),
        # Who only knows a number must not learn from it where the land lies.
        other_key=None if found.rule == "duplicate_number" else found.other_key,
        other_number=number,
        facts=facts,
    )
    return _as_json(told, orjson.loads(found.outline) if found.outline else None, exact=False)


def _roughly(value: float | None, digits: int) -> float | None:
    """To so many significant digits."""
    if not value:
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def _as_json(found: Found, shape: Any, *, exact: bool) -> dict[str, Any]:
    masked = not exact and hides_number(found.rule, found.other_kind)
    return {
        "rule": found.rule,
        "level": found.level,
        "title": str(RULES[found.rule].title),
        "article": RULES[found.rule].article,
        "severity": found.severity.value,
        "message": found.message,
        "other": "" if masked else found.other_number,
        "other_kind": found.other_kind,
        "other_key": found.other_key,
        "area_m2": found.area_m2,
        "mean_width_m": found.mean_width_m,
        "shape": shape,
        "exact": exact,
    }


def _geojson(shape: bytes | None) -> Any:
    if shape is None:
        return None
    rounded = shapely.set_precision(
        shapely.from_wkb(shape), 10.0**-COORDINATE_DIGITS, mode="pointwise"
    )
    return orjson.loads(shapely.to_geojson(rounded))


def _covered_share(question: Question, outcome: Outcome, *, exact: bool) -> float | None:
    """The share of a project's land under verified tree ownership; None where it is not asked."""
    if question.subject is not Subject.PROJECT or not outcome.area_m2:
        return None
    open_m2 = sum(
        found.area_m2 or 0 for found in outcome.findings if found.rule == "covered_by_titles"
    )
    return round(min(1.0, max(0.0, 1 - open_m2 / outcome.area_m2)), 4 if exact else 2)
