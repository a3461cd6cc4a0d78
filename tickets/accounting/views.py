"""Pages on which a report is read and signed: the list, the result, the PDF and the files behind."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from parcels.models import ProjectArea
from portal.accounts.models import Mandate
from portal.accounts.operations import require_second_factor
from portal.accounts.queries import members_of, parties_acted_for
from portal.base.answers import answer_refused, pressed_once, sent_once, typed_into
from portal.base.errors import NotFound, PortalError
from tickets.accounting.access import (
    access_report,
    access_report_to_edit,
    access_report_to_hand_in,
    access_report_to_sign,
    acting,
    is_verifier_of,
    may_edit,
)
from tickets.accounting.calculation import STEPS, Calculation, work_through
from tickets.accounting.chart import bar_chart
from tickets.accounting.document import report_pdf, steps_of
from tickets.accounting.drafts import code_for_demo, seen_by
from tickets.accounting.equations import split_by_share
from tickets.accounting.handing import hand_in_report, may_hand_in
from tickets.accounting.models import AccountingReport, ReportFile
from tickets.accounting.sharing import share_by_tonnes
from tickets.accounting.signing import (
    is_as_signed,
    revise_report,
    sign_report,
    signed_policy,
)
from tickets.projects.access import access_own_application

PAGE = 20


@login_required
@require_GET
def reports(request: HttpRequest) -> HttpResponse:
    """The reports that one works on, the newest version of each; areas to begin one on."""
    user = acting(request.user)
    mine = AccountingReport.objects.worked_on_by(user) | AccountingReport.objects.filter(
        area_version__area__party__in=parties_acted_for(user)
    )
    newest = AccountingReport.objects.filter(pk__in=mine.newest().values("pk")).select_related(
        "area_version__area__party", "verifier", "signed_by"
    )
    page = Paginator(newest.order_by("-opened_at"), PAGE).get_page(request.GET.get("page"))
    areas = (
        ProjectArea.objects.filter(party__in=parties_acted_for(user, Mandate.Scope.APPLY))
        | ProjectArea.objects.filter(party__isnull=True, made_by=user)
    ).order_by("-made_at")[:PAGE]
    return render(request, "accounting/reports.html", {"page": page, "areas": areas})


@login_required
@require_GET
def result_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Every intermediate value, the alternatives, the flags; the verifier signs here."""
    return _result(request, access_report(key, request.user))


def _result(
    request: HttpRequest, report: AccountingReport, refusal: PortalError | None = None
) -> HttpResponse:
    made = work_through(report, policy=signed_policy(report))
    signed = report.state == AccountingReport.State.SIGNED
    signs = not signed and is_verifier_of(request.user, report)
    return render(
        request,
        "accounting/result.html",
        {
            "report": report,
            "made": made,
            "signed": signed,
            "intact": signed and is_as_signed(report),
            "steps": steps_of(made) if made.result else [],
            "discount_steps": [
                (made.policy[f"u_step{n}_percent"], made.policy[f"dr_step{n}_percent"])
                for n in STEPS
            ],
            "content_sha256": hexadecimal(report.content_sha256),
            "parameters_sha256": hexadecimal(report.parameters_sha256),
            "chart": chart_of(made),
            "members": members_share(made),
            "versions": AccountingReport.objects.filter(series=report.series).order_by("-version"),
            "files": ReportFile.objects.filter(report=report),
            "sets": used_sets(made),
            "may_hand_in": may_hand_in(request.user, report),
            "may_revise": signed and may_edit(request.user, report),
            "signs": signs,
            "demo_code": code_for_demo(acting(request.user)) if signs else "",
            "request_key": uuid.uuid4(),
            "refusal": refusal,
        },
    )


@login_required
@require_POST
@csrf_protect
def sign(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Sign after a code of the second factor; sent twice, it signs once."""
    user = acting(request.user)
    report = access_report_to_sign(key, user)
    seen = seen_by(request)

    def act() -> dict[str, Any]:
        done = sign_report(report=report, seen=seen, actor=user)
        return {"report": str(done.key), "quantity_kg": done.quantity_kg_calculated}

    def ask_code() -> None:
        require_second_factor(user=user, code=request.POST.get("code", ""))

    try:
        sent_once(
            request, "sign_report", typed_into(request), act, actor_key=user.key, before=ask_code
        )
    except PortalError as refusal:
        return answer_refused(_result(request, access_report(key, user), refusal), refusal)
    return redirect("accounting:result", report.key)


@login_required
@require_POST
@csrf_protect
def revise(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A signed report is answered by its next version."""
    user = acting(request.user)
    report = access_report_to_edit(key, user)
    draft = pressed_once(
        request,
        "revise_report",
        lambda: str(revise_report(report=report, actor=user).key),
        actor_key=user.key,
    )
    return redirect("accounting:draft", draft)


@login_required
@require_POST
@csrf_protect
def hand_in(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The signed report's PDF becomes the application's accounting report; back to its wizard."""
    user = acting(request.user)
    report = access_report_to_hand_in(key, user)
    version = pressed_once(
        request,
        "hand_in_report",
        lambda: hand_in_report(report=report, actor=user).version,
        actor_key=user.key,
    )
    messages.success(request, _("已作为材料“核算报告”第 {n} 版提交。").format(n=version))
    assert report.application is not None
    return redirect("projects:fill", key=report.application.key, slug="report")


@login_required
@require_POST
@csrf_protect
def share(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The application's shares by the tonnes of each co-owner's land; back to its wizard."""
    user = acting(request.user)
    application = access_own_application(key, user)
    share_by_tonnes(application=application, seen=seen_by(request), actor=user)
    messages.success(request, _("已按各方林地的减排量计算份额。"))
    return redirect("projects:fill", key=key, slug="shares")


@login_required
@require_GET
def pdf(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The report as a document; of a signed one the same bytes each time."""
    report = access_report(key, request.user)
    made = work_through(report, policy=signed_policy(report))
    if made.result is None:
        raise NotFound()
    answer = HttpResponse(report_pdf(made), content_type="application/pdf")
    name = f"accounting-{str(report.series)[:8]}-v{report.version}.pdf"
    answer["Content-Disposition"] = f'inline; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


@login_required
@require_GET
def file(request: HttpRequest, key: uuid.UUID, kind: str) -> FileResponse:
    """A file behind the report as it was brought, only ever as a download."""
    report = access_report(key, request.user)
    kept = ReportFile.objects.filter(report=report, kind=kind).first()
    if kept is None:
        raise NotFound()
    return FileResponse(
        (Path(settings.MEDIA_ROOT) / kept.stored_path).open("rb"),
        as_attachment=True,
        filename=kept.name,
        content_type="application/octet-stream",
    )


def hexadecimal(value: bytes | memoryview | None) -> str:
    return "" if value is None else bytes(value).hex()


def chart_of(made: Calculation) -> str:
    """The SVG of the page; empty while nothing is calculated. Its texts are escaped by the writer."""
    if made.result is None:
        return ""
    return bar_chart([(line.stratum.code, line.result.co2_change_t) for line in made.lines])


def members_share(made: Calculation) -> list[tuple[str, str, int]]:
    """How whole tonnes would fall to the members of a collective: name, share, tonnes."""
    party = made.report.area_version.area.party
    if made.result is None or party is None:
        return []
    members = list(members_of(party))
    if not members:
        return []
    parts = split_by_share(made.result.quantity_t, [one.share_numerator for one in members])
    return [
        (one.member.name, f"{one.share_numerator}/{one.share_denominator}", part)
        for one, part in zip(members, parts, strict=True)
    ]


def used_sets(made: Calculation) -> list[Any]:
    """The parameter sets in use, each once."""
    found = {
        one.row.parameter_set_id: one.row.parameter_set
        for line in made.lines
        for one in line.species
    }
    return sorted(found.values(), key=lambda row: (row.group, row.rank, row.code))
