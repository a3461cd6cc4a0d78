"""Query parameters, read at the border: each known, given once, short, and free of what hides in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.base.errors import InvalidInput, PortalError

LONGEST_VALUE = 300


class UnknownParameter(PortalError):
    """A parameter that the address does not take (OGC API Features Part 1, query-param-unknown)."""

    code = "unknown_parameter"
    message = gettext_lazy("没有参数“{parameter}”；这里可以用：{allowed}。")


class BadParameter(PortalError):
    """A value that the parameter cannot have (query-param-invalid)."""

    code = "bad_parameter"
    message = gettext_lazy("参数“{parameter}”的值不对：{reason}。")


def only(query: QueryDict, allowed: tuple[str, ...]) -> dict[str, str]:
    """The parameters by name: each known, once, short, and free of what hides in a text."""
    found: dict[str, str] = {}
    for name, values in query.lists():
        if name not in allowed:
            raise UnknownParameter(parameter=plain(name), allowed=", ".join(allowed) or _("无"))
        if len(values) > 1:
            raise BadParameter(parameter=name, reason=_("只能出现一次"))
        if len(values[0]) > LONGEST_VALUE:
            raise BadParameter(
                parameter=name, reason=_("不能超过 {n} 个字符").format(n=LONGEST_VALUE)
            )
        if plain(values[0]) != values[0][:40] or any(map(is_hidden, values[0])):
            raise BadParameter(parameter=name, reason=_("含有控制字符"))
        found[name] = values[0]
    return found


def is_hidden(letter: str) -> bool:
    """Control characters, marks of direction and lone surrogates: seen by nobody."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain(text: str) -> str:
    """As much of a stranger's text as a message repeats."""
    return "".join(letter for letter in text[:40] if not is_hidden(letter))


def whole_number(text: str) -> int | None:
    """A whole number of at most 18 digits; None for anything else, however long."""
    cleaned = text.strip()
    return int(cleaned) if re.fullmatch(r"\d{1,18}", cleaned, re.ASCII) else None


def parse_day(text: str | None, field: str) -> date | None:
    """An ISO day, None when empty; InvalidInput for anything else."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(field=field, reason=text) from error


def parse_whole(given: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    """A whole number of at most 18 digits, not below ``least``."""
    text = given.get(name)
    if text is None:
        return default
    number = whole_number(text)
    if number is None or number < least:
        raise BadParameter(parameter=name, reason=_("应为不小于 {n} 的整数").format(n=least))
    return number
