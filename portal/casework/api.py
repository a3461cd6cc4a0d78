"""The inbox for signed-in programs."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api import SignedInView
from portal.accounts.models import ApiToken
from portal.base.paging import PAGE_IN_DOCUMENT, PAGE_PARAMETERS, Pages
from portal.base.parameters import BadParameter, only
from portal.casework.access import access_message
from portal.casework.models import Message
from portal.casework.notices import mark_read


class MessageSerializer(serializers.ModelSerializer[Message]):
    """One message; ``link`` leads into the portal."""

    class Meta:
        model = Message
        fields = ("key", "subject", "body", "link", "made_at", "read_at")


class Inbox(SignedInView):
    """My messages, the newest first. Reading them here does not mark them."""

    scope = ApiToken.Scope.INBOX

    @extend_schema(
        operation_id="inbox",
        tags=["inbox"],
        parameters=[
            OpenApiParameter("unread", OpenApiTypes.STR, enum=["1"]),
            *PAGE_IN_DOCUMENT,
        ],
        responses=MessageSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        given = only(request.query_params, (*PAGE_PARAMETERS, "unread"))
        found = Message.objects.filter(user=self.caller)
        if "unread" in given:
            if given["unread"] != "1":
                raise BadParameter(parameter="unread", reason="1")
            found = found.filter(read_at__isnull=True)
        pages = Pages()
        page = pages.paginate_queryset(found, request, view=self)
        answer: Response = pages.get_paginated_response(MessageSerializer(page, many=True).data)
        return answer


class InboxRead(SignedInView):
    """Mark one of my messages as read; again changes nothing."""

    scope = ApiToken.Scope.INBOX

    @extend_schema(
        operation_id="inbox_read", tags=["inbox"], request=None, responses=MessageSerializer
    )
    def post(self, request: Request, key: uuid.UUID) -> Response:
        message = access_message(key, self.caller)
        mark_read(user=self.caller, messages=Message.objects.filter(pk=message.pk))
        message.refresh_from_db()
        return Response(MessageSerializer(message).data)
