"""A body that is too large is refused by its announced length, before a byte of it is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from portal.casework.documents import MIB, limit_bytes
from portal.casework.errors import DocumentTooLarge

View = Callable[..., HttpResponse]
Refusing = Callable[[HttpRequest, DocumentTooLarge], HttpResponse]


class _StopAtFirstFile(FileUploadHandler):
    """Of a body, what was typed before its files; they are never read."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing comes here."""

    def file_complete(self, file_size: int) -> None:
        """Nor here."""


def body_limited(files: int, *, refused: Refusing | None = None) -> Callable[[View], View]:
    """Admit a body of at most ``files`` files of the largest size. The check of the request's
    token reads the body, therefore it comes second.

    ``refused`` answers a browser that sent more with the form as it was filled in: of the fields that
    stand before the first file nothing is lost. It may show and must not write: nobody has asked for
    the token. Without it DocumentTooLarge is raised.
    """

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
                refusal = DocumentTooLarge(limit_mib=limit // MIB)
                if refused is None or not _is_page_form(request):
                    raise refusal
                request.upload_handlers = [_StopAtFirstFile(request)]
                return refused(request, refusal)
            return checked(request, *args, **kwargs)

        return limited

    return decorate


def _is_page_form(request: HttpRequest) -> bool:
    """A browser's form with files, which can be read up to them."""
    return request.content_type == "multipart/form-data" and request.accepts("text/html")
