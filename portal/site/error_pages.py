"""Pages for what went wrong outside the rules: wrong address, no right, our own fault."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal.site.http_errors import wants_json


def _answer(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"code": code, "message": message}, status=status)
    name = "404" if status == 404 else "refused"
    context = {"error": message, "status": status}
    return render(request, f"site/errors/{name}.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400, "bad_request", _("请求无法理解，请返回重试。"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403, "forbidden", _("您没有进行此操作的权限。"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(
        request, 403, "form_expired", _("页面停留过久，安全校验已失效。请返回、刷新后再提交。")
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404, "not_found", _("没有找到您要的内容，或者您无权查看。"))


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(
        request, 500, "server_error", _("服务器出错，已记录。您填写的内容没有写入，请稍后再试。")
    )
