"""The map's address as a QR code, to be scanned from a screen or a poster."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from layers.ticket_map.errors import BadMapQuestion
from portal.base.parameters import UnknownParameter, plain
from portal.base.pdf import qr_svg

LONGEST = 600


@require_safe
def qr(request: HttpRequest) -> HttpResponse:
    """``?view=`` what stands behind the map's ``#``: the code leads to this portal and nowhere else."""
    for name in request.GET:
        if name != "view":
            raise UnknownParameter(parameter=plain(name), allowed="view")
    view = request.GET.get("view", "")
    if len(view) > LONGEST or not view.isprintable():
        reason = _("最多 {n} 个字符。").format(n=LONGEST)
        raise BadMapQuestion(parameter="view", reason=reason)
    address = request.build_absolute_uri("/") + (f"#{view}" if view else "")
    return HttpResponse(
        qr_svg(address), content_type="image/svg+xml", headers={"Cache-Control": "no-cache"}
    )
