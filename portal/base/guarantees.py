"""What the database refuses, in words: the name of a constraint or trigger → a PortalError.

Each app says in its ``errors.py`` which class stands for which constraint:

    @stands_for("one_home_for_every_kilogram")
    class KilogramHasAnotherHome(RegistryError): ...

A trigger of ours raises with ``ERRCODE`` of class 23, ``CONSTRAINT`` its name and ``DETAIL`` a JSON
object of facts, so both kinds arrive as IntegrityError and are read alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError
from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError

_REFUSALS: dict[str, type[PortalError]] = {}
ErrorClass = TypeVar("ErrorClass", bound=type[PortalError])


def stands_for(*constraint_names: str) -> Callable[[ErrorClass], ErrorClass]:
    """Register an error class as the meaning of these constraints."""

    def register(error_class: ErrorClass) -> ErrorClass:
        for name in constraint_names:
            _REFUSALS[name] = error_class
        return error_class

    return register


@stands_for("nothing_is_rewritten")
class NothingIsRewritten(PortalError):
    """An append-only record was to be changed or removed (design.md, guarantee 7)."""

    code = "nothing_is_rewritten"
    message = _("登记内容只能追加，不能修改或删除。更正请另行登记。")


def refusal_of(error: DatabaseError) -> PortalError | None:
    """The PortalError that this database error means, or None when it is not one of ours."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    if name is None or name not in _REFUSALS:
        return None
    detail = getattr(diagnosis, "message_detail", None) or ""
    try:
        facts = json.loads(detail)
    except ValueError:
        facts = {}
    return _REFUSALS[name](**(facts if isinstance(facts, dict) else {}))
