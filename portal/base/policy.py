"""Policy values: what the regulation leaves open, as rows that the bureau changes by newer rows."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, cast

from django.db.models import DecimalField, QuerySet
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow, now
from portal.base.errors import InvalidInput, PortalError
from portal.base.models import Policy
from portal.base.transactions import write_transaction


class PolicyUnknown(PortalError):
    """No value of this code is in force at the moment asked for."""

    code = "policy_unknown"
    message = _("没有名为“{policy}”的政策参数，或当时尚未生效。")


class PolicyKindDiffers(PortalError):
    """A number was given where a text stands, or the other way round."""

    code = "policy_kind_differs"
    message = _("政策参数“{policy}”的类型不能改变：数值仍为数值，文本仍为文本。")


class Actor(Protocol):
    """Whoever acts is known here by key alone; accounts stand on this package."""

    @property
    def key(self) -> uuid.UUID: ...


def policies_in_force(at: datetime | None = None) -> QuerySet[Policy]:
    """The newest row of each code that is valid at ``at`` (now when None)."""
    return (
        Policy.objects.filter(valid_from__lte=at or PortalNow())
        .order_by("code", "-valid_from", "-id")
        .distinct("code")
    )


def policy_in_force(code: str, at: datetime | None = None) -> Policy:
    """The row of one code; PolicyUnknown when there is none."""
    found = policies_in_force(at).filter(code=code).first()
    if found is None:
        raise PolicyUnknown(policy=code)
    return found


def policy_number(code: str, at: datetime | None = None) -> Decimal:
    """The number in force, the same that SQL's ``policy_number(code)`` answers."""
    value = policy_in_force(code, at).value
    if value is None:
        raise PolicyKindDiffers(policy=code)
    return value


def policy_text(code: str, at: datetime | None = None) -> str:
    """The text in force, the same that SQL's ``policy_text(code)`` answers."""
    found = policy_in_force(code, at)
    if found.value is not None:
        raise PolicyKindDiffers(policy=code)
    return found.text


def fits_column(value: Decimal) -> bool:
    """Whether the table keeps ``value`` exactly: a tolerance must not become 0 by rounding."""
    column = cast("DecimalField[Any, Any]", Policy._meta.get_field("value"))
    digits, places = column.max_digits or 0, column.decimal_places or 0
    return abs(value) < Decimal(10) ** (digits - places) and value == round(value, places)


@write_transaction
def set_policy(
    *,
    code: str,
    value: Decimal | None = None,
    text: str = "",
    reason: str,
    actor: Actor,
    valid_from: datetime | None = None,
) -> Policy:
    """Let a newer value stand from ``valid_from`` (now when None); the past keeps its own.

    The journal records it by a trigger on the table, so that no way of writing escapes it. What
    was decided under the former value is not reopened.
    """
    present = (
        Policy.objects.filter(code=code).order_by("-valid_from", "-id").first()
    )  # One that begins later counts: it too gives the code its kind.
    if present is None:
        raise PolicyUnknown(policy=code)
    if not reason.strip():
        raise InvalidInput(field=_("理由"), reason=_("请写明修改理由"))
    if (present.value is None) != (value is None) or (value is not None and text):
        raise PolicyKindDiffers(policy=code)
    if value is None and not text.strip():
        raise InvalidInput(field=_("文本"), reason=_("不能为空"))
    if value is not None and not value.is_finite():
        raise InvalidInput(field=_("数值"), reason=_("须为有限的数"))
    if value is not None and not fits_column(value):
        raise InvalidInput(field=_("数值"), reason=_("位数超出可保存的范围"))
    moment = now()
    if valid_from is not None and valid_from < moment:
        raise InvalidInput(field=_("生效时间"), reason=_("不能早于现在，已作出的决定不受影响"))
    return Policy.objects.create(
        code=code,
        value=value,
        text=text,
        unit=present.unit,
        label=present.label,
        article=present.article,
        valid_from=valid_from or moment,
        set_by=actor.key,
        reason=reason.strip(),
    )
