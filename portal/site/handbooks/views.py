"""The list of handbooks, one handbook, and the way from a page to what explains it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from portal.site.handbooks import explained
from portal.site.handbooks.books import BY_SLUG, HANDBOOKS, handbook_of
from portal.site.handbooks.rendering import render as rendered


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Every handbook, the reader's own marked, and the keys of the map."""
    facts = {"handbooks": HANDBOOKS, "own": handbook_of(request.user)}
    return render(request, "site/help.html", facts)


@require_safe
def handbook(request: HttpRequest, slug: str) -> HttpResponse:
    """One handbook in the reader's language, or in the one that it has."""
    book = BY_SLUG.get(slug)
    if book is None:
        raise Http404
    wanted = get_language()
    language, path = book.text_for(wanted)
    facts = {
        "book": book,
        "text": rendered(path),
        "text_language": language,
        "other_language": language != wanted,
        "handbooks": HANDBOOKS,
    }
    return render(request, "site/handbook.html", facts)


@require_safe
def page_help(request: HttpRequest, name: str) -> HttpResponse:
    """From the page of that name to the section that explains it to this reader."""
    return redirect(explained.help_address(request.user, name))
