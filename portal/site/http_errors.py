"""The one table from a refusal to its HTTP status, and the answer in the form that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from layers.errors import BadTileAddress, UnknownLayer, UnknownLayerVersion
from layers.ogc.errors import UnknownCrs
from layers.stands_here.errors import TooManyQuestions
from layers.ticket_map.errors import BadMapQuestion, NothingFiltered, NothingInView, TooMuchToPrint
from parcels.claims.errors import (
    ClaimMoveNotAllowed,
    ExclusionMoveNotAllowed,
    ExclusionReplaced,
    FiledClaimStands,
    LandHasAnotherClaim,
)
from parcels.errors import ShapeTooLarge
from parcels.imports.errors import ImportNotDraft, ImportNotRunning, ImportRefused, UploadTooLarge
from parcels.intake.errors import IntakeError
from parcels.reviews.errors import (
    ChangeOpen,
    MessageAnswered,
    NotWithBureau,
    NotWithOwner,
    ReviewMoveNotAllowed,
    VerifiedParcelFrozen,
)
from parcels.rules.errors import DrawingTooLarge
from parcels.screening.errors import ResultMissing, ScreeningNotRunning
from parcels.titles.errors import NumberInUse, TapTooMuch
from portal.accounts.errors import (
    AlreadyDecided,
    CheckWaiting,
    IdentityTaken,
    MandateEnded,
    OfficeMissing,
    PartyLinked,
    RoleHeld,
    RoleRevoked,
    ScopeMissing,
    TokenNameTaken,
    TokenUnknown,
    TooManyAttempts,
    TooManyTokens,
    UsernameTaken,
)
from portal.base.answers import refusal_shown
from portal.base.errors import InvalidInput, NotFound, PortalError, StateMovedOn
from portal.base.guarantees import NothingIsRewritten
from portal.base.idempotency import RequestKeyReused, RequestStillRunning
from portal.base.parameters import BadParameter, UnknownParameter
from portal.casework.errors import (
    CaseClosed,
    DocumentTooLarge,
    ExpertAskedAlready,
    HeardAsExpert,
    NoticeNotOpen,
    NotTheApplicant,
    NotYourOffice,
    OwnMatter,
    Recused,
    StepOutOfOrder,
)
from portal.casework.errors import (
    MoveNotAllowed as StepMoveNotAllowed,
)
from tickets.accounting.errors import (
    NotTheVerifier,
    ReportExists,
    ReportFrozen,
    ReportNotSigned,
    ReportOutOfDate,
    VersionTaken,
)
from tickets.finance.errors import (
    MoreThanInsured,
    NumberTwice,
    OwnFinanceRow,
    TicketCancelled,
)
from tickets.market.errors import (
    BiddingClosed,
    BiddingNotOpen,
    BiddingRuns,
    ConfirmedAlready,
    ContractMovedOn,
    DepositDecided,
    DepositHeld,
    DepositTwice,
    ListingMovedOn,
    ListingNotOpen,
    NotEnoughListed,
    NothingToForfeit,
    OrderMovedOn,
    PaymentUsed,
    PoolExists,
    PoolHeldByUnpaid,
    PoolNotOpen,
    PremiumMovedOn,
    TooManyWaiting,
    TradeDisputed,
    TradeMovedOn,
)
from tickets.offsets.errors import NameReviewed, OffsetDecided, SignerPrepared
from tickets.projects.errors import (
    ApplicationMoveNotAllowed,
    ApplicationUnderReview,
    DisqualificationPending,
    PeriodTaken,
    ReportOfOtherLand,
    TitlesChanged,
)
from tickets.registry.errors import (
    AlreadyIssued,
    BankNotAgreed,
    BlockNotFree,
    CancelReasonGone,
    ConfirmationUsed,
    FreezeLifted,
    InvalidMoment,
    IssuanceNotCancelled,
    KilogramHasAnotherHome,
    LossPublished,
    MarksMovedOn,
    MoveNotAllowed,
    NothingToCorrect,
    NothingToMark,
    NoticeEnded,
    NoticeObjected,
    NoticeRunning,
    NotPrinted,
    NotThePledgee,
    NotUsedUp,
    PledgeEnded,
    PledgeeNotAgreed,
    PledgeTwice,
    RegistrationDecided,
    SamePerson,
    SumDiffers,
    TicketClosed,
    TicketFrozen,
    TicketNotWhole,
)
from tickets.supervision.errors import (
    ComplaintMovedOn,
    ComplaintStands,
    InspectionMovedOn,
    InspectionStands,
    JusticeCaseMovedOn,
    JusticeCaseTwice,
    NotTheInspector,
    NotTheOffice,
    OwnDraft,
    OwnJusticeCase,
    OwnOrder,
    TooManyComplaints,
)

HTTP_STATUS: dict[type[PortalError], int] = {
    PortalError: 422,
    NotFound: 404,
    InvalidInput: 422,
    StateMovedOn: 409,
    NothingIsRewritten: 409,
    RequestKeyReused: 422,
    RequestStillRunning: 409,
    TooManyAttempts: 429,
    TooManyQuestions: 429,
    IdentityTaken: 409,
    UsernameTaken: 409,
    AlreadyDecided: 409,
    CheckWaiting: 409,
    MandateEnded: 409,
    PartyLinked: 409,
    RoleHeld: 409,
    RoleRevoked: 409,
    OfficeMissing: 403,
    ScopeMissing: 403,
    TokenNameTaken: 409,
    TokenUnknown: 409,
    TooManyTokens: 409,
    StepMoveNotAllowed: 409,
    StepOutOfOrder: 409,
    CaseClosed: 409,
    NotYourOffice: 403,
    NotTheApplicant: 403,
    Recused: 403,
    HeardAsExpert: 403,
    OwnMatter: 403,
    ExpertAskedAlready: 409,
    NoticeNotOpen: 409,
    DocumentTooLarge: 413,
    ApplicationMoveNotAllowed: 409,
    ApplicationUnderReview: 409,
    DisqualificationPending: 409,
    PeriodTaken: 409,
    ReportOfOtherLand: 409,
    TitlesChanged: 409,
    LandHasAnotherClaim: 409,
    ClaimMoveNotAllowed: 409,
    FiledClaimStands: 409,
    ExclusionMoveNotAllowed: 409,
    ExclusionReplaced: 409,
    ReviewMoveNotAllowed: 409,
    NotWithOwner: 409,
    NotWithBureau: 409,
    MessageAnswered: 409,
    VerifiedParcelFrozen: 409,
    ChangeOpen: 409,
    NumberInUse: 409,
    TapTooMuch: 409,
    IntakeError: 422,
    ImportRefused: 422,
    ImportNotDraft: 409,
    ImportNotRunning: 409,
    UploadTooLarge: 413,
    BadTileAddress: 400,
    UnknownLayer: 404,
    UnknownLayerVersion: 404,
    ShapeTooLarge: 413,
    ScreeningNotRunning: 409,
    ResultMissing: 409,
    DrawingTooLarge: 413,
    UnknownParameter: 400,
    BadParameter: 400,
    BadMapQuestion: 400,
    NothingFiltered: 404,
    NothingInView: 404,
    TooMuchToPrint: 422,
    UnknownCrs: 400,
    ReportFrozen: 409,
    ReportExists: 409,
    ReportNotSigned: 409,
    ReportOutOfDate: 409,
    VersionTaken: 409,
    NotTheVerifier: 403,
    NameReviewed: 409,
    OffsetDecided: 409,
    SignerPrepared: 403,
    AlreadyIssued: 409,
    BankNotAgreed: 409,
    BlockNotFree: 409,
    CancelReasonGone: 409,
    ConfirmationUsed: 409,
    FreezeLifted: 409,
    InvalidMoment: 400,  # A question in an address, as those of the map; what is submitted is 422.
    IssuanceNotCancelled: 409,
    KilogramHasAnotherHome: 409,
    MoveNotAllowed: 409,
    NotThePledgee: 403,
    NotUsedUp: 409,
    NotPrinted: 409,
    NothingToCorrect: 409,
    MarksMovedOn: 409,
    NothingToMark: 409,
    LossPublished: 409,
    NoticeEnded: 409,
    NoticeObjected: 409,
    NoticeRunning: 409,
    PledgeEnded: 409,
    PledgeeNotAgreed: 409,
    PledgeTwice: 409,
    RegistrationDecided: 409,
    SamePerson: 403,
    SumDiffers: 409,
    TicketClosed: 409,
    TicketFrozen: 409,
    TicketNotWhole: 409,
    TooManyComplaints: 429,
    ComplaintMovedOn: 409,
    ComplaintStands: 409,
    NotTheOffice: 403,
    OwnDraft: 409,
    InspectionMovedOn: 409,
    InspectionStands: 409,
    NotTheInspector: 403,
    OwnOrder: 409,
    BiddingClosed: 409,
    BiddingNotOpen: 409,
    BiddingRuns: 409,
    ConfirmedAlready: 409,
    DepositDecided: 409,
    DepositHeld: 409,
    NothingToForfeit: 409,
    DepositTwice: 409,
    ListingMovedOn: 409,
    ListingNotOpen: 409,
    NotEnoughListed: 409,
    PaymentUsed: 409,
    TradeDisputed: 409,
    TradeMovedOn: 409,
    ContractMovedOn: 409,
    OrderMovedOn: 409,
    PoolExists: 409,
    PoolHeldByUnpaid: 409,
    PoolNotOpen: 409,
    TooManyWaiting: 409,
    PremiumMovedOn: 409,
    JusticeCaseMovedOn: 409,
    JusticeCaseTwice: 409,
    OwnJusticeCase: 409,
    MoreThanInsured: 409,
    NumberTwice: 409,
    OwnFinanceRow: 409,
    TicketCancelled: 409,
}


def status_of(error: PortalError) -> int:
    """The status of the nearest class in the table."""
    return next(HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS)


def as_json(error: PortalError) -> dict[str, Any]:
    return {"code": error.code, "message": str(error)}


def _when_again(error: PortalError, status: int) -> dict[str, str]:
    """``Retry-After`` where the refusal says when to come back."""
    minutes = error.facts.get("minutes")
    return {"Retry-After": str(60 * minutes)} if status == 429 and isinstance(minutes, int) else {}


def wants_json(request: HttpRequest) -> bool:
    """Programs and our own scripts say so; a browser that navigates asks for a page."""
    return (
        request.path.startswith(("/api/", "/tiles/"))
        or request.headers.get("X-Requested-With") == "fetch"
        or "text/html" not in request.headers.get("Accept", "")
    )


class PortalErrors:
    """Middleware: a PortalError that a view lets out becomes its page or its JSON, and a page that
    shows one itself gets its status.

    An address with a NUL, which no text of the database can hold, is refused before any view.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in the address")
        response = self.get_response(request)
        refusal = refusal_shown(response)
        if refusal is not None:
            response.status_code = status_of(refusal)
            for name, value in _when_again(refusal, response.status_code).items():
                response[name] = value
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, DataError) and "NUL" in str(error):
            # The driver has refused a text before anything of its statement was sent.
            error = InvalidInput(field=_("文字"), reason=_("含有不能保存的空字符"))
        if not isinstance(error, PortalError):
            return None
        status = status_of(error)
        if wants_json(request):
            return JsonResponse(as_json(error), status=status, headers=_when_again(error, status))
        page = "site/errors/404.html" if status == 404 else "site/errors/refused.html"
        return render(request, page, {"error": error, "status": status}, status=status)


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's door to the same table; its own refusals get a code and a message."""
    if isinstance(error, PortalError):
        status = status_of(error)
        return Response(as_json(error), status=status, headers=_when_again(error, status))
    response = exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = {
            "code": "invalid_input",
            "message": _("请求内容有误。"),
            "fields": response.data,
        }
    elif response is not None and isinstance(error, APIException):
        response.data = {"code": str(error.get_codes()), "message": str(error.detail)}
    return response
