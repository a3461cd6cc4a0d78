"""The root of every refusal: a stable code, a Chinese message, and the facts that fill it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class PortalError(Exception):
    """One rule was not kept.

    A subclass names the rule by ``code`` (stable, for programs) and ``message`` (for people,
    translated, with ``{name}`` places that ``facts`` fill). The HTTP status belongs to
    ``portal.site.http_errors`` alone.
    """

    code: ClassVar[str] = "portal_error"
    message: ClassVar[str | Promise] = _("操作未完成。")

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.code, facts)

    def __str__(self) -> str:
        return str(self.message).format_map(_Facts(self.facts))


class _Facts(dict[str, Any]):
    """A missing fact must not hide the error behind a KeyError."""

    def __missing__(self, key: str) -> str:
        return "?"


class NotFound(PortalError):
    """The object is absent, or the reader may not know that it exists: both answer alike."""

    code = "not_found"
    message = _("没有找到您要的内容，或者您无权查看。")


class InvalidInput(PortalError):
    """A field of a form or request cannot be read."""

    code = "invalid_input"
    message = _("“{field}”填写有误：{reason}")


class StateMovedOn(PortalError):
    """Somebody changed the object meanwhile; what was typed is kept and shown again."""

    code = "state_moved_on"
    message = _("内容已被他人更新，请核对最新状态后再提交。您填写的内容已保留。")
