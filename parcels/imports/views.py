"""Drop a file, look at it on the map, match its columns, commit, and watch the job."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from parcels.imports.access import access_import, access_imports
from parcels.imports.errors import ColumnMissing, UploadMissing
from parcels.imports.held import refuse_guesses
from parcels.imports.messages import problem_message
from parcels.imports.operations import cancel_import, open_import, queue_import
from parcels.imports.originals import original_path, sha256_of
from parcels.imports.survey_year import parse_year, year_in
from parcels.imports.suspicion import shift_notices
from parcels.imports.tasks import run_import_job
from parcels.imports.uploads import receive_upload
from parcels.intake.columns import FIELDS, propose_mapping
from parcels.intake.gate import Limits
from parcels.intake.reader import (
    Choices,
    Inspection,
    inspect_file,
    parse_seven_parameters,
)
from parcels.models import ImportProblem, ImportRecord, RightKind
from parcels.stage import stage_config
from portal.base.answers import sent_once
from portal.base.clock import today
from portal.base.errors import InvalidInput
from portal.base.parameters import only, parse_whole, whole_number
from portal.base.tables import table_file

PROBLEMS_PER_PAGE = 50
PROBLEMS_PER_FILE = 100_000  # What a spreadsheet opens and a request writes without waiting.


@login_required
@require_GET
def import_list(request: HttpRequest) -> HttpResponse:
    access_imports(request.user)
    records = ImportRecord.objects.select_related("made_by").order_by("-made_at")
    page = Paginator(records, 20).get_page(request.GET.get("page"))
    context = {"page": page, "limit": upload_limit_mib()}
    return render(request, "parcels/imports/list.html", context)


@login_required
@require_POST
@csrf_protect
def upload(request: HttpRequest) -> HttpResponse:
    """Keep one dropped file and answer where it can be looked at."""
    access_imports(request.user)
    sent = request.FILES.get("file")
    if sent is None:
        raise UploadMissing()
    user, name = request.user, str(sent.name)
    choices = parse_choices(request.POST)
    with receive_upload(sent) as path:
        inspection = inspect_file(path, choices=choices, limits=web_limits())

        def act() -> dict[str, str]:
            record = open_import(
                path=path,
                file_name=name,
                purpose=ImportRecord.Purpose.REGISTERED,
                actor=user,  # type: ignore[arg-type]
                choices=choices,
                mapping=propose_mapping([field.name for field in inspection.fields]),
                survey_year=year_in(name) or today().year,
            )
            return {"url": reverse("parcels:import", args=[record.key])}

        content = [name, sha256_of(path), choices.as_json()]
        answer = sent_once(request, "open_import", content, act, actor_key=user.key)  # type: ignore[union-attr]
    return JsonResponse(answer.body, status=200 if answer.repeated else 201)


@login_required
@require_GET
def import_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    record = access_import(key, request.user)
    page = Paginator(record.problems.all(), PROBLEMS_PER_PAGE).get_page(request.GET.get("page"))
    kept = page.paginator.count
    context = {
        "record": record,
        "page": page,
        "problems": [problem_row(problem) for problem in page],
        "told": record.rejected + record.warnings,
        "kept": kept,
        "parts": range(1, -(-kept // PROBLEMS_PER_FILE) + 1),
        "targets": FIELDS,
        "right_kinds": RightKind.choices,
        "seven_parameters": ",".join(map(str, record.choices.get("seven_parameters") or ())),
        "page_config": {
            **stage_config(),
            "key": str(record.key),
            "state": record.state,
            "urls": {
                name: reverse(f"parcels:import-{name}", args=[record.key])
                for name in ("inspection", "commit", "cancel", "progress")
            },
            "mapping": record.mapping,
            "targets": [{"code": target.code, "label": str(target.label)} for target in FIELDS],
        },
    }
    return render(request, "parcels/imports/detail.html", context)


@login_required
@require_GET
def inspection(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The file read again with what the person chose, for the map and the tables of the page."""
    record = access_import(key, request.user)
    choices = (
        parse_choices(request.GET)
        if record.state == ImportRecord.State.DRAFT
        else Choices.from_json(record.choices)
    )
    found = inspect_file(original_path(record), choices=choices, limits=web_limits())
    mapping = propose_mapping([field.name for field in found.fields])
    seen = found.as_json()
    seen["notices"] = [*seen["notices"], *shift_notices(found)]
    return JsonResponse({"inspection": seen, "mapping": mapping})


@login_required
@require_POST
@csrf_protect
def commit(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    record = access_import(key, request.user)
    choices = parse_choices(request.POST)
    found = inspect_file(original_path(record), choices=choices, limits=web_limits())
    refuse_guesses(found)
    queued = queue_import(
        record=record,
        choices=choices,
        mapping=parse_mapping(request.POST, found),
        survey_year=parse_year(request.POST.get("survey_year", "")),
        right_kinds=[
            kind for kind in request.POST.getlist("right_kind") if kind in RightKind.values
        ]
        or [RightKind.TREE_OWNERSHIP.value],
        actor=request.user,  # type: ignore[arg-type]
    )
    run_import_job.defer(record_id=queued.pk)
    return JsonResponse(progress_json(queued), status=202)


@login_required
@require_POST
@csrf_protect
def cancel(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    record = access_import(key, request.user)
    return JsonResponse(progress_json(cancel_import(record=record, actor=request.user)))  # type: ignore[arg-type]


@login_required
@require_GET
def progress(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    return JsonResponse(progress_json(access_import(key, request.user)))


@login_required
@require_GET
def problems(request: HttpRequest, key: uuid.UUID, form: str) -> HttpResponse:
    """The list as a table, in parts of PROBLEMS_PER_FILE rows."""
    record = access_import(key, request.user)
    part = parse_whole(only(request.GET, ("part",)), "part", 1, least=1)
    start = (part - 1) * PROBLEMS_PER_FILE
    head = [_("行"), _("编号"), _("类别"), _("代码"), _("问题与办法"), _("经度"), _("纬度")]
    told = map(problem_row, record.problems.all()[start : start + PROBLEMS_PER_FILE])
    columns = ("row", "id", "severity_label", "code", "message", "lon", "lat")
    rows = [[row[column] for column in columns] for row in told]
    return table_file(f"import-problems-{part}", form, head, rows)


def upload_limit_mib() -> int:
    return int(settings.UPLOAD_LIMIT_BYTES) // 1024**2


def web_limits() -> Limits:
    return Limits(file_bytes=settings.UPLOAD_LIMIT_BYTES)


def parse_choices(given: Any) -> Choices:
    """Layer, system, encoding and seven parameters of a form; an empty field means "propose"."""
    crs = given.get("crs", "").strip()
    if crs and whole_number(crs) is None:
        raise InvalidInput(field=_("坐标系"), reason=crs[:40])
    return Choices(
        layer=given.get("layer") or None,
        crs_epsg=whole_number(crs),
        encoding=given.get("encoding") or None,
        seven_parameters=parse_seven_parameters(given.get("seven_parameters", "")),
    )


def parse_columns(
    given: Any,
    found: Inspection,
    *,
    facts: Iterable[str],
    propose: Callable[[Iterable[str]], dict[str, str]],
) -> dict[str, str]:
    """The column of each fact by ``column_<fact>``; by their names where the form says nothing yet.

    ColumnMissing for one that the file does not have.
    """
    names = [field.name for field in found.fields]
    chosen = {fact: given.get(f"column_{fact}") for fact in facts}
    if all(column is None for column in chosen.values()):
        return propose(names)
    columns = {fact: column for fact, column in chosen.items() if column}
    for column in columns.values():
        if column not in names:
            raise ColumnMissing(column=column)
    return columns


def parse_mapping(given: Any, found: Inspection) -> dict[str, str]:
    """``map_<target>=<column>`` fields; a column must be in the file."""
    columns = {field.name for field in found.fields}
    mapping = {}
    for target in FIELDS:
        column = given.get(f"map_{target.code}", "")
        if not column:
            continue
        if column not in columns:
            raise ColumnMissing(column=column)
        mapping[target.code] = column
    return mapping


def progress_json(record: ImportRecord) -> dict[str, Any]:
    return {
        "state": record.state,
        "state_label": record.get_state_display(),
        "read": record.read,
        "total": record.total,
        "imported": record.imported,
        "changed": record.changed,
        "unchanged": record.unchanged,
        "rejected": record.rejected,
        "failure_code": record.failure_code,
        "failure_message": record.failure_message,
    }


def problem_row(problem: ImportProblem) -> dict[str, Any]:
    """A problem in words, with its row and place."""
    return {
        "row": problem.row,
        "id": problem.feature_id,
        "severity": problem.severity,
        "severity_label": problem.get_severity_display(),
        "code": problem.code,
        "message": problem_message(problem.code, problem.facts),
        "lon": problem.lon,
        "lat": problem.lat,
    }
