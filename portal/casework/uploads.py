"""A body that is too large is refused by its announced length, before a byte of it is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from portal.casework.documents import MIB, limit_bytes
from portal.casework.errors import DocumentTooLarge

View = Callable[..., HttpResponse]


def body_limited(files: int) -> Callable[[View], View]:
    """Admit a body of at most ``files`` files of the largest size. The check of the request's
    token reads the body, therefore it comes second."""

    def decorate(view: View) -> View:
        checked = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def limited(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            length = request.headers.get("Content-Length", "") or "0"
            limit = limit_bytes()
            if request.method == "POST" and (
                not length.isdecimal() or int(length) > files * limit + MIB
            ):
                raise DocumentTooLarge(limit_mib=limit // MIB)
            return checked(request, *args, **kwargs)

        return limited

    return decorate
