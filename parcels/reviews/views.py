"""The bench in the browser: work list, case page, rules page, and each act of an officer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.gis.geos import Point
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from parcels.facts import township_names
from parcels.intake.crs import CHOICES as SYSTEMS
from parcels.models import BoundaryMessage, TitleCertificate, TitleReview
from parcels.reviews.access import (
    access_bench,
    access_finding,
    access_message,
    access_review,
    may_prepare,
    may_sign,
    messages_for,
)
from parcels.reviews.boundaries import (
    answer_boundary_message,
    correction_of,
    reported_title,
    uncorrected_reports,
    write_about_boundary,
)
from parcels.reviews.examples import EXAMPLES
from parcels.reviews.models import Outcome, Side
from parcels.reviews.operations import (
    change_by_office,
    follow_register,
    has_part_in,
    open_takeover_case,
    propose_outcome,
    recall_review,
    recheck_review,
    return_title,
    say_in_review,
    send_back,
    sign_review,
    take_review,
    tick_side,
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
    ORIGINAL,
    SCAN,
    changed_facts,
    compared_facts,
    gives_way,
    holders_in_words,
    imported_corrections,
    in_township,
    papers_of,
    sides_on_map,
    takeover_conflicts,
    views_of_list,
    work_list,
)
from parcels.reviews.shapes import (
    agreed_patches,
    companions,
    current_shapes,
)
from parcels.rules.table import RULES, Level, Rule, Severity, Stage, Subject
from parcels.stage import stage_config
from portal.accounts.models import Mandate, User
from portal.base.answers import sent_once, typed_into
from portal.base.clock import today
from portal.base.errors import InvalidInput, NotFound
from portal.base.parameters import whole_number
from portal.base.policy import policies_in_force

PAGE = 25
PLACEHOLDER = re.compile(r"\{\w+\}")
OTHER_ROWS = 20
NO_TOWNSHIP = "none"  # Of land whose township nobody wrote.
SIGNED = {
    Outcome.VERIFIED: gettext_lazy("已签署，权属冻结。"),
    Outcome.VERIFIED_WITH_DIFFERENCE: gettext_lazy("已签署，权属冻结。"),
    Outcome.REJECTED: gettext_lazy("已签署不予通过。"),
    Outcome.CANCELLED: gettext_lazy("已签署，证书注销。"),
}
ARTICLES = ("第四条", "第五条", "第六条", "第七条", "第二十四条")


# --- work list ----------------------------------------------------------------------------------
def list_names() -> dict[str, str]:
    return {
        "new": _("新收"),
        "mine": _("我的"),
        "approving": _("待审批"),
        "returned": _("补正中"),
        "overdue": _("逾期"),
        "open": _("全部在办"),
        "done": _("已办结"),
    }


@login_required
@require_safe
def bench_list(request: HttpRequest) -> HttpResponse:
    """What is to be done, by filter, with counts and the clock."""
    access_bench(request.user)
    actor: User = request.user  # type: ignore[assignment]
    filters = views_of_list(actor)
    wanted = request.GET.get("view", "open")
    if wanted not in filters:
        wanted = "open"
    rows = work_list()
    text = request.GET.get("q", "").strip()
    if text:
        rows = rows.filter(certificate__number__icontains=text) | rows.filter(
            case__number__icontains=text
        )
    townships = {**township_names(), NO_TOWNSHIP: _("未写明乡镇")}
    township = request.GET.get("township", "")
    if township in townships:
        rows = rows.filter(in_township("" if township == NO_TOWNSHIP else township))
    found = rows.filter(filters[wanted])
    context = {
        "tabs": [
            {"name": name, "label": label, "count": rows.filter(filters[name]).count()}
            for name, label in list_names().items()
        ],
        "wanted": wanted,
        "q": text,
        "townships": sorted(townships.items()),
        "township": township,
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "reports": BoundaryMessage.objects.filter(
            kind=BoundaryMessage.Kind.REPORT_ERROR, answer=""
        ).select_related("review__certificate", "parcel"),
        "uncorrected": uncorrected_reports(),
        "takeover": Paginator(takeover_conflicts(), OTHER_ROWS).get_page(
            request.GET.get("takeover")
        ),
        "takeover_count": takeover_conflicts().values("certificate").distinct().count(),
        "imported": Paginator(imported_corrections(), OTHER_ROWS).get_page(
            request.GET.get("imported")
        ),
        "today": today(),
    }
    return render(request, "parcels/bench/list.html", context)


@login_required
@require_POST
@csrf_protect
def open_takeover(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A case by office for a certificate that a takeover left registered."""
    access_bench(request.user)
    conflict = takeover_conflicts().filter(certificate__key=key).first()
    if conflict is None:
        raise NotFound()
    review = open_takeover_case(certificate=conflict.certificate, actor=request.user)  # type: ignore[arg-type]
    messages.success(request, _("已立案。"))
    return redirect("parcels:bench-case", review.key)


@login_required
@require_POST
@csrf_protect
def open_change(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A change by office of a verified title: for an import's correction, or what an officer found."""
    access_bench(request.user)
    certificate = TitleCertificate.objects.filter(key=key).first()
    if certificate is None:
        raise NotFound()
    review = change_by_office(
        certificate=certificate,
        reason=request.POST.get("reason", ""),
        actor=request.user,  # type: ignore[arg-type]
    )
    messages.success(request, _("已立案。"))
    return redirect("parcels:bench-case", review.key)


# --- one case -----------------------------------------------------------------------------------
@login_required
@require_safe
def bench_case(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Map, facts and findings of one review, and what may be done now."""
    review = access_review(key, request.user)
    assert review.case is not None  # The gate asks for one.
    documents = papers_of(review.certificate)
    actor: User = request.user  # type: ignore[assignment]
    own = has_part_in(review, actor)
    preparing = may_prepare(actor) and not own and review.state == TitleReview.State.PREPARING
    context = {
        "review": review,
        "case": review.case,
        "newer": successors_in_words(review, None),
        "companions": companions(review) if review.state in TitleReview.OPEN else [],
        "may_follow": preparing and review.by_office,
        "may_correct": preparing and review.by_office,
        "may_recall": may_prepare(actor)
        and not own
        and review.by_office
        and review.state == TitleReview.State.RETURNED,
        "yields": preparing
        and any(agreed_patches(version.parcel) for version in current_shapes(review)),
        "systems": SYSTEMS,
        "kinds": TitleCertificate.Kind.choices,
        "facts": facts_form(review.certificate),
        "certificate": review.certificate,
        "holders": holders_in_words(review.certificate),
        "rights": review.certificate.rights.select_related("party", "parcel").order_by("pk"),
        "areas": areas_in_words(review),
        "compared": compared_facts(review, known=None),
        "changed": changed_facts(review),
        "gives_way": gives_way(review) if review.state in TitleReview.OPEN else [],
        "sides": sides_in_words(review, staff=True),
        "verdicts": review.case.steps.get().verdicts.select_related("actor").order_by("pk"),
        "messages_about": review.messages.select_related("parcel", "made_by", "answered_by"),
        "scan": documents.get(SCAN),
        "original": documents.get(ORIGINAL),
        "outcomes": outcomes_of(review),
        "articles": ARTICLES,
        "may_prepare": preparing,
        "own_matter": own,
        "checkable": (TitleReview.State.PREPARING, TitleReview.State.APPROVING),
        "may_sign": may_sign(actor)
        and not own
        and review.state == TitleReview.State.APPROVING
        and review.prepared_by_id != actor.pk,
        "request_key": uuid.uuid4(),
        "overdue": review.case.due_on is not None and review.case.due_on < today(),
        "page_config": {
            **stage_config(),
            "urls": {
                name: reverse(f"parcels:bench-{name}", args=[review.key])
                for name in (
                    "picture", "take", "verdict", "return", "sign", "send-back", "side",
                    "comment", "repair", "message", "recheck", "follow", "recall", "correct",
                    "facts",
                )
            },
            "may_repair": preparing,
            "staff": True,
        },
    }  # fmt: skip
    return render(request, "parcels/bench/case.html", context)


def outcomes_of(review: TitleReview) -> list[tuple[str, str]]:
    """What may be proposed: a title is cancelled only where the bureau opened the case of it."""
    return [
        (outcome.value, str(outcome.label))
        for outcome in Outcome
        if outcome is not Outcome.CANCELLED or review.because == TitleReview.Because.OFFICE
    ]


@login_required
@require_safe
def bench_picture(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """The map's data."""
    review = access_review(key, request.user)
    picture = picture_of(review, staff=True, internal=not has_part_in(review, request.user))  # type: ignore[arg-type]
    return JsonResponse(picture, headers={"Cache-Control": "no-store"})


def done(request: HttpRequest, review: TitleReview, text: str) -> JsonResponse:
    """After an act by script: say what was done on the page that is loaded again."""
    messages.success(request, text)
    return JsonResponse({"state": review.state, "message": text})


@login_required
@require_POST
@csrf_protect
def bench_take(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    review = access_review(key, request.user)
    take_review(review=review, actor=request.user)  # type: ignore[arg-type]
    messages.success(request, _("已领取，由您办理。"))
    return redirect("parcels:bench-case", key)


@login_required
@require_POST
@csrf_protect
def bench_recheck(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """Run the rules anew on what the register says now, and keep the run."""
    review = access_review(key, request.user)
    recheck_review(review=review, actor=request.user)  # type: ignore[arg-type]
    return done(request, review, _("已按当前登记重新检查。"))


@login_required
@require_POST
@csrf_protect
def bench_recall(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """Take a case by office back from whoever does not answer."""
    review = access_review(key, request.user)
    recalled = recall_review(review=review, actor=request.user)  # type: ignore[arg-type]
    return done(request, recalled, _("已收回，由经办人继续办理。"))


@login_required
@require_POST
@csrf_protect
def bench_follow(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """Go over to what an import put in the place of a takeover's conflicting land."""
    review = access_review(key, request.user)
    return follow_answer(request, review)


def follow_answer(request: HttpRequest, review: TitleReview) -> JsonResponse:
    """To newer shapes, and to the parts that were chosen of land that was split or merged."""
    parts = {parse_key(text) for text in request.POST.getlist("part")}
    follow_register(review=review, parts=parts, actor=request.user)  # type: ignore[arg-type]
    return done(request, review, _("已改按更新的图形，成为新版本。"))


@login_required
@require_POST
@csrf_protect
def bench_verdict(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = access_review(key, request.user)
    given = request.POST.get("outcome", "")
    if given not in Outcome.values:
        raise InvalidInput(field=_("结论"), reason=_("请选择一项"))
    proposed = propose_outcome(
        review=review,
        outcome=Outcome(given),
        seen=request.POST.get("seen", ""),
        reason=request.POST.get("reason", ""),
        article=request.POST.get("article", "") if not Outcome(given).upholds else "",
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, proposed, _("结论已提交审批。"))


@login_required
@require_POST
@csrf_protect
def bench_return(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = access_review(key, request.user)
    returned = return_title(
        review=review,
        asked=request.POST.get("asked", ""),
        seen=request.POST.get("seen", ""),
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, returned, _("已退回补正，检查发现一并送达申请人。"))


@login_required
@require_POST
@csrf_protect
def bench_sign(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = access_review(key, request.user)
    signed = sign_review(
        review=review,
        seen=request.POST.get("seen", ""),
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, signed, str(SIGNED[Outcome(signed.proposal)]))


@login_required
@require_POST
@csrf_protect
def bench_send_back(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = access_review(key, request.user)
    sent_back = send_back(
        review=review,
        reason=request.POST.get("reason", ""),
        seen=request.POST.get("seen", ""),
        actor=request.user,  # type: ignore[arg-type]
    )
    return done(request, sent_back, _("已退回经办。"))


@login_required
@require_POST
@csrf_protect
def bench_side(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """One of the four sides ticked."""
    review = access_review(key, request.user)
    given = request.POST.get("side", "")
    if given not in Side.values:
        raise InvalidInput(field=_("四至"), reason=given)
    side = Side(given)
    check = tick_side(
        review=review,
        side=side,
        on_map=sides_on_map(review, staff=True)[side],
        agrees=request.POST.get("agrees") == "1",
        actor=request.user,  # type: ignore[arg-type]
    )
    return JsonResponse({"side": side.value, "agrees": check.agrees})


@login_required
@require_POST
@csrf_protect
def bench_comment(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    review = access_review(key, request.user)
    internal = request.POST.get("internal") == "1"
    comment_once(request, review, internal=internal, as_officer=True)
    return done(request, review, _("意见已记录。"))


def comment_once(
    request: HttpRequest, review: TitleReview, *, internal: bool, as_officer: bool
) -> None:
    """A remark of either side, however often the form arrives (design.md, guarantee 8)."""
    user = request.user
    place = parse_place(request.POST.get("place", ""))

    def act() -> None:
        say_in_review(
            review=review,
            text=request.POST.get("text", ""),
            place=place,
            internal=internal,
            as_officer=as_officer,
            actor=user,  # type: ignore[arg-type]
        )

    sent_once(request, "say_in_review", typed_into(request), act, actor_key=user.key)  # type: ignore[union-attr]


@login_required
@require_POST
@csrf_protect
def bench_message(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    """A way out of a finding: ask the neighbour, or note an error of the other title."""
    review = access_review(key, request.user)
    return message_answer(request, review, as_officer=True)


def message_answer(request: HttpRequest, review: TitleReview, *, as_officer: bool) -> JsonResponse:
    kind = request.POST.get("kind", "")
    if kind not in BoundaryMessage.Kind.values:
        raise InvalidInput(field=_("种类"), reason=kind)
    number = whole_number(request.POST.get("finding", ""))
    finding = access_finding(review, number or 0)
    user = request.user

    def act() -> dict[str, int]:
        told = write_about_boundary(
            review=review,
            finding=finding,
            kind=BoundaryMessage.Kind(kind),
            text=request.POST.get("text", ""),
            as_officer=as_officer,
            actor=user,  # type: ignore[arg-type]
        )
        return {"told": len(told)}

    answer = sent_once(
        request,
        "write_about_boundary",
        typed_into(request),
        act,
        actor_key=user.key,  # type: ignore[union-attr]
    )
    if kind == BoundaryMessage.Kind.REPORT_ERROR:
        said = _("报告已送交自然资源部门核实。")
    elif answer.body["told"]:
        said = _("消息已送达。")
    else:
        said = _(
            "消息已记录，但对方权利人尚无可通知的用户；请改为报告对方有误，由自然资源部门办理。"
        )
    return done(request, review, said)


@login_required
@csrf_protect
def boundary_message(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A message with its patch on the map, for whoever is to answer it."""
    if request.method == "POST":
        message = access_message(key, request.user, Mandate.Scope.APPLY)
        answer_boundary_message(
            message=message,
            agreed=request.POST.get("agreed") == "1",
            text=request.POST.get("text", ""),
            actor=request.user,  # type: ignore[arg-type]
        )
        messages.success(request, _("答复已送达。"))
        return redirect("parcels:boundary-message", key)
    message = access_message(key, request.user)
    reported = message.kind == BoundaryMessage.Kind.REPORT_ERROR
    title = reported_title(message) if reported else None
    version = message.parcel.versions.order_by("-number").first()
    context = {
        "message": message,
        "title": title,
        "correction": correction_of(title) if title is not None else None,
        "may_answer": not message.answer
        and (
            reported
            or messages_for(request.user, Mandate.Scope.APPLY).filter(pk=message.pk).exists()
        ),
        "page_config": {
            **stage_config(),
            "patch": collection([feature(message.patch, area_m2=message.area_m2)]),
            "own": collection([feature(version.geom)] if version else []),
        },
    }
    return render(request, "parcels/titles/message.html", context)


# --- rules --------------------------------------------------------------------------------------
@require_safe
def rules_page(request: HttpRequest) -> HttpResponse:
    """Every rule: article, severity by stage, policy value in force, an example."""
    values = {policy.code: policy for policy in policies_in_force()}
    stages = [Stage.DRAW, Stage.SUBMIT, Stage.REVIEW]
    context = {
        "stages": [_("绘制"), _("提交"), _("审核")],
        "rules": [
            {
                "rule": rule,
                "subjects": sorted(subject.value for subject in rule.subjects),
                "levels": [
                    {
                        "message": PLACEHOLDER.sub("…", str(level.message)),
                        "subject": subject,
                        "severities": severities,
                    }
                    for level in rule.levels.values()
                    for subject, severities in severities_of(rule, level, stages)
                ],
                "policies": [values[code] for code in rule.policies if code in values],
                "example": EXAMPLES.get(rule.code),
            }
            for rule in RULES.values()
        ],
    }
    return render(request, "parcels/bench/rules.html", context)


def severities_of(
    rule: Rule, level: Level, stages: Sequence[Stage]
) -> list[tuple[Subject | None, list[Severity | None]]]:
    """A level's severities once where its subjects are judged alike, else for each subject."""
    found = {
        subject: [level.severity(stage, subject) for stage in stages]
        for subject in sorted(rule.subjects)
    }
    if all(one == found[min(found)] for one in found.values()):
        return [(None, found[min(found)])]
    return list(found.items())


# --- parsing ------------------------------------------------------------------------------------
def parse_key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInput(field=_("宗地"), reason=text) from error


def parse_place(text: str) -> Point | None:
    """``lon,lat``, or nothing."""
    if not text.strip():
        return None
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidInput(field=_("位置"), reason=text) from error
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InvalidInput(field=_("位置"), reason=text)
    return Point(lon, lat, srid=4490)
