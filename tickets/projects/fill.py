"""The wizard of the seven materials: one page for each part, left and resumed at any time.

Each save says which state of the draft it was made on; when another window saved meanwhile, the
page comes back with what was typed and with what stands now, side by side (409).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from parcels.models import ProjectAreaVersion
from portal.accounts.access import signed_in
from portal.accounts.forms import PortalForm
from portal.accounts.models import User
from portal.base.answers import answer_refused
from portal.base.errors import InvalidInput, NotFound, PortalError, StateMovedOn
from portal.base.transactions import write_transaction
from portal.casework.documents import limit_bytes
from portal.casework.models import Document
from portal.casework.stage import sketch_config
from portal.casework.uploads import body_limited
from tickets.projects.access import (
    access_application,
    access_own_application,
    parties_consented_for,
)
from tickets.projects.acts import FormRefused
from tickets.projects.checklist import (
    CHECKLISTS,
    bare_names,
    facts_digest,
    is_of_other_land,
    latest_materials,
    latest_result,
    measures_astray,
    members_without_share,
    period_text,
    terms_of,
    what_is_missing,
)
from tickets.projects.forms import AreaForm, FileForm, TitlesForm, measures_of, shares_of
from tickets.projects.models import OPEN_STATES, Application, Material, Project
from tickets.projects.operations import (
    add_material,
    change_project,
    consent_to_share,
    consent_to_shares,
    link_titles,
    resubmit_application,
    save_draft,
    set_measures,
    set_shares,
    submit_application,
)
from tickets.projects.papers import COMMITMENT, registration_rows, shares_text, signed_paper
from tickets.projects.queries import (
    SHARE_DENOMINATOR,
    areas_of,
    possible_sharers,
)
from tickets.projects.sharing import shares_by_area

EMPTY_MEASURE_ROWS = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One page of the wizard: the materials it makes, and how it saves and shows itself."""

    slug: str
    title: str | Promise
    save: Callable[[HttpRequest, Application, User], None]
    context: Callable[[HttpRequest, Application], dict[str, Any]]
    # What stands in the draft, in words, for who must be shown a difference.
    stands: Callable[[Application], str]
    kinds: tuple[Material.Kind, ...] = ()


# --- the parts ----------------------------------------------------------------------------------
@write_transaction
def save_area(request: HttpRequest, draft: Application, user: User) -> None:
    form = AreaForm(draft, request.POST)
    if not form.is_valid():
        raise FormRefused(form)
    given = form.cleaned_data
    changed = (given["name"], given["type"]) != (draft.project.name, draft.project.type)
    save_draft(
        application=draft,
        area_version=given["area"],
        period=given["period"],
        seen=seen_of(request),
        actor=user,
    )
    if changed:
        change_project(
            project=draft.project,
            name=given["name"],
            type=Project.Type(given["type"]),
            actor=user,
        )


def area_context(request: HttpRequest, draft: Application) -> dict[str, Any]:
    back = reverse("projects:fill", args=[draft.key, "area"])
    wanted = {"next": back, "party": str(draft.project.applicant.key)}
    draw = f"{reverse('parcels:area-new')}?{urlencode(wanted)}"
    redraw = ""
    if draft.area_version is not None:
        address = reverse("parcels:area-draw", args=[draft.area_version.area.key])
        redraw = f"{address}?{urlencode({'next': back})}"
    drawn = drawn_version(request, draft)
    form = AreaForm(draft, drawn=drawn)
    return {"form": form, "draw_url": draw, "redraw_url": redraw, "drawn": drawn}


def drawn_version(request: HttpRequest, draft: Application) -> ProjectAreaVersion | None:
    """The area that was just drawn: the drawing page comes back with its ``version``."""
    try:
        key = uuid.UUID(request.GET.get("version", ""))
    except ValueError:
        return None
    return areas_of(draft.project.applicant).filter(key=key).first()


def area_stands(draft: Application) -> str:
    version = draft.area_version
    return _("范围：{area}；监测期：{period}").format(
        area=f"{version.area.name} v{version.number}" if version else "—",
        period=period_text(draft.period) or "—",
    )


def save_titles(request: HttpRequest, draft: Application, user: User) -> None:
    form = TitlesForm(draft, user, request.POST)
    if not form.is_valid():
        raise FormRefused(form)
    draft = link_titles(
        application=draft,
        certificates=form.cleaned_data["titles"],
        seen=seen_of(request),
        actor=user,
    )
    if draft.titles.exists():
        add_material(application=draft, kind=Material.Kind.TITLES, actor=user)


def titles_context(request: HttpRequest, draft: Application) -> dict[str, Any]:
    return {"form": TitlesForm(draft, signed_in(request)), "bare_names": bare_names(draft)}


def titles_stand(draft: Application) -> str:
    numbers = [row.certificate.number for row in draft.titles.select_related("certificate")]
    return "、".join(numbers) or "—"


def save_shares(request: HttpRequest, draft: Application, user: User) -> None:
    parties = {str(party.key): party for party in possible_sharers(draft)}
    if request.POST.get("action") == "by_area":
        denominator, rows = SHARE_DENOMINATOR, shares_by_area(draft)
    elif request.POST.get("action") == "consent":
        record_consent(request, draft, user)
        return
    else:
        denominator, rows = shares_of(request.POST, parties)
    set_shares(
        application=draft,
        denominator=denominator,
        shares=rows,
        seen=seen_of(request),
        actor=user,
    )


def record_consent(request: HttpRequest, draft: Application, user: User) -> None:
    """A co-owner's consent on paper, brought by the applicant."""
    wanted = request.POST.get("party", "")
    share = next(
        (one for one in draft.shares.select_related("party") if str(one.party.key) == wanted), None
    )
    if share is None:
        raise NotFound()
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        raise FormRefused(form)
    consent_to_share(
        share=share,
        terms=request.POST.get("terms", ""),
        actor=user,
        upload=form.cleaned_data["file"],
    )


def shares_context(request: HttpRequest, draft: Application) -> dict[str, Any]:
    rows = draft.shares.select_related("party", "consented_by", "consent_document")
    shares = {share.party_id: share for share in rows}
    return {
        "rows": [(party, shares.get(party.pk)) for party in possible_sharers(draft)],
        "denominator": draft.share_denominator,
        "terms": terms_of(draft),
        "without_share": members_without_share(draft),
        **report_context(request, draft),
        "file_form": FileForm(),
    }


def save_design(request: HttpRequest, draft: Application, user: User) -> None:
    set_measures(
        application=draft,
        measures=measures_of(request.POST),
        seen=seen_of(request),
        actor=user,
    )


def design_context(request: HttpRequest, draft: Application) -> dict[str, Any]:
    measures: list[Any] = [
        {
            "name": one.name,
            "done_from": one.done_from,
            "done_to": one.done_to,
            "place": f"{one.place.coords[0]:.6f},{one.place.coords[1]:.6f}" if one.place else "",
        }
        for one in draft.measures.all()
    ]
    version = draft.area_version
    return {
        "measures": [*measures, *[{} for _n in range(EMPTY_MEASURE_ROWS)]],
        "astray": measures_astray(draft) if version else [],
        "sketch_config": sketch_config([json.loads(version.geom.json)] if version else []),
    }


def measures_stand(draft: Application) -> str:
    return "；".join(f"{m.name} {m.done_from}–{m.done_to}" for m in draft.measures.all()) or "—"


def no_save(request: HttpRequest, draft: Application, user: User) -> None:
    """The report is calculated and signed on pages of its own."""


def report_context(request: HttpRequest, draft: Application) -> dict[str, Any]:
    result = latest_result(draft)
    other_land = result is not None and is_of_other_land(result, draft)
    return {"result": result, "other_land": other_land, "request_key": uuid.uuid4()}


def sign_papers(request: HttpRequest, draft: Application, user: User) -> None:
    """Identity, registration form and commitment over the data as they are, signed by the user."""
    if "read" not in request.POST:
        raise InvalidInput(field=_("承诺"), reason=_("请先阅读并勾选"))
    if seen_of(request) != draft.revision:
        raise StateMovedOn(revision=draft.revision)
    add_material(application=draft, kind=Material.Kind.IDENTITY, actor=user)
    for kind in (Material.Kind.REGISTRATION, Material.Kind.COMMITMENT):
        add_material(
            application=draft,
            kind=kind,
            upload=signed_paper(draft, kind, user),
            signed=True,
            actor=user,
        )


def sign_context(request: HttpRequest, draft: Application) -> dict[str, Any]:
    return {"registration": registration_rows(draft), "commitment": COMMITMENT}


def nothing_stands(draft: Application) -> str:
    return "—"


PARTS: tuple[Part, ...] = (
    Part("area", gettext_lazy("项目与范围"), save_area, area_context, area_stands),
    Part(
        "titles", gettext_lazy("权属证明"), save_titles, titles_context, titles_stand,
        (Material.Kind.TITLES,),
    ),
    Part(
        "shares", gettext_lazy("收益分配"), save_shares, shares_context, shares_text,
        (Material.Kind.AGREEMENT,),
    ),
    Part(
        "design", gettext_lazy("项目设计"), save_design, design_context, measures_stand,
        (Material.Kind.DESIGN,),
    ),
    Part(
        "report", gettext_lazy("核算报告"), no_save, report_context, nothing_stands,
        (Material.Kind.REPORT,),
    ),
    Part(
        "sign", gettext_lazy("登记表与承诺"), sign_papers, sign_context, nothing_stands,
        (Material.Kind.IDENTITY, Material.Kind.REGISTRATION, Material.Kind.COMMITMENT),
    ),
)  # fmt: skip
SUBMIT = "submit"


# --- the pages ----------------------------------------------------------------------------------
@login_required
@never_cache
@body_limited(1)
def fill(request: HttpRequest, key: uuid.UUID, slug: str) -> HttpResponse:
    """One part of the draft."""
    user = signed_in(request)
    draft = access_own_application(key, user)
    part = next((one for one in PARTS if one.slug == slug), None)
    if part is None:
        raise NotFound()
    if draft.state not in OPEN_STATES:
        return redirect("projects:application", key=key)
    if request.method != "POST":
        return _page(request, draft, part)
    try:
        if request.POST.get("action") == "upload":
            take_upload(request, draft, part, user)
        else:
            part.save(request, draft, user)
    except FormRefused as refused:
        return answer_refused(_page(request, draft, part, form=refused.form), refused)
    except NotFound:
        raise
    except PortalError as refusal:
        draft = access_own_application(key, user)
        return answer_refused(_page(request, draft, part, refusal=refusal), refusal)
    messages.success(request, _("已保存。"))
    where = part if "stay" in request.POST or "action" in request.POST else _after(part)
    slug = where.slug if isinstance(where, Part) else SUBMIT
    return (
        redirect("projects:fill", key=key, slug=slug)
        if slug != SUBMIT
        else redirect("projects:submit", key=key)
    )


def take_upload(request: HttpRequest, draft: Application, part: Part, user: User) -> None:
    """A file of the part's material; its hash and version are kept with it."""
    if not part.kinds:
        raise InvalidInput(field=part.title, reason=_("这一部分不收文件"))
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        raise FormRefused(form)
    add_material(
        application=draft, kind=part.kinds[0], upload=form.cleaned_data["file"], actor=user
    )


@login_required
@never_cache
def submit(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """What is missing, or the button that puts the application forward."""
    user = signed_in(request)
    draft = access_own_application(key, user)
    if draft.state not in OPEN_STATES:
        return redirect("projects:application", key=key)
    refusal: PortalError | None = None
    if request.method == "POST":
        try:
            if draft.state == Application.State.RETURNED:
                resubmit_application(
                    application=draft,
                    actor=user,
                    seen=seen_of(request),
                    answer=request.POST.get("answer", "").strip()[:4000],
                )
            else:
                submit_application(application=draft, actor=user, seen=seen_of(request))
        except PortalError as error:
            refusal = error
        else:
            messages.success(request, _("已提交。审核进度会在站内和邮件中通知。"))
            return redirect("projects:application", key=key)
        draft = access_own_application(key, user)
    context = {
        **_frame(draft, SUBMIT),
        "missing": what_is_missing(draft),
        "refusal": refusal,
        "registration": registration_rows(draft),
    }
    return answer_refused(render(request, "projects/submit.html", context), refusal)


@login_required
@never_cache
def consent(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A co-owner looks at the terms and consents to them; to others than he saw, he does not (409)."""
    user = signed_in(request)
    application = access_application(key, user)
    consented_for = parties_consented_for(user, application)
    mine = [
        share
        for share in application.shares.select_related("party")
        if share.party_id in consented_for
    ]
    if not mine:
        raise NotFound()
    waiting = [share for share in mine if share.consented_at is None]
    refusal: PortalError | None = None
    if request.method == "POST":
        try:
            consent_to_shares(shares=waiting, terms=request.POST.get("terms", ""), actor=user)
        except PortalError as error:
            refusal = error
        else:
            messages.success(request, _("已同意。"))
            return redirect("projects:projects")
    agreement = latest_materials(application).get(Material.Kind.AGREEMENT.value)
    context = {
        "application": application,
        "mine": mine,
        "registration": registration_rows(application),
        "agreement": agreement.document if agreement else None,
        "terms": terms_of(application),
        "waiting": waiting,
        "refusal": refusal,
    }
    return answer_refused(render(request, "projects/consent.html", context), refusal)


# --- inside -------------------------------------------------------------------------------------
def _page(
    request: HttpRequest,
    draft: Application,
    part: Part,
    *,
    form: PortalForm | None = None,
    refusal: PortalError | None = None,
) -> HttpResponse:
    context = {**_frame(draft, part.slug), **part.context(request, draft), "part": part}
    if form is not None:
        context["file_form" if isinstance(form, FileForm) else "form"] = form
    context.setdefault("file_form", FileForm())
    if refusal is not None:
        context |= _as_sent(request, draft, part)
    context["refusal"] = refusal
    if isinstance(refusal, StateMovedOn):
        context["stands_now"] = part.stands(draft)
    materials = latest_materials(draft)
    context["materials"] = [_material_row(draft, kind, materials.get(kind)) for kind in part.kinds]
    return render(request, f"projects/fill/{part.slug}.html", context)


def _frame(draft: Application, here: str) -> dict[str, Any]:
    missing = {one.step for one in what_is_missing(draft)}
    parts = [
        {
            "part": part,
            "here": part.slug == here,
            "done": part.slug not in missing
            and not any(kind.value in missing for kind in part.kinds),
        }
        for part in PARTS
    ]
    return {
        "application": draft,
        "project": draft.project,
        "parts": parts,
        "on_submit": here == SUBMIT,
        "done_count": sum(1 for one in parts if one["done"]),
        "limit_mib": limit_bytes() // 1024**2,
        "returned": draft.case.stops.filter(resumed_at__isnull=True).select_related("verdict__step")
        if draft.case
        else [],
    }


def _as_sent(request: HttpRequest, draft: Application, part: Part) -> dict[str, Any]:
    """What the user typed, so that nothing is lost."""
    if part.slug == "area":
        return {"form": AreaForm(draft, request.POST)}
    if part.slug == "titles":
        return {"form": TitlesForm(draft, signed_in(request), request.POST)}
    if part.slug == "shares" and "numerator" in request.POST:
        typed = dict(
            zip(request.POST.getlist("party"), request.POST.getlist("numerator"), strict=False)
        )
        return {
            "typed": [(party, typed.get(str(party.key), "")) for party in possible_sharers(draft)],
            "denominator": request.POST.get("denominator", ""),
        }
    if part.slug == "design" and "measure" in request.POST:
        names = ("measure", "done_from", "done_to", "place")
        columns = (request.POST.getlist(name) for name in names)
        return {
            "measures": [
                {"name": a, "done_from": b, "done_to": c, "place": d}
                for a, b, c, d in zip(*columns, strict=False)
            ]
        }
    return {}


def _material_row(
    draft: Application, kind: Material.Kind, material: Material | None
) -> dict[str, Any]:
    document: Document | None = material.document if material else None
    return {
        "kind": kind,
        "material": material,
        "document": document,
        "checklist": list(CHECKLISTS[kind].values()),
        "stale": material is not None and material.content_sha256 != facts_digest(draft, kind),
    }


def _after(part: Part) -> Part | None:
    place = PARTS.index(part)
    return PARTS[place + 1] if place + 1 < len(PARTS) else None


def seen_of(request: HttpRequest) -> int:
    try:
        return int(request.POST.get("seen", ""))
    except ValueError as error:
        raise StateMovedOn() from error
