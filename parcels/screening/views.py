"""Bulk screening on the web: start, watch, cancel; result as map, table, statistics and files."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from parcels.api import parse_box
from parcels.claims.queries import last_day
from parcels.imports.access import access_imports
from parcels.imports.errors import CoordinateSystemOpen, EncodingOpen, UploadMissing
from parcels.imports.held import Held, held_file, hold_file, reading_of, refuse_guesses
from parcels.imports.originals import sha256_of
from parcels.imports.suspicion import shift_notices
from parcels.imports.uploads import receive_upload
from parcels.imports.views import parse_choices, parse_columns, upload_limit_mib, web_limits
from parcels.intake.columns import FIELDS
from parcels.intake.reader import Inspection, inspect_file
from parcels.rules.errors import PeriodMalformed, ScreeningRefused
from parcels.rules.period import parse_period
from parcels.rules.screening import FACTS, propose_columns, refuse_missing_field
from parcels.rules.table import Subject
from parcels.screening.access import access_screening
from parcels.screening.errors import ResultMissing
from parcels.screening.models import BulkScreening
from parcels.screening.operations import (
    cancel_screening,
    open_screening,
    result_folder,
)
from parcels.screening.results import (
    PACKAGE,
    VERDICTS,
    WORKBOOK,
    map_features,
    statistics,
    table_page,
)
from parcels.screening.tasks import run_screening_job
from parcels.stage import stage_config
from portal.accounts.models import User
from portal.base.answers import answer_refused, sent_once, typed_into
from portal.base.errors import InvalidInput, NotFound, PortalError
from portal.base.parameters import whole_number
from portal.journal.operations import record_event

ROWS_A_PAGE = 50
MAP_FEATURES = 4000
KEPT = ("subject", "period", "seven_parameters")


@login_required
@require_GET
def screenings(request: HttpRequest) -> HttpResponse:
    access_imports(request.user)
    return _form(request)


def _form(
    request: HttpRequest, *, held: Held | None = None, refusal: PortalError | None = None
) -> HttpResponse:
    """The list with the form above it; after a refusal with what was typed, and the file waits."""
    page = Paginator(BulkScreening.objects.select_related("made_by"), 20).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "limit": upload_limit_mib(),
        "subjects": BulkScreening.Subject.choices,
        "request_key": uuid.uuid4(),
        "given": request.POST.dict(),
        "seven_parameters": request.POST.get("seven_parameters", ""),
        "held": held,
        "refusal": refusal,
        "wrong": type(refusal).__name__,
    }
    return answer_refused(render(request, "parcels/screening/list.html", context), refusal)


@login_required
@require_POST
@csrf_protect
def start(request: HttpRequest) -> HttpResponse:
    """Keep the file, queue the job, go to its page; first ask what the reader could only guess, which
    columns are meant, and whether land that fits the register only after a phone map's shift is meant
    as it is.
    """
    access_imports(request.user)
    subject = request.POST.get("subject", "")
    if subject not in BulkScreening.Subject.values:
        raise InvalidInput(field=_("比对"), reason=_("请选择一项"))
    period = request.POST.get("period", "").strip()
    id_field = request.POST.get("id_field", "").strip()
    user = request.user
    assert isinstance(user, User)
    with _sent_or_held(request) as held:
        try:
            choices = parse_choices(request.POST)
            asked_for = parse_period(period) if period else None
            inspection = inspect_file(held.path, choices=choices, limits=web_limits())
            refuse_guesses(inspection)
            if _was_read_otherwise(request, inspection):
                return _ask(request, held, inspection)
            refuse_missing_field(id_field or None, inspection)
        except (CoordinateSystemOpen, EncodingOpen):
            return _ask(request, held, inspection)
        except (InvalidInput, PeriodMalformed, ScreeningRefused) as refusal:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            return _form(request, held=_waiting(held), refusal=refusal)
        columns = parse_columns(request.POST, inspection, facts=FACTS, propose=propose_columns)
        looked = "read_as" in request.POST
        if not looked and (shift_notices(inspection) or inspection.fields):
            return _ask(request, held, inspection)

        def act() -> dict[str, Any]:
            screening = open_screening(
                path=held.path,
                file_name=held.name,
                subject=Subject(subject),
                period=asked_for,
                id_field=id_field,
                choices=choices,
                columns=columns,
                inspection=inspection,
                actor=user,
            )
            return {"id": screening.pk, "key": str(screening.key)}

        content = [*typed_into(request), held.name, sha256_of(held.path)]
        answer = sent_once(request, "open_screening", content, act, actor_key=user.key)
    if not answer.repeated:
        run_screening_job.defer(screening_id=answer.body["id"])
    return redirect("parcels:screening", key=answer.body["key"])


@contextmanager
def _sent_or_held(request: HttpRequest) -> Iterator[Held]:
    """The file of the form, or the one that waits for the form's answer."""
    sent = request.FILES.get("file")
    if sent is None:
        word = request.POST.get("held", "")
        if not word:
            raise UploadMissing()
        yield held_file(word)
        return
    with receive_upload(sent) as path:
        yield Held(path, str(sent.name), "")


def _waiting(held: Held) -> Held:
    """The file, kept until its form comes back."""
    return held if held.word else hold_file(held.path, held.name)


def _read_as(inspection: Inspection) -> str:
    """The layer and the encoding, on which the names of the columns depend."""
    encoding = inspection.encoding
    return f"{encoding.value if encoding else ''} {inspection.layer}"


def _was_read_otherwise(request: HttpRequest, inspection: Inspection) -> bool:
    """Whether the form's columns are those of another layer, or of other letters, than now chosen."""
    present = _read_as(inspection)
    return request.POST.get("read_as", present) != present


def _ask(request: HttpRequest, held: Held, inspection: Inspection) -> HttpResponse:
    """The page that asks; the file waits, and nothing that was typed is lost. Columns of another
    reading are none of this one's: they are proposed anew.
    """
    held = _waiting(held)
    given = {} if _was_read_otherwise(request, inspection) else request.POST
    chosen = parse_columns(given, inspection, facts=FACTS, propose=propose_columns)
    context = {
        "names": [found.name for found in inspection.fields],
        "facts": [
            (field.code, field.label, chosen.get(field.code, ""))
            for field in FIELDS
            if field.code in FACTS
        ],
        "file_name": held.name,
        "held": held.word,
        "read_as": _read_as(inspection),
        "reading": reading_of(inspection),
        "given": request.POST.dict(),  # A QueryDict has an encoding of its own.
        "kept": {name: request.POST.get(name, "") for name in KEPT},
        "request_key": uuid.uuid4(),
    }
    return render(request, "parcels/screening/look.html", context)


@login_required
@require_GET
def screening_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    screening = access_screening(key, request.user)
    context: dict[str, Any] = {
        "screening": screening,
        "columns": columns_in_words(screening),
        "period_ends_on": None if screening.period is None else last_day(screening.period),
        "page_config": {
            **stage_config(),
            "state": screening.state,
            "urls": {
                name: reverse(f"parcels:screening-{name}", args=[screening.key])
                for name in ("progress", "cancel", "map")
            },
        },
    }
    if screening.state == BulkScreening.State.DONE and is_there(screening):
        verdict = request.GET.get("verdict", "")
        verdict = verdict if verdict in VERDICTS else ""
        number = page_number(request.GET.get("page", ""))
        folder = result_folder(screening)
        total = screening.counts[verdict or "candidates"]
        rows = table_page(
            folder, verdict=verdict, start=(number - 1) * ROWS_A_PAGE, count=ROWS_A_PAGE
        )
        context |= {
            "rows": rows,
            "verdict": verdict,
            "number": number,
            "pages": max(1, math.ceil(total / ROWS_A_PAGE)),
            "statistics": statistics(folder),
        }
    return render(request, "parcels/screening/detail.html", context)


def columns_in_words(screening: BulkScreening) -> list[tuple[str, str]]:
    """What each column of the file was taken for, as people call it."""
    columns = screening.reading.get("columns", {})
    return [(str(field.label), columns[field.code]) for field in FIELDS if field.code in columns]


def page_number(text: str) -> int:
    return min(max(whole_number(text) or 1, 1), 100_000)


def is_there(screening: BulkScreening) -> bool:
    return (result_folder(screening) / PACKAGE).is_file()


@login_required
@require_GET
def progress(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    return JsonResponse(progress_json(access_screening(key, request.user)))


@login_required
@require_POST
@csrf_protect
def cancel(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    screening = access_screening(key, request.user)
    assert isinstance(request.user, User)
    return JsonResponse(progress_json(cancel_screening(screening=screening, actor=request.user)))


def progress_json(screening: BulkScreening) -> dict[str, Any]:
    return {"state": screening.state, "done": screening.done, "total": screening.total}


@login_required
@require_GET
def map_layer(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The candidates in ``bbox`` with their verdicts, as GeoJSON for the page's map."""
    screening = access_screening(key, request.user)
    if not is_there(screening):
        raise ResultMissing()
    box = parse_box(request.GET.get("bbox", ""))
    west, south, east, north = box.extent
    return HttpResponse(
        map_features(result_folder(screening), (west, south, east, north), MAP_FEATURES),
        content_type="application/geo+json",
        headers={"Cache-Control": "private, max-age=600"},
    )


@login_required
@require_GET
def download(request: HttpRequest, key: uuid.UUID) -> FileResponse:
    """The result as a workbook. Its shapes leave by the door of exact boundaries: parcels.exports."""
    screening = access_screening(key, request.user)
    path = result_folder(screening) / WORKBOOK
    if not path.is_file():
        raise NotFound()
    assert isinstance(request.user, User)
    record_event(
        subject_kind="screening",
        subject_key=screening.key,
        verb="downloaded",
        actor_key=request.user.key,
        facts={"file": path.name},
    )
    stem = screening.file_name.rsplit(".", 1)[0]
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=f"{stem}-筛查结果{path.suffix}"
    )
