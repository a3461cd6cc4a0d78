"""The public page of a loss notice."""

from __future__ import annotations

import uuid

from axes.helpers import get_client_ip_address
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from portal.accounts.errors import TooManyAttempts
from portal.accounts.models import Attempt, Department, Mandate, Role, User
from portal.accounts.operations import note_attempt
from portal.accounts.queries import acts_for_any, has_role, works_in
from portal.base.answers import VISITOR, answer_refused, pressed_once
from portal.base.clock import CITY_TIME, now
from portal.base.errors import NotFound, PortalError
from tickets.registry.access import (
    owners_of,
)
from tickets.registry.forms import LossObjectionForm
from tickets.registry.models import LossNotice
from tickets.registry.operations import raise_objection
from tickets.registry.queries import days_left, orders_in_force, settlement_of

REFUSED = 422


@never_cache
def loss_notice(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """The public notice with its countdown; anyone may object, forestry's officers settle it."""
    notice = LossNotice.objects.select_related("ticket", "order").filter(key=key).first()
    if notice is None:
        raise NotFound()
    user = request.user
    form = LossObjectionForm(request.POST if request.method == "POST" else None)
    refusal: PortalError | None = None
    if request.method == "POST":
        try:
            if form.is_valid():
                actor = user if isinstance(user, User) else None
                pressed_once(
                    request,
                    "raise_objection",
                    lambda: _object(notice, form, actor),
                    actor_key=actor.key if actor else VISITOR,
                    before=lambda: note_attempt(
                        kind=Attempt.Kind.OBJECTION,
                        source=str(actor.key) if actor else str(get_client_ip_address(request)),
                    ),
                )
                messages.success(request, _("异议已收到，市林业主管部门处理前不补发。"))
                return redirect("registry:loss-notice", key=key)
        except TooManyAttempts:
            raise
        except PortalError as error:
            refusal = error
    runs = notice.order in orders_in_force(notice.ticket)
    day = now().astimezone(CITY_TIME).date()
    exact = works_in(user, Department.FORESTRY)
    owns = acts_for_any(user, owners_of(notice.ticket), Mandate.Scope.APPLY)
    context = {
        "notice": notice,
        "ticket": notice.ticket,
        "runs": runs,
        "days_left": days_left(notice.ends_on, day),
        "is_open": runs and day <= notice.ends_on,
        "may_reissue": runs and day > notice.ends_on and (owns or exact),
        "objections": [(one, settlement_of(one)) for one in notice.objections.order_by("pk")]
        if exact or owns
        else [],
        "objection_count": notice.objections.count(),
        "settles": has_role(user, Role.CLERK, Department.FORESTRY),
        "request_key": uuid.uuid4(),
        "form": form,
        "refusal": refusal,
    }
    status = REFUSED if form.is_bound else 200
    page = render(request, "registry/loss_notice.html", context, status=status)
    return answer_refused(page, refusal)


def _object(notice: LossNotice, form: LossObjectionForm, actor: User | None) -> str:
    made = raise_objection(notice=notice, actor=actor, **form.cleaned_data)
    return str(made.key)
