"""Asking for an offset by program, and following what became of it."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api import SignedInView
from portal.accounts.models import ApiToken
from portal.base.idempotency import act_once
from portal.base.parameters import only
from portal.base.transactions import write_transaction
from tickets.offsets.access import access_offset_request
from tickets.offsets.forms import ASKED_PURPOSES, COUNT_LIMIT, YEAR_FIRST, YEAR_LAST
from tickets.offsets.models import OffsetRequest, Purpose
from tickets.offsets.operations import ask_offset, propose_name
from tickets.registry.access import access_own_ticket
from tickets.registry.api import KilogramsField
from tickets.registry.models import CarbonTicket


class OffsetInput(serializers.Serializer[Any]):
    """What the web form asks, in kilograms; each purpose wants its own facts."""

    quantity_kg = KilogramsField()
    purpose = serializers.ChoiceField(ASKED_PURPOSES)
    beneficiary = serializers.CharField(max_length=100)
    year = serializers.IntegerField(min_value=YEAR_FIRST, max_value=YEAR_LAST, required=False)
    event_name = serializers.CharField(max_length=120, required=False)
    place = serializers.CharField(max_length=120, required=False)
    begins_on = serializers.DateField(required=False)
    ends_on = serializers.DateField(required=False)
    headcount = serializers.IntegerField(min_value=1, max_value=COUNT_LIMIT, required=False)


class OffsetRequestSerializer(serializers.ModelSerializer[OffsetRequest]):
    """A request and how far it has come; ``offset`` is the certificate's number once it is signed."""

    ticket = serializers.CharField(source="ticket.number")
    beneficiary = serializers.CharField(source="beneficiary.name")
    offset = serializers.CharField(source="offset.number", default=None)

    class Meta:
        model = OffsetRequest
        fields = (
            "key", "ticket", "quantity_kg", "purpose", "beneficiary", "state", "asked_at",
            "decided_at", "reason", "offset",
        )  # fmt: skip


class OffsetAsk(SignedInView):
    """Ask the ecology bureau to offset kilograms of one of my tickets (article 17).

    ``Idempotency-Key`` makes a request that is sent twice one act.
    """

    scope = ApiToken.Scope.OFFSETS

    @extend_schema(
        operation_id="offset_ask",
        tags=["offsets"],
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER, required=True
            )
        ],
        request=OffsetInput,
        responses={201: OffsetRequestSerializer},
    )
    def post(self, request: Request, number: str) -> Response:
        only(request.query_params, ())
        wanted = OffsetInput(data=request.data)
        wanted.is_valid(raise_exception=True)
        ticket = access_own_ticket(number, self.caller)
        answer = act_once(
            actor_key=self.caller.key,
            operation="ask_offset",
            key=request.headers.get("Idempotency-Key", ""),
            content=[ticket.number, request.data],
            act=lambda: str(self._ask(ticket, dict(wanted.validated_data)).key),
        )
        asked = access_offset_request(uuid.UUID(answer.body), self.caller)
        return Response(OffsetRequestSerializer(asked).data, status=201)

    @write_transaction
    def _ask(self, ticket: CarbonTicket, wanted: dict[str, Any]) -> OffsetRequest:
        wanted["beneficiary"] = propose_name(name=wanted["beneficiary"], actor=self.caller)
        wanted["purpose"] = Purpose(wanted["purpose"])
        return ask_offset(ticket=ticket, actor=self.caller, **wanted)


class OffsetFollow(SignedInView):
    """One request that I may read."""

    scope = ApiToken.Scope.OFFSETS

    @extend_schema(
        operation_id="offset_request", tags=["offsets"], responses=OffsetRequestSerializer
    )
    def get(self, request: Request, key: uuid.UUID) -> Response:
        only(request.query_params, ())
        return Response(OffsetRequestSerializer(access_offset_request(key, self.caller)).data)
