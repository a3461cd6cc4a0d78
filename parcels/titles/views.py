"""My titles: the list, registering one, its page, and each thing its owner does."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

import shapely
from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from parcels.imports.errors import UploadMissing
from parcels.imports.suspicion import shift_notices
from parcels.imports.uploads import receive_upload
from parcels.imports.views import parse_choices
from parcels.intake.columns import FIELDS, propose_mapping
from parcels.intake.crs import CHOICES as SYSTEMS
from parcels.intake.reader import Inspection
from parcels.models import RightKind, TitleCertificate, TitleReview
from parcels.reviews.access import (
    access_own_certificate,
    access_own_review,
    access_parcel_of,
    access_review,
    may_read_certificate,
    messages_for,
    own_reviews,
)
from parcels.reviews.errors import NeighboursNotOpen
from parcels.reviews.holding import known_parcels, told_to_owner
from parcels.reviews.operations import (
    submit_title,
    withdraw_review,
)
from parcels.reviews.picture import (
    areas_in_words,
    collection,
    facts_form,
    feature,
    picture_of,
    sides_in_words,
    successors_in_words,
)
from parcels.reviews.queries import (
    CERTIFICATE,
    ORIGINAL,
    SCAN,
    changed_facts,
    compared_facts,
    holders_by_title,
    holders_in_words,
    papers_of,
)
from parcels.reviews.repairs import RepairKind
from parcels.reviews.shapes import as_stored, present_shape
from parcels.reviews.views import (
    comment_once,
    done,
    follow_answer,
    message_answer,
    parse_key,
)
from parcels.stage import stage_config
from parcels.titles.land import PLACE_TARGETS, look, points_as_file
from parcels.titles.operations import (
    attach_scan,
    change_facts,
    change_shares,
    correct_place,
    correct_shape,
    merge_parcels,
    register_title,
    repair_shape,
    repaired,
    request_change,
    split_parcel,
)
from parcels.titles.owners import Shares
from parcels.titles.parsing import (
    parse_facts,
    parse_land,
    parse_line,
    parse_metres,
    parse_place_names,
    parse_points,
    parse_scan,
    parse_shares,
    points_choices,
)
from portal.accounts.models import Attempt, Mandate, Party, User
from portal.accounts.operations import note_attempt
from portal.accounts.queries import AnyUser, parties_acted_for
from portal.base.errors import InvalidInput, NotFound
from portal.base.idempotency import act_once
from portal.base.models import Township
from portal.casework.documents import (
    SCANS,
    content_of,
)
from portal.casework.models import Document

PAGE = 50
MOST_ASKED = 100


# --- list and page ------------------------------------------------------------------------------
def next_step(review: TitleReview) -> str:
    """What the owner does now."""
    state = TitleReview.State
    became = TitleCertificate.State(review.certificate.state)
    if review.state == state.VERIFIED and became != TitleCertificate.State.VERIFIED:
        return {
            TitleCertificate.State.SUPERSEDED: _("已由变更后的证书取代，无须操作。"),
            TitleCertificate.State.CANCELLED: _("证书已由主管部门注销，理由见依职权变更的案件。"),
        }.get(became, "")
    if review.cancels and review.state == state.REJECTED:
        return _("原证书已注销，理由见详情。")
    return {
        state.DRAFT: _("核对图形与证载信息，然后提交审核。"),
        state.PREPARING: _("自然资源部门正在审核，无须操作。"),
        state.APPROVING: _("已提出审核意见，等待审批。"),
        state.RETURNED: _("请按补正要求修改后重新提交。"),
        state.VERIFIED: _("已审核通过。可在此林地上申请碳票项目；如有变化，提出变更。"),
        state.REJECTED: _("未通过审核，理由见详情。更正后可重新登记。"),
        state.WITHDRAWN: _("已撤回。需要时可重新登记。"),
    }[state(review.state)]


@login_required
@require_safe
def my_titles(request: HttpRequest) -> HttpResponse:
    """The titles of every party that the user acts for, with state and what to do next."""
    reviews = own_reviews(request.user).order_by("-state_changed_at", "-pk")
    page = Paginator(reviews, PAGE).get_page(request.GET.get("page"))
    asked = reviews.filter(state__in=TitleReview.WITH_OWNER)[:MOST_ASKED]
    holders = holders_by_title(review.certificate for review in page)
    context = {
        "page": page,
        "rows": [
            {
                "review": review,
                "next": next_step(review),
                "holders": "、".join(holders[review.certificate_id]),
            }
            for review in page
        ],
        "asked": [{"review": review, "next": next_step(review)} for review in asked],
        "inbox": messages_for(request.user).filter(answer="").order_by("-pk"),
        "may_register": parties_acted_for(request.user, Mandate.Scope.APPLY).exists(),
    }
    return render(request, "parcels/titles/list.html", context)


@login_required
@require_safe
def my_title(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One title: map, findings, what was asked, and what may be done now."""
    review = access_own_review(key, request.user)
    certificate = review.certificate
    documents = papers_of(certificate)
    may_act = own_reviews(request.user, Mandate.Scope.APPLY).filter(pk=review.pk).exists()
    with_owner = review.state in TitleReview.WITH_OWNER and may_act
    known = known_parcels(review, request.user)
    context: dict[str, Any] = {
        "review": review,
        "case": review.case,
        "certificate": certificate,
        "holders": holders_in_words(certificate),
        "rights": certificate.rights.select_related("party").order_by("pk"),
        "areas": areas_in_words(review),
        "compared": compared_facts(review, known=known),
        "changed": changed_facts(review),
        "sides": sides_in_words(review, staff=False),
        "next": next_step(review),
        "newer": successors_in_words(review, known),
        "with_owner": with_owner,
        "request_key": uuid.uuid4(),
        "may_act": may_act,
        "may_withdraw": may_act
        and not review.by_office
        and review.state in ("draft", "preparing", "returned"),
        "may_change": may_act
        and certificate.state == TitleCertificate.State.VERIFIED
        and not certificate.superseded_by.filter(reviews__state__in=TitleReview.OPEN).exists(),
        "scan": documents.get(SCAN),
        "original": documents.get(ORIGINAL),
        "messages_about": review.messages.select_related("parcel", "answered_by"),
        "facts": facts_form(certificate),
        "kinds": TitleCertificate.Kind.choices,
        "page_config": {
            **stage_config(),
            "urls": {
                name: reverse(f"parcels:my-title-{name}", args=[review.key])
                for name in (
                    "picture", "repair", "split", "merge", "correct", "comment", "message", "facts",
                    "owners", "follow", "place",
                )
            },
            "may_repair": with_owner,
            "staff": False,
        },
    }  # fmt: skip
    if with_owner:
        context |= {"systems": SYSTEMS, "townships": Township.objects.order_by("code")}
        context |= shares_form(certificate, request.user)
    return render(request, "parcels/titles/detail.html", context)


def shares_form(certificate: TitleCertificate, user: AnyUser) -> dict[str, Any]:
    """The shares of the party acted for, of all, and the co-owners as the page's script fills them."""
    _certificate, party = access_own_certificate(certificate.key, user)
    held = {
        right.party_id: right for right in certificate.rights.select_related("party").order_by("pk")
    }
    own = held.pop(party.pk)
    return {
        "party": party,
        "own_share": own.share_numerator,
        "share_of": own.share_denominator if held else 2,
        "co_owners": [
            {
                "key": str(right.party.key),
                "name": right.party.name,
                "number": "",
                "share": str(right.share_numerator),
            }
            for right in held.values()
        ],
    }


@login_required
@require_safe
def my_title_picture(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = access_own_review(key, request.user)
    picture = picture_of(
        review,
        staff=False,
        known=known_parcels(review, request.user),
        told=told_to_owner(review, request.user),
    )
    return JsonResponse(picture, headers={"Cache-Control": "no-store"})


# --- registering --------------------------------------------------------------------------------
@login_required
@require_safe
def register_page(request: HttpRequest) -> HttpResponse:
    """Three ways to bring the land, the facts of the paper, and its scan."""
    parties = parties_acted_for(request.user, Mandate.Scope.APPLY).exclude(
        kind=Party.Kind.NAME_ONLY
    )
    context = {
        "parties": parties,
        "kinds": TitleCertificate.Kind.choices,
        "right_kinds": RightKind.choices,
        "townships": Township.objects.order_by("code"),
        "request_key": uuid.uuid4().hex,
        "page_config": {
            **stage_config(),
            "urls": {
                "shapes": reverse("parcels:title-shapes"),
                "register": reverse("parcels:title-register"),
                "parcel": reverse("parcels:api-parcels"),
                "tiles": "/tiles/parcels.json",
            },
        },
    }
    return render(request, "parcels/titles/register.html", context)


@login_required
@require_POST
@csrf_protect
def shapes(request: HttpRequest) -> JsonResponse:
    """What a file or a typed table holds, read as it will be when it is registered."""
    if not parties_acted_for(request.user, Mandate.Scope.APPLY).exists():
        raise NotFound()
    if request.POST.get("way") == "points":
        points, kind = parse_points(request.POST)
        with points_as_file(points, kind) as path:
            found = look(path, points_choices(kind))
        return JsonResponse({"inspection": inspection_in_words(found)})
    sent = request.FILES.get("shape_file")
    if sent is None:
        raise UploadMissing()
    with receive_upload(sent) as path:
        found = look(path, parse_choices(request.POST))
    proposed = propose_mapping([field.name for field in found.fields])
    columns = [
        {"code": target.code, "label": str(target.label), "column": proposed.get(target.code, "")}
        for target in FIELDS
        if target.code in PLACE_TARGETS
    ]
    return JsonResponse({"inspection": inspection_in_words(found), "columns": columns})


def inspection_in_words(found: Inspection) -> dict[str, Any]:
    """What a file holds, with a word where it seems to come from a phone's shifted map."""
    seen = found.as_json()
    return {**seen, "notices": [*seen["notices"], *shift_notices(found)]}


@login_required
@require_POST
@csrf_protect
def register(request: HttpRequest) -> JsonResponse:
    """Register the title once, however often the form is sent."""
    party = (
        parties_acted_for(request.user, Mandate.Scope.APPLY)
        .filter(key=parse_key(request.POST.get("party", "")))
        .first()
    )
    if party is None:
        raise NotFound()
    facts = parse_facts(request.POST)
    kinds = [RightKind(kind) for kind in request.POST.getlist("right") if kind in RightKind.values]
    if not kinds:
        raise InvalidInput(field=_("权利种类"), reason=_("请至少选择一项"))
    shares = parse_shares(request.POST)
    scan = parse_scan(request)
    land, original = parse_land(request)
    user = request.user
    _count_look_ups(shares, user)  # type: ignore[arg-type]

    def act() -> dict[str, str]:
        review = register_title(
            party=party,
            facts=facts,
            kinds=kinds,
            land=land,
            scan=scan,
            original=original,
            shares=shares,
            actor=user,  # type: ignore[arg-type]
        )
        return {"url": reverse("parcels:my-title", args=[review.key])}

    answer = act_once(
        actor_key=user.key,  # type: ignore[union-attr]
        operation="register_title",
        key=request.POST.get("request_key", ""),
        content=[
            str(party.key),
            facts.number,
            facts.area_m2_certified,
            [kind.value for kind in kinds],
            [piece.wkb.hex() if piece.wkb else str(piece.parcel.key) for piece in land if piece],  # type: ignore[union-attr]
            [asdict(piece.place) for piece in land],
            scan.sha256 if scan else "",
            asdict(shares),
        ],
        act=act,
    )
    return JsonResponse(answer.body, status=200 if answer.repeated else 201)


def _count_look_ups(shares: Shares, user: User) -> None:
    """Who asks for holders by number again and again is guessing: TooManyAttempts."""
    if any(other.identity_number for other in shares.others):
        note_attempt(kind=Attempt.Kind.CO_OWNER, source=str(user.key))


@login_required
@require_safe
@xframe_options_sameorigin
@csp_update({"frame-ancestors": [SELF]})  # type: ignore[arg-type]
def document(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A scan beside the map, or the original file of shapes as a download; through its gate."""
    found = Document.objects.filter(key=key, subject_kind=CERTIFICATE).first()
    if found is None:
        raise NotFound()
    may_read_certificate(found.subject_key, request.user)
    shown = found.kind == SCAN and found.media_type in SCANS
    response = HttpResponse(
        content_of(found),
        content_type=found.media_type if shown else "application/octet-stream",
        headers={"Cache-Control": "private, no-store"},
    )
    response["Content-Disposition"] = content_disposition_header(not shown, found.file_name) or ""
    return response


# --- acts on one title --------------------------------------------------------------------------
def _own(request: HttpRequest, key: uuid.UUID) -> TitleReview:
    return access_own_review(key, request.user, Mandate.Scope.APPLY)


@login_required
@require_POST
@csrf_protect
def submit(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    submit_title(review=_own(request, key), actor=request.user)  # type: ignore[arg-type]
    messages.success(request, _("已提交自然资源部门审核。"))
    return redirect("parcels:my-title", key)


@login_required
@require_POST
@csrf_protect
def withdraw(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    withdraw_review(review=_own(request, key), actor=request.user)  # type: ignore[arg-type]
    messages.success(request, _("已撤回。"))
    return redirect("parcels:my-title", key)


@login_required
@csrf_protect
def repair(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    return _repaired(request, _own(request, key), as_officer=False)


@login_required
@csrf_protect
def bench_repair(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """GET: what a repair would make of it. POST: take it as a newer version."""
    review = access_review(key, request.user)
    return _repaired(request, review, as_officer=True)


def _repaired(request: HttpRequest, review: TitleReview, *, as_officer: bool) -> JsonResponse:
    """A repair, offered with its shapes and areas or, by POST, accepted."""
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind", "")
    if kind not in set(RepairKind):
        raise InvalidInput(field=_("修复方式"), reason=kind)
    metres = parse_metres(given.get("metres", ""))
    parcel = access_parcel_of(review, parse_key(given.get("parcel", "")))
    if not as_officer and parcel.pk not in known_parcels(review, request.user):
        raise NeighboursNotOpen()
    if request.method == "POST":
        version = repair_shape(
            review=review,
            parcel=parcel,
            kind=RepairKind(kind),
            metres=metres,
            as_officer=as_officer,
            actor=request.user,  # type: ignore[arg-type]
        )
        return done(
            request, review, _("图形已修复，成为第 {number} 版。").format(number=version.number)
        )
    present = present_shape(review, parcel)
    reader = None if as_officer else request.user
    after = as_stored(repaired(review, present, RepairKind(kind), metres, reader=reader))
    return JsonResponse(
        {
            "before": collection([feature(present.geom)]),
            "after": collection([feature(after)]),
            "area_m2_before": round(present.area_m2, 2),
            "area_m2_after": round(_area_m2(after), 2),
            "vertices_before": present.geom.num_coords,
            "vertices_after": after.num_coords,
        }
    )


@login_required
@require_POST
@csrf_protect
def split(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = _own(request, key)
    children = split_parcel(
        review=review,
        parcel=access_parcel_of(review, parse_key(request.POST.get("parcel", ""))),
        line=parse_line(request.POST.get("line", "")),
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, review, _("已分割为 {count} 宗。").format(count=len(children)))


@login_required
@require_POST
@csrf_protect
def merge(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = _own(request, key)
    merge_parcels(
        review=review,
        parcels=[
            access_parcel_of(review, parse_key(text)) for text in request.POST.getlist("parcel")
        ],
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, review, _("已合并为一宗。"))


@login_required
@require_POST
@csrf_protect
def correct(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    return _corrected(request, _own(request, key), as_officer=False)


@login_required
@require_POST
@csrf_protect
def bench_correct(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """The same by the officer, of a case by office: nobody else need act for its holder."""
    return _corrected(request, access_review(key, request.user), as_officer=True)


def _corrected(request: HttpRequest, review: TitleReview, *, as_officer: bool) -> JsonResponse:
    """A corrected boundary from a file or a typed table: one shape for one parcel."""
    land, _original = parse_land(request, names=False)
    if len(land) != 1 or land[0].wkb is None:
        raise InvalidInput(field=_("图形"), reason=_("请给出一个图形"))
    version = correct_shape(
        review=review,
        parcel=access_parcel_of(review, parse_key(request.POST.get("parcel_key", ""))),
        geom=as_stored(shapely.from_wkb(land[0].wkb)),
        as_officer=as_officer,
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, review, _("图形已更正为第 {number} 版。").format(number=version.number))


@login_required
@require_POST
@csrf_protect
def facts(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    return _facts_corrected(request, _own(request, key), as_officer=False)


@login_required
@require_POST
@csrf_protect
def bench_facts(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """The same by the officer, of a case by office."""
    return _facts_corrected(request, access_review(key, request.user), as_officer=True)


def _facts_corrected(
    request: HttpRequest, review: TitleReview, *, as_officer: bool
) -> JsonResponse:
    """Corrected facts of the paper, and a further scan where one was chosen."""
    given = parse_facts(request.POST)
    scan = parse_scan(request)
    change_facts(
        review=review,
        facts=given,
        as_officer=as_officer,
        actor=request.user,  # type: ignore[arg-type]
    )
    if scan is not None:
        attach_scan(certificate=review.certificate, scan=scan, actor=request.user)  # type: ignore[arg-type]
    return done(request, review, _("证载信息已更正。"))


@login_required
@require_POST
@csrf_protect
def place(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """Corrected unit number and compartment of one parcel."""
    review = _own(request, key)
    correct_place(
        review=review,
        parcel=access_parcel_of(review, parse_key(request.POST.get("parcel_key", ""))),
        place=parse_place_names(request.POST),
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, review, _("宗地编号已更正。"))


@login_required
@require_POST
@csrf_protect
def owners(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """Corrected co-owners and shares."""
    review = _own(request, key)
    user = request.user
    assert isinstance(user, User)
    shares = parse_shares(request.POST)
    _count_look_ups(shares, user)
    _certificate, party = access_own_certificate(review.certificate.key, user)
    change_shares(review=review, party=party, shares=shares, actor=user)
    return done(request, review, _("共有人和份额已更正。"))


@login_required
@require_POST
@csrf_protect
def comment(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """The owner's answer; never internal."""
    review = _own(request, key)
    comment_once(request, review, internal=False, as_officer=False)
    return done(request, review, _("答复已送达。"))


@login_required
@require_POST
@csrf_protect
def message(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    return message_answer(request, _own(request, key), as_officer=False)


@login_required
@require_POST
@csrf_protect
def follow(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """Go over to what an import put in the place of the land under review."""
    return follow_answer(request, _own(request, key))


@login_required
@require_POST
@csrf_protect
def change(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Ask to change a verified title: opens a newer certificate with a review of its own."""
    certificate, party = access_own_certificate(key, request.user)
    review = request_change(
        certificate=certificate,
        reason=request.POST.get("reason", ""),
        party=party,
        actor=request.user,  # type: ignore[arg-type]
    )
    messages.success(
        request, _("变更已建立。修改图形或证载信息后提交审核；原证书在此之前继续有效。")
    )
    return redirect("parcels:my-title", review.key)


def _area_m2(shape: Any) -> float:
    """Ellipsoidal, by the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_Area(%s::geometry::geography)", [shape.ewkb.hex()])
        found: float = cursor.fetchone()[0]
    return found
