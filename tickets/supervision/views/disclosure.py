"""Pages of disclosure (article 23): tables to read and to keep, news, a feed; and their imports."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from parcels.imports.uploads import receive_upload
from portal.accounts.access import signed_in
from portal.accounts.models import Department, Role
from portal.accounts.queries import has_role
from portal.base.answers import answer_refused
from portal.base.clock import CITY_TIME, today
from portal.base.errors import NotFound, PortalError
from portal.base.numbers import is_number
from portal.base.parameters import only
from portal.base.tables import table_answer
from portal.casework.models import Notice
from portal.casework.uploads import body_limited
from tickets.registry.queries import register_years
from tickets.supervision.disclosure import TABLES
from tickets.supervision.forms import FireForm, LandUseForm, NewsForm
from tickets.supervision.models import PolicyNews, WatchedShape
from tickets.supervision.operations import watching as acts

ROWS = 50
FEED_ROWS = 50
NEWS_ROWS = 20
NEWS_BESIDE = 5
# Two forms in two languages.
KEPT_FILES = 4
REFUSED = 422


@require_safe
def disclosure(request: HttpRequest) -> HttpResponse:
    """One table at a time, with the news beside it."""
    name = request.GET.get("table", "holdings")
    name = name if name in TABLES else "holdings"
    page = Paginator(TABLES[name].rows(), ROWS).get_page(request.GET.get("page"))
    rows = [[_cell(value) for value in row] for row in page]
    context = {
        "tables": TABLES,
        "name": name,
        "table": TABLES[name],
        "page": page,
        "rows": rows,
        "heads": [
            (head, is_number)
            for head, (_text, is_number, _address) in zip(TABLES[name].head, rows[0], strict=True)
        ]
        if rows
        else [],
        "news": PolicyNews.objects.all()[:NEWS_BESIDE],
        "may_publish": has_role(request.user, Role.CLERK, Department.FORESTRY),
        "day": today(),
        "years": reversed(register_years()),
    }
    return render(request, "supervision/disclosure.html", context)


def _cell(value: Any) -> tuple[str, bool, str]:
    """A value as the page shows it: its text, whether it is a number, where it leads."""
    if isinstance(value, int):
        return f"{value:,}", True, ""
    if isinstance(value, float):  # Yuan.
        return f"{value:,.2f}", True, ""
    if not is_number(value):
        return value, False, ""
    if value.startswith("YN-D-"):
        return value, False, reverse("offsets:offset", args=[value])
    if value.startswith("YN-2"):  # A ticket's number has no letter before its year.
        return value, False, reverse("registry:ticket", args=[value])
    return value, False, ""


@require_safe
def download(request: HttpRequest, name: str, form: str) -> HttpResponse:
    """A table as a file; its name tells tier and day."""
    if name not in TABLES:
        raise NotFound()
    version = TABLES[name].version
    content = (
        TABLES[name].file(form)
        if version is None
        else kept_file(name, form, get_language() or "", today(), version())
    )
    return table_answer(f"{name}-public", form, content)


@lru_cache(maxsize=KEPT_FILES)
def kept_file(name: str, form: str, language: str, day: date, version: str) -> bytes:
    """The whole register is read once for each of its versions, not for each reader."""
    return TABLES[name].file(form)


@require_safe
def news(request: HttpRequest) -> HttpResponse:
    """All that was ever published of article 23's policy news, the newest first."""
    page = Paginator(PolicyNews.objects.all(), NEWS_ROWS).get_page(request.GET.get("page"))
    return render(request, "supervision/news.html", {"page": page})


@require_safe
def news_item(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One piece of news, at an address that stays."""
    found = PolicyNews.objects.filter(key=key).first()
    if found is None:
        raise NotFound()
    return render(request, "supervision/news_item.html", {"one": found})


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """Notices and policy news as Atom, the newest first."""
    only(request.GET, ())
    made = Atom1Feed(
        title=_("伊宁市林业碳票信息公开"),
        link=request.build_absolute_uri(reverse("supervision:disclosure")),
        description="",
        feed_url=request.build_absolute_uri(),
    )
    entries: list[tuple[datetime, dict[str, Any]]] = [
        (news.made_at, {
            "title": news.title, "description": news.text, "unique_id": f"urn:uuid:{news.key}",
            "link": request.build_absolute_uri(reverse("supervision:news-item", args=[news.key])),
        })
        for news in PolicyNews.objects.all()[:FEED_ROWS]
    ]  # fmt: skip
    shown = Notice.objects.filter(withdrawn_at__isnull=True, opens_on__lte=today())
    entries += [
        (datetime.combine(notice.opens_on, datetime.min.time(), CITY_TIME), {
            "title": notice.title, "description": notice.text,
            "unique_id": f"urn:uuid:{notice.key}",
            "link": request.build_absolute_uri(reverse("casework:notice", args=[notice.key])),
        })
        for notice in shown.order_by("-opens_on")[:FEED_ROWS]
    ]  # fmt: skip
    entries.sort(key=lambda entry: entry[0], reverse=True)
    for moment, entry in entries[:FEED_ROWS]:
        made.add_item(**entry, pubdate=moment, updateddate=moment)
    return HttpResponse(made.writeString("utf-8"), content_type="application/atom+xml")


@never_cache
@login_required
@body_limited(1)
def watch(request: HttpRequest) -> HttpResponse:
    """Forestry imports fire points and land-use changes, and publishes policy news."""
    user = signed_in(request)
    if not has_role(user, Role.CLERK, Department.FORESTRY):
        raise NotFound()
    act = request.POST.get("act", "") if request.method == "POST" else ""
    forms: dict[str, Any] = {
        "fire": FireForm(prefix="fire"),
        "land_use": LandUseForm(prefix="land_use"),
        "news": NewsForm(prefix="news"),
    }
    status, refused = 200, None
    if act in forms:
        forms[act] = type(forms[act])(request.POST, request.FILES, prefix=act)
        status = REFUSED
        try:
            if forms[act].is_valid():
                _act(act, request, dict(forms[act].cleaned_data))
                return redirect("supervision:watch")
        except PortalError as refusal:
            forms[act].add_refusal(refusal)
            refused = refusal
    context = {
        "forms": forms,
        "shapes": WatchedShape.objects.order_by("-pk")[:20],
    }
    return answer_refused(
        render(request, "supervision/watch.html", context, status=status), refused
    )


def _act(act: str, request: HttpRequest, given: dict[str, Any]) -> None:
    user = signed_in(request)
    if act == "news":
        acts.publish_news(**given, actor=user)
        messages.success(request, _("政策动态已发布。"))
        return
    if act == "fire":
        kept = acts.take_in_fire_points(**given, actor=user)
    else:
        with receive_upload(given.pop("file")) as path:
            kept = acts.take_in_land_use(path=path, **given, actor=user)
    proposed = acts.check_issued_areas()
    messages.success(
        request,
        _("新导入 {count} 个图形（此前已导入的不重复计），提出检查建议 {proposed} 件。").format(
            count=len(kept), proposed=len(proposed)
        ),
    )
