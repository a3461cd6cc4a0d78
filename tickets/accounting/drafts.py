"""The page on which a report is made: its map, its strata, its terms, and the writes of each."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, fields
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from parcels.imports.uploads import receive_upload
from parcels.stage import stage_config
from portal.accounts.models import Mandate, Role, User
from portal.accounts.queries import acts_for
from portal.accounts.second_factor import confirmed_device
from portal.accounts.views import demo_code
from portal.base.answers import pressed_once
from portal.base.clock import today
from portal.base.errors import InvalidInput
from tickets.accounting.access import (
    access_area,
    access_report,
    access_report_to_edit,
    acting,
    is_verifier_of,
    may_edit,
    may_read,
)
from tickets.accounting.calculation import work_through
from tickets.accounting.document import as_typed
from tickets.accounting.errors import StrataOverlap, StratumLeavesArea
from tickets.accounting.measurements import take_plots, take_trees
from tickets.accounting.models import AccountingReport, ParameterSet, ReportFile, Stratum
from tickets.accounting.operations import (
    TermsInput,
    add_strata,
    attach_report_file,
    change_stratum,
    entrust_verifier,
    follow_application,
    is_out_of_date,
    open_report,
    open_report_for,
    remove_stratum,
    set_terms,
)
from tickets.accounting.parsing import (
    parse_count,
    parse_days,
    parse_stands,
    parse_stratum,
    parse_terms,
    parse_year,
)
from tickets.accounting.stands import pick_stands, survey_years_of
from tickets.projects.access import access_application, access_own_application

STANDS_SHOWN = 3000
# The stands that touch the area, as GeoJSON made by the database.
_STANDS = """
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(
  json_build_object('type', 'Feature', 'id', near.id,
    'geometry', ST_AsGeoJSON(near.geom, 7)::json,
    'properties', json_build_object('number', near.stand_number, 'species', near.species,
      'stock', near.growing_stock_m3_per_ha, 'area_ha', round((near.area_m2 / 10000)::numeric, 4)))
  ), '[]'::json))
FROM (
  SELECT stand.* FROM parcels_stand AS stand
  JOIN parcels_projectareaversion AS area ON area.id = %(area)s
  WHERE stand.survey_year = %(year)s AND stand.replaced_at IS NULL AND stand.geom && area.geom
    AND ST_Intersects(land_sieve(area.geom), stand.geom)
  ORDER BY stand.id LIMIT %(limit)s
) AS near
"""
_STRATA = """
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(
  json_build_object('type', 'Feature', 'id', stratum.key,
    'geometry', ST_AsGeoJSON(stratum.geom, 9)::json,
    'properties', json_build_object('code', stratum.code, 'group', coalesce((
      SELECT min(chosen."group") FROM accounting_stratumspecies AS species
      JOIN accounting_parameterset AS chosen ON chosen.id = species.parameter_set_id
      WHERE species.stratum_id = stratum.id), ''))) ORDER BY stratum.id), '[]'::json))
FROM accounting_stratum AS stratum WHERE stratum.report_id = %s
"""


@login_required
@require_http_methods(["GET", "POST"])
@csrf_protect
def new_report(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Open a report on the newest shape of an area."""
    user = acting(request.user)
    area = access_area(key, user)
    version = area.versions.order_by("-number").first()
    if version is None:
        raise InvalidInput(field=area.name, reason="—")
    if request.method == "POST":
        period = parse_days(request.POST)
        made = pressed_once(
            request,
            "open_report",
            lambda: str(open_report(area_version=version, period=period, actor=user).key),
            actor_key=user.key,
        )
        return redirect("accounting:draft", made)
    context = {"area": area, "version": version, "today": today(), "request_key": uuid.uuid4()}
    return render(request, "accounting/new.html", context)


@login_required
@require_http_methods(["GET", "POST"])
@csrf_protect
def application_report(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """From an application to its newest report, or to the start of its first one."""
    user = acting(request.user)
    application = access_application(key, user)
    versions = AccountingReport.objects.filter(application=application).order_by("-version")
    # The newest that the reader may see: a draft is its makers' alone.
    report = next((one for one in versions if may_read(user, one)), None)
    if report is not None:
        page = "draft" if report.state == AccountingReport.State.DRAFT else "result"
        return redirect(f"accounting:{page}", report.key)
    if request.method == "POST":
        access_own_application(key, user)
        made = pressed_once(
            request,
            "open_report_for",
            lambda: str(open_report_for(application=application, actor=user).key),
            actor_key=user.key,
        )
        return redirect("accounting:draft", made)
    own = acts_for(user, application.project.applicant, Mandate.Scope.APPLY)
    context = {"application": application, "own": own, "request_key": uuid.uuid4()}
    return render(request, "accounting/start.html", context)


@login_required
@require_GET
def draft_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The report on the map with all its inputs; read only once it is signed or to who only reads."""
    report = access_report(key, request.user)
    made = work_through(report)
    editable = report.state == AccountingReport.State.DRAFT and may_edit(request.user, report)
    sets = list(ParameterSet.objects.in_force(today()))
    strata = strata_with_species(report)
    years = survey_years_of(report)
    context = {
        "report": report,
        "strata": strata,
        "made": made,
        "editable": editable,
        "out_of_date": editable and is_out_of_date(report),
        "files": {file.kind: file for file in ReportFile.objects.filter(report=report)},
        "verifiers": verifiers() if editable else [],
        "is_verifier": is_verifier_of(request.user, report),
        "bases": AccountingReport.Basis.choices,
        "survey_years": years,
        "page_config": {
            **stage_config(),
            **draft_state(report, strata),
            "editable": editable,
            "urls": urls_of(report),
            "sets": [
                {"id": row.pk, "name": row.name, "group": row.group}
                for row in sorted(sets, key=lambda row: (row.group, row.rank))
            ],
            "origins": [{"code": code, "label": str(label)} for code, label in _origins()],
            "years": asdict(years),
        },
    }
    return render(request, "accounting/draft.html", context)


@login_required
@require_GET
def state(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """What the draft holds now, for a window that another one has overtaken."""
    report = access_report_to_edit(key, request.user)
    found = draft_state(report, strata_with_species(report))
    return JsonResponse(found, headers={"Cache-Control": "no-store"})


@login_required
@require_GET
def shapes(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The area and the strata, exactly, for those concerned."""
    report = access_report(key, request.user)
    with connection.cursor() as cursor:
        cursor.execute(_STRATA, [report.pk])
        strata = cursor.fetchone()[0]
    area = json.loads(report.area_version.geom.json)
    return JsonResponse({"area": area, "strata": strata}, headers={"Cache-Control": "no-store"})


@login_required
@require_GET
def stands(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The inventory's stands of one year that touch the area."""
    report = access_report_to_edit(key, request.user)
    year = parse_year(request.GET.get("year", ""), "year")
    with connection.cursor() as cursor:
        cursor.execute(
            _STANDS, {"area": report.area_version_id, "year": year, "limit": STANDS_SHOWN}
        )
        found = cursor.fetchone()[0]
    return JsonResponse(found, headers={"Cache-Control": "no-store"})


@login_required
@require_POST
@csrf_protect
def stratum_add(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    report = access_report_to_edit(key, request.user)
    try:
        add_strata(
            report=report,
            strata=[parse_stratum(request.POST)],
            seen=seen_by(request),
            actor=acting(request.user),
        )
    except (StrataOverlap, StratumLeavesArea) as refusal:
        return misplaced(refusal)
    return done(report)


@login_required
@require_POST
@csrf_protect
def stratum_change(request: HttpRequest, key: uuid.UUID, stratum: uuid.UUID) -> HttpResponse:
    report = access_report_to_edit(key, request.user)
    try:
        change_stratum(
            stratum=stratum_of(report, stratum),
            given=parse_stratum(request.POST),
            seen=seen_by(request),
            actor=acting(request.user),
        )
    except (StrataOverlap, StratumLeavesArea) as refusal:
        return misplaced(refusal)
    return done(report)


@login_required
@require_POST
@csrf_protect
def stratum_remove(request: HttpRequest, key: uuid.UUID, stratum: uuid.UUID) -> HttpResponse:
    report = access_report_to_edit(key, request.user)
    remove_stratum(
        stratum=stratum_of(report, stratum), seen=seen_by(request), actor=acting(request.user)
    )
    return done(report)


@login_required
@require_POST
@csrf_protect
def strata_pick(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Strata from the stands that were tapped; those left out are named in the answer."""
    report = access_report_to_edit(key, request.user)
    picked = pick_stands(
        report=report,
        stands=parse_stands(request.POST),
        begin_year=parse_year(request.POST.get("begin_year", ""), "begin_year"),
        merge=request.POST.get("merge") == "on",
        seen=seen_by(request),
        actor=acting(request.user),
    )
    left_out = [{"number": one.stand_number, "reason": one.reason} for one in picked.left_out]
    return done(report, added=len(picked.strata), left_out=left_out)


@login_required
@require_POST
@csrf_protect
def follow(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Bring a draft to its application's present area and period."""
    report = access_report_to_edit(key, request.user)
    follow_application(report=report, actor=acting(request.user))
    return redirect("accounting:draft", report.key)


@login_required
@require_POST
@csrf_protect
def terms(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    report = access_report_to_edit(key, request.user)
    set_terms(
        report=report,
        terms=parse_terms(request.POST),
        seen=seen_by(request),
        actor=acting(request.user),
    )
    return done(report)


@login_required
@require_POST
@csrf_protect
def file_add(request: HttpRequest, key: uuid.UUID, kind: str) -> HttpResponse:
    """The plots, the trees, or the third party's report with the tonnes that it states."""
    report = access_report_to_edit(key, request.user)
    sent = request.FILES.get("file")
    if sent is None:
        raise InvalidInput(field=ReportFile.Kind(kind).label, reason="—")
    given: dict[str, Any] = {
        "report": report,
        "name": str(sent.name),
        "seen": seen_by(request),
        "actor": acting(request.user),
    }
    with receive_upload(sent) as path:
        if kind == ReportFile.Kind.PLOTS:
            take_plots(path=path, **given)
        elif kind == ReportFile.Kind.TREES:
            take_trees(path=path, **given)
        else:
            label = AccountingReport._meta.get_field("quantity_t_reported").verbose_name
            stated = parse_count(request.POST.get("quantity_t", ""), str(label))
            attach_report_file(path=path, quantity_t=stated, **given)
    return done(report)


@login_required
@require_POST
@csrf_protect
def verifier(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    report = access_report_to_edit(key, request.user)
    chosen = verifiers().filter(key=_key(request.POST.get("verifier", ""))).first()
    if chosen is None:
        label = AccountingReport._meta.get_field("verifier").verbose_name
        raise InvalidInput(field=str(label), reason="—")
    entrust_verifier(report=report, verifier=chosen, actor=acting(request.user))
    return done(report)


def verifiers() -> Any:
    """Who holds the role of a third party now."""
    return User.objects.filter(
        is_active=True, role_grants__role=Role.VERIFIER, role_grants__valid_to__isnull=True
    ).order_by("full_name", "pk")


def strata_with_species(report: AccountingReport) -> list[Stratum]:
    return list(
        Stratum.objects.filter(report=report)
        .defer("geom")
        .prefetch_related("species__parameter_set")
        .order_by("pk")
    )


def draft_state(report: AccountingReport, strata: list[Stratum]) -> dict[str, Any]:
    """All that a window can have typed, as it stands in its fields."""
    terms = [field.name for field in fields(TermsInput)]
    return {
        "seen": report.revision,
        "strata": [stratum_facts(stratum) for stratum in strata],
        "terms": {name: as_typed(getattr(report, name)) for name in terms},
        "files": dict(ReportFile.objects.filter(report=report).values_list("kind", "name")),
    }


def stratum_facts(stratum: Stratum) -> dict[str, Any]:
    """What the form of a stratum is filled with."""
    return {
        "key": str(stratum.key),
        "code": stratum.code,
        "origin": stratum.origin,
        "species": [
            {
                "set": row.parameter_set_id,
                "begin": as_typed(row.volume_begin),
                "end": as_typed(row.volume_end),
                "unit": row.volume_unit,
                "basis": row.basis,
            }
            for row in stratum.species.all()
        ],
    }


def urls_of(report: AccountingReport) -> dict[str, str]:
    """The addresses that the page's script calls; a stratum's key takes the place of the zeros."""
    none = uuid.UUID(int=0)
    urls = {
        name: reverse(f"accounting:{name}", args=[report.key])
        for name in ("state", "shapes", "stands", "stratum-add", "strata-pick")
    }
    for name in ("stratum-change", "stratum-remove"):
        urls[name] = reverse(f"accounting:{name}", args=[report.key, none])
    return urls


def seen_by(request: HttpRequest) -> int:
    return parse_count(request.POST.get("seen", ""), "seen")


def stratum_of(report: AccountingReport, key: uuid.UUID) -> Stratum:
    found = Stratum.objects.select_related("report").filter(report=report, key=key).first()
    if found is None:
        raise InvalidInput(field=Stratum._meta.verbose_name, reason=str(key))
    return found


def done(report: AccountingReport, **facts: Any) -> JsonResponse:
    return JsonResponse({"url": reverse("accounting:draft", args=[report.key]), **facts})


def misplaced(refusal: StrataOverlap | StratumLeavesArea) -> JsonResponse:
    """The refusal with its place, which the map draws in red."""
    return JsonResponse(
        {"code": refusal.code, "message": str(refusal), "shape": refusal.facts.get("shape")},
        status=422,
    )


def code_for_demo(user: User) -> str:
    """The present code of a demo user's authenticator; empty for everybody else."""
    return demo_code(user, confirmed_device(user))


def _origins() -> list[tuple[str, Any]]:
    return list(Stratum.Origin.choices)


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
