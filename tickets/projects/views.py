"""Pages of projects, applications and filings."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from parcels.rules.queries import kept_findings_in_words
from portal.accounts.access import signed_in
from portal.accounts.models import Mandate, Party, Role, RoleGrant, User
from portal.accounts.queries import is_staff_reader, mandates_for
from portal.accounts.second_factor import confirmed_device, present_code
from portal.base.addresses import public_url
from portal.base.answers import answer_refused, pressed_once
from portal.base.clock import CITY_TIME, PortalNow, today
from portal.base.errors import NotFound, PortalError
from portal.base.numbers import grouped_code
from portal.casework.deadlines import stops_of, term_of, working_days_between
from portal.casework.models import NoticeObjection, ReviewCase, ReviewStep
from portal.casework.moves import StepStatus, VerdictKind
from portal.casework.queries import askable_experts, opinions_wanted_of, unread_count
from portal.casework.stage import sketch_config
from portal.casework.uploads import body_limited
from portal.journal.operations import record_event
from tickets.projects.access import access_application, access_filing, find_filing
from tickets.projects.acts import FORMS, FormRefused, act, choices_of, my_steps, offices
from tickets.projects.checklist import (
    CHECKLISTS,
    latest_materials,
    latest_result,
    period_text,
    titles_gone,
)
from tickets.projects.forms import (
    CommentForm,
    DisqualificationForm,
    FilingForm,
    ProjectForm,
    SignatureForm,
)
from tickets.projects.models import KG_PER_TONNE, Application, Filing, Material, Project
from tickets.projects.notes import notice_of
from tickets.projects.operations import SUBJECT, start_application, start_project
from tickets.projects.papers import area_text, filing_pdf, filing_rows
from tickets.projects.plan import Step
from tickets.projects.queries import (
    applicants_for,
    changed_titles_count,
    consents_wanted_of,
    projects_of,
    with_changed_titles,
)
from tickets.projects.signing import content_of, public_content, signature_holds

REFUSED = 422
DRAFTS = (VerdictKind.PREPARE, VerdictKind.SEND_BACK)
UNDER_REVIEW = (Application.State.SUBMITTED, Application.State.DETERMINED)


# --- projects -----------------------------------------------------------------------------------
@login_required
@never_cache
def projects(request: HttpRequest) -> HttpResponse:
    """My projects with their applications, and a new one."""
    user = signed_in(request)
    form = ProjectForm(user, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        applicant: Party = form.cleaned_data["applicant"]
        try:
            key = pressed_once(
                request,
                "start_project",
                lambda: _started(applicant, form.cleaned_data, user),
                actor_key=user.key,
            )
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            return redirect("projects:fill", key=key, slug="area")
    context = {
        "projects": projects_of(user),
        "form": form,
        "may_start": applicants_for(user).exists(),
        "unread": unread_count(user),
        "request_key": uuid.uuid4(),
        "consents": consents_wanted_of(user),
    }
    status = REFUSED if form.is_bound and form.errors else 200
    return render(request, "projects/projects.html", context, status=status)


def _started(applicant: Party, given: dict[str, Any], user: User) -> str:
    """The key of a new project's first draft."""
    project = start_project(
        name=given["name"], applicant=applicant, type=Project.Type(given["type"]), actor=user
    )
    return str(start_application(project=project, actor=user).key)


@login_required
@require_POST
def new_application(request: HttpRequest, number: str) -> HttpResponse:
    """Another monitoring period of a project."""
    user = signed_in(request)
    project = projects_of(user).filter(number=number).first()
    if project is None:
        raise NotFound()
    former = project.applications.filter(area_version__isnull=False).order_by("-pk").first()
    version = former.area_version if former else None
    key = pressed_once(
        request,
        "start_application",
        lambda: str(start_application(project=project, area_version=version, actor=user).key),
        actor_key=user.key,
    )
    return redirect("projects:fill", key=key, slug="area")


# --- applications -------------------------------------------------------------------------------
@login_required
@never_cache
@body_limited(1)
def application_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One application: what was put forward, where it stands, and what I may do."""
    user = signed_in(request)
    application = access_application(key, user)
    if request.method != "POST":
        return _page(request, application, user)
    try:
        said = act(request, application, user)
    except FormRefused as refused:
        return answer_refused(_page(request, application, user, form=refused.form), refused)
    except NotFound:
        raise
    except PortalError as refusal:
        application = access_application(key, user)
        sent = FORMS.get(request.POST.get("action", ""))
        form = sent(request.POST) if sent else None
        return answer_refused(
            _page(request, application, user, form=form, refusal=refusal), refusal
        )
    messages.success(request, said)
    return redirect("projects:application", key=key)


@login_required
@require_safe
@never_cache
def changed_titles(request: HttpRequest) -> HttpResponse:
    """Applications to be returned, because a certificate that they rest on was changed (article 7)."""
    user = signed_in(request)
    if changed_titles_count(user) is None:
        raise NotFound()
    rows = [(one, titles_gone(one)) for one in with_changed_titles()]
    return render(request, "projects/changed_titles.html", {"rows": rows})


def _page(
    request: HttpRequest,
    application: Application,
    user: User,
    *,
    form: Any = None,
    refusal: PortalError | None = None,
) -> HttpResponse:
    concerns = offices(application, user)
    context: dict[str, Any] = {
        "application": application,
        "project": application.project,
        "case": application.case,
        "period": period_text(application.period),
        "area": area_text(application.area_version.area_m2) if application.area_version else "",
        "result": latest_result(application),
        "shares": application.shares.select_related("party", "consent_document"),
        "mandate": _mandate(application),
        "titles": application.titles.select_related("certificate"),
        "titles_gone": titles_gone(application)
        if application.state in UNDER_REVIEW or application.state == Application.State.RETURNED
        else [],
        "measures": application.measures.all(),
        "filing": Filing.objects.filter(application=application).first(),
        "materials": _materials(application, clerk=concerns["forestry_clerk"]),
        "refusal": refusal,
        "refused_form": None if refusal else form,
        "typed": request.POST if refusal or form else None,
        "notice": notice_of(application),
        **concerns,
    }
    if application.case is not None:
        context |= _review(application, user, concerns, form=form)
    context["sketch_config"] = _sketch(context, application)
    return render(request, "projects/application.html", context)


def _mandate(application: Application) -> Mandate | None:
    """By which its representative acts for the owner today: what a clerk checks (article 5)."""
    acting = application.submitted_by or application.made_by
    found = mandates_for(acting, application.project.applicant, Mandate.Scope.APPLY)
    return found.order_by("valid_to").last()


def _review(
    application: Application, user: User, concerns: dict[str, bool], *, form: Any
) -> dict[str, Any]:
    """The course of the case, and the forms of whose turn it is."""
    case = application.case
    assert case is not None
    turns = my_steps(application, user)
    latest = latest_result(application)
    steps = list(
        case.steps.select_related("prepared_by", "decided_by", "assigned_to")
        .prefetch_related("verdicts__actor", "opinions__expert__user")
        .order_by("order", "pk")
    )
    day = today()
    objections = NoticeObjection.objects.filter(
        notice__subject_kind=SUBJECT, notice__subject_key=application.key
    ).select_related("notice", "answered_by", "cured_by")
    comments = case.comments.select_related("author").prefetch_related("attachments")
    expert = next((step for step in steps if step.kind == Step.EXPERT), None)
    return {
        "steps": [_step_row(step, inside=concerns["inside"]) for step in steps],
        "stages": _stages(steps),
        "elapsed": _elapsed(case, day),
        "turns": [_turn(step, latest, user, form) for step in turns],
        "opinion": opinions_wanted_of(user).filter(step__case=case).first(),
        "expert_step": expert if expert and expert in turns else None,
        "experts": askable_experts(expert) if expert and expert in turns else [],
        "technical": next((one for one in steps if one.kind == Step.TECHNICAL), None),
        "verifiers": _verifiers(),
        "objections": objections
        if concerns["staff"]
        else objections.filter(answered_at__isnull=False),
        "comments": comments if concerns["inside"] else comments.filter(internal=False),
        "request_key": uuid.uuid4(),
        "comment_form": form if isinstance(form, CommentForm) else CommentForm(),
        "disqualify_form": form
        if isinstance(form, DisqualificationForm)
        else DisqualificationForm(),
        "disqualifications": [
            (one, one.case.steps.get()) for one in application.disqualifications.all()
        ],
        "under_way": application.state in ("submitted", "returned", "determined"),
    }


def _turn(step: ReviewStep, latest: Any, user: User, form: Any) -> dict[str, Any]:
    """What one step that waits for me asks of me."""
    row: dict[str, Any] = {"step": step, "term": term_of(step), "choices": choices_of(step)}
    seen = {"seen": step.revision}
    if step.kind == Step.FILING and step.status == StepStatus.OPEN:
        tonnes = latest.quantity_kg_calculated // KG_PER_TONNE if latest else None
        row["filing_form"] = (
            form if isinstance(form, FilingForm) else FilingForm(initial={"tonnes": tonnes, **seen})
        )
        row["choices"] = [one for one in row["choices"] if one.verdict != "prepare"]
    if step.kind == Step.FILING and step.status == StepStatus.PREPARED:
        draft = step.verdicts.filter(verdict="prepare").order_by("-pk").first()
        row["draft"] = draft
        row["tonnes"] = int(draft.facts["quantity_kg"]) // KG_PER_TONNE if draft else 0
        row["sign_form"] = form if isinstance(form, SignatureForm) else SignatureForm(initial=seen)
        device = confirmed_device(user)
        row["device"] = device
        row["demo_code"] = present_code(device)[0] if device and settings.DEMO_ACCOUNTS else ""
        row["choices"] = [one for one in row["choices"] if one.verdict != "endorse"]
    return row


def _step_row(step: ReviewStep, *, inside: bool) -> dict[str, Any]:
    """To the applicant what was decided and, once it is, what the experts said; drafts stay inside."""
    return {
        "step": step,
        "verdicts": [one for one in step.verdicts.all() if inside or one.verdict not in DRAFTS],
        "opinions": [
            one for one in step.opinions.all() if one.given_at and (inside or step.decided_at)
        ],
        "asked": [
            one for one in step.opinions.all() if not one.given_at and one.round == step.round
        ],
        "term": term_of(step),
    }


def _stages(steps: list[ReviewStep]) -> list[dict[str, Any]]:
    """The line of steps at the top: parallel ones stand together."""
    orders = sorted({step.order for step in steps})
    return [{"steps": [step for step in steps if step.order == order]} for order in orders]


def _elapsed(case: ReviewCase, day: Any) -> int:
    """Working days of article 8 that have counted until today, or until the case ended."""
    until = case.closed_at.astimezone(CITY_TIME).date() if case.closed_at else day
    return working_days_between(case.received_on, until, stops=stops_of(case.stops.all()))


def _materials(application: Application, *, clerk: bool) -> list[dict[str, Any]]:
    latest = latest_materials(application)
    rows = []
    for kind in Material.Kind:
        material = latest.get(kind.value)
        rows.append(
            {
                "kind": kind,
                "material": material,
                "document": material.document if material else None,
                "checklist": CHECKLISTS[kind].items(),
                "to_confirm": bool(
                    clerk
                    and material
                    and material.confirmed_by_id is None
                    and application.state in UNDER_REVIEW
                ),
            }
        )
    return rows


def _verifiers() -> list[User]:
    held = RoleGrant.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=PortalNow()),
        role=Role.VERIFIER,
        valid_from__lte=PortalNow(),
    )
    return list(User.objects.filter(pk__in=held.values("user"), is_active=True))


def _sketch(context: dict[str, Any], application: Application) -> dict[str, Any]:
    """The exact area for those who may see this page; disputed patches and pinned places on it."""
    version = application.area_version
    places = [
        {"lon": one.place.coords[0], "lat": one.place.coords[1], "text": one.text[:80]}
        for one in context.get("comments", [])
        if one.place
    ]
    places += [
        {"lon": point.coords[0], "lat": point.coords[1], "text": measure.name}
        for measure in context["measures"]
        if measure.place
        for point in [measure.place.point_on_surface]
    ]
    return sketch_config(
        [as_json(version.geom)] if version else [],
        places=places,
        disputed=[as_json(one.shape) for one in context.get("objections", []) if one.shape],
    )


def as_json(geom: GEOSGeometry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(geom.json)
    return found


# --- filings ------------------------------------------------------------------------------------
@require_safe
def filing_page(request: HttpRequest, number: str) -> HttpResponse:
    """A filing as everyone may see it: masked owner, generalised outline, and the signature."""
    return render_filing(request, access_filing(number))


def render_filing(request: HttpRequest, filing: Filing) -> HttpResponse:
    """What a filing's number and its code of ``/v/`` both open."""
    version = filing.area_version
    staff = is_staff_reader(request.user)
    shape = version.shown_to_all
    may_download = may_read_paper(request, filing)
    context = {
        "filing": filing,
        "project": filing.application.project,
        "code": grouped_code(filing.code),
        "tonnes": filing.quantity_kg // KG_PER_TONNE,
        "holds": signature_holds(filing),
        "content": content_of(filing).decode() if may_download else public_content(filing),
        "signature": bytes(filing.signature).hex(),
        "period": period_text(filing.period),
        "area_ha": version.area_m2 / 10_000,
        "owner": owner_for(filing, staff=staff),
        "rows": filing_rows(filing) if staff else [],
        "findings": kept_findings_in_words(filing.uniqueness_report) if staff else [],
        "may_download": may_download,
        "sketch_config": sketch_config([as_json(shape)]),
    }
    return render(request, "projects/filing.html", context)


def verification_page(request: HttpRequest, code: str) -> HttpResponse | None:
    """The page of ``/v/CODE/`` when the code is a filing's."""
    filing = find_filing(code)
    if filing is None:
        return None
    record_event(
        subject_kind="filing", subject_key=filing.key, verb="scanned", actor_key=None, facts={}
    )
    return render_filing(request, filing)


@login_required
@require_safe
@never_cache
def filing_paper(request: HttpRequest, number: str) -> HttpResponse:
    """The certificate as PDF, for the owner, the mandated and the departments."""
    filing = access_filing(number)
    if not may_read_paper(request, filing):
        raise NotFound()
    address = public_url(request, reverse("site:verify", args=[filing.code]))
    data = filing_pdf(filing, address=address, public=False)
    response = HttpResponse(data, content_type="application/pdf")
    header = content_disposition_header(False, f"{filing.number}.pdf")
    if header:
        response.headers["Content-Disposition"] = header
    return response


def may_read_paper(request: HttpRequest, filing: Filing) -> bool:
    try:
        access_application(filing.application.key, request.user)
    except NotFound:
        return False
    return True


def owner_for(filing: Filing, *, staff: bool) -> str:
    """Natural persons as 张* for the public (domain.md)."""
    party = filing.application.project.applicant
    return party.name if staff else party.public_name
