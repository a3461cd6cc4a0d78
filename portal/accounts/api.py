"""REST for the signed-in: who asks (session or token), what the token is for, how often."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.errors import ScopeMissing
from portal.accounts.models import ApiToken, Department, Party, User
from portal.accounts.queries import open_grants, parties_acted_for
from portal.accounts.throttle import RequestThrottle
from portal.accounts.tokens import admit_token
from portal.base.parameters import only


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer yn_…``. A wrong, revoked or expired token is told apart by nobody."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _space, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = admit_token(secret.decode("ascii", "replace").strip())
        if token is None:
            raise AuthenticationFailed(_("令牌无效、已到期或已撤销。"), code="token_refused")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names the token."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class HasScope(BasePermission):
    """Signed in; a token also needs the scope that the view names, if it names one."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.user, User):
            return False
        scope: ApiToken.Scope | None = getattr(view, "scope", None)
        token = request.auth
        if scope is not None and isinstance(token, ApiToken) and scope not in token.scopes:
            raise ScopeMissing(scope=scope.value)
        return True


class SignedInView(APIView):
    """The base of every view for signed-in programs; ``scope`` is what a token must be for."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (HasScope,)
    throttle_classes = (RequestThrottle,)
    scope: ClassVar[ApiToken.Scope | None] = None

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Nobody keeps what is one user's own."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "private, no-store"
        return answer

    @property
    def caller(self) -> User:
        """Who asks; the permission has made sure that it is somebody."""
        user = self.request.user
        assert isinstance(user, User)
        return user


class PartySerializer(serializers.ModelSerializer[Party]):
    """A party that the caller acts for."""

    class Meta:
        model = Party
        fields = ("key", "kind", "name")


class OfficeSerializer(serializers.Serializer[dict[str, str]]):
    """An office that the caller holds now."""

    role = serializers.CharField()
    department = serializers.ChoiceField(Department.choices, allow_blank=True)


class MeSerializer(serializers.Serializer[dict[str, object]]):
    """Who the caller is, for whom he acts, and until when the token opens what."""

    username = serializers.CharField()
    full_name = serializers.CharField()
    parties = PartySerializer(many=True)
    offices = OfficeSerializer(many=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(ApiToken.Scope.choices))
    expires_at = serializers.DateTimeField(allow_null=True)


class Me(SignedInView):
    """Who I am here."""

    @extend_schema(operation_id="me", responses=MeSerializer, tags=["me"])
    def get(self, request: Request) -> Response:
        only(request.query_params, ())
        token = request.auth if isinstance(request.auth, ApiToken) else None
        body: dict[str, object] = {
            "username": self.caller.username,
            "full_name": self.caller.get_full_name(),
            "parties": parties_acted_for(self.caller).order_by("name", "pk"),
            "offices": [
                {"role": role.value, "department": department}
                for role, department in open_grants(self.caller)
            ],
            "scopes": token.scopes if token else [],
            "expires_at": token.expires_at if token else None,
        }
        return Response(MeSerializer(body).data)
