"""The tickets of the parties that a signed-in program acts for, with every kilogram's state."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_gis.serializers import GeoFeatureModelSerializer, GeometrySerializerMethodField

from parcels.exports.operations import read_modestly
from portal.accounts.api import SignedInView
from portal.accounts.models import ApiToken
from portal.base.paging import PAGE_IN_DOCUMENT, PAGE_PARAMETERS, GeoPages
from portal.base.parameters import only
from tickets.registry.access import access_own_ticket
from tickets.registry.models import CarbonTicket, LedgerEntry, TicketShare
from tickets.registry.quantities import LIMIT_KG, parse_kilograms, require_quantity
from tickets.registry.queries import Standing, acts_on, own_tickets, state_table
from tickets.registry.showing import period_of


class KilogramsField(serializers.IntegerField):
    """A positive number, or a text of plain digits as a form sends it: what ``int()`` reads besides
    (full-width digits, ``1_0``, ``10.0``) is no quantity. Raises InvalidQuantity."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=LIMIT_KG, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        return parse_kilograms(data) if isinstance(data, str) else require_quantity(data)


def features(tickets: Sequence[CarbonTicket]) -> list[dict[str, Any]]:
    """Tickets as features; the kilograms of all of them are one query, their shares another."""
    present = TicketShare.objects.filter(closed_by__isnull=True).select_related("party")
    prefetch_related_objects(
        tickets, Prefetch("shares", present.order_by("place"), to_attr="present_shares")
    )
    states = {row.key: row for row in state_table(tickets=[one.pk for one in tickets])}
    made = TicketSerializer(tickets, many=True, context={"states": states}).data
    found: list[dict[str, Any]] = made["features"]
    return found


def exact_land(tickets: Iterable[CarbonTicket]) -> dict[uuid.UUID, float]:
    """Square metres of each area once, however many tickets lie on it."""
    return {one.area_version.key: one.area_version.area_m2 for one in tickets}


class KilogramsSerializer(serializers.Serializer[Any]):
    """What became of a ticket's kilograms, as of now."""

    state = serializers.ChoiceField(Standing.choices, source="standing")
    total_kg = serializers.IntegerField()
    held_kg = serializers.IntegerField()
    listed_kg = serializers.IntegerField()
    pledged_kg = serializers.IntegerField()
    offset_kg = serializers.IntegerField()
    cancelled_kg = serializers.IntegerField()
    frozen_kg = serializers.IntegerField()


class ShareSerializer(serializers.ModelSerializer[TicketShare]):
    """An owner and its numerator over the ticket's ``share_denominator``."""

    party = serializers.CharField(source="party.name")

    class Meta:
        model = TicketShare
        fields = ("party", "numerator")


class TicketSerializer(GeoFeatureModelSerializer):
    """A ticket as a GeoJSON feature with its exact area (EPSG:4490, longitude first)."""

    shape = GeometrySerializerMethodField()
    project = serializers.CharField(source="issuance.filing.application.project.number")
    filing = serializers.CharField(source="issuance.filing.number")
    period = serializers.SerializerMethodField()
    kilograms = serializers.SerializerMethodField()
    shares = serializers.SerializerMethodField()

    class Meta:
        model = CarbonTicket
        geo_field = "shape"
        id_field = "number"
        fields = (
            "number", "project", "filing", "period", "kilograms", "share_denominator", "shares",
            "opened_at",
        )  # fmt: skip

    def get_shape(self, ticket: CarbonTicket) -> Any:
        return ticket.area_version.geom

    def get_period(self, ticket: CarbonTicket) -> str:
        first, last = period_of(ticket)
        return f"{first.isoformat()}/{last.isoformat()}"

    @extend_schema_field(KilogramsSerializer)
    def get_kilograms(self, ticket: CarbonTicket) -> Any:
        return KilogramsSerializer(self.context["states"][ticket.pk]).data

    @extend_schema_field(ShareSerializer(many=True))
    def get_shares(self, ticket: CarbonTicket) -> Any:
        return ShareSerializer(vars(ticket)["present_shares"], many=True).data


class EntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    """One registered act that touched the ticket; its hash is in the chain that is published."""

    entry = serializers.IntegerField(source="pk")

    class Meta:
        model = LedgerEntry
        fields = ("entry", "kind", "recorded_at")


class TicketList(SignedInView):
    """My tickets, a page at a time."""

    scope = ApiToken.Scope.TICKETS

    @extend_schema(
        operation_id="tickets",
        tags=["tickets"],
        parameters=PAGE_IN_DOCUMENT,
        responses=TicketSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        only(request.query_params, PAGE_PARAMETERS)
        pages = GeoPages()
        page = pages.paginate_queryset(own_tickets(self.caller), request, view=self) or []
        read_modestly(land=exact_land(page), actor=self.caller)
        answer: Response = pages.get_paginated_response(
            {"type": "FeatureCollection", "features": features(page)}
        )
        return answer


class TicketDetail(SignedInView):
    """One of my tickets."""

    scope = ApiToken.Scope.TICKETS

    @extend_schema(operation_id="ticket", tags=["tickets"], responses=TicketSerializer)
    def get(self, request: Request, number: str) -> Response:
        only(request.query_params, ())
        ticket = access_own_ticket(number, self.caller)
        read_modestly(land=exact_land([ticket]), actor=self.caller)
        return Response(features([ticket])[0])


class TicketEntries(SignedInView):
    """Every act that touched one of my tickets, the oldest first."""

    scope = ApiToken.Scope.TICKETS

    @extend_schema(
        operation_id="ticket_entries", tags=["tickets"], responses=EntrySerializer(many=True)
    )
    def get(self, request: Request, number: str) -> Response:
        only(request.query_params, ())
        ticket = access_own_ticket(number, self.caller)
        return Response(EntrySerializer(acts_on(ticket), many=True).data)
