"""The register's tables: the ledger, what its acts stand on, and the requests for them."""

from tickets.registry.models.grounds import (
    Cancellation,
    Debt,
    FreezeOrder,
    LossNotice,
    LossObjection,
    PartySuccession,
    Pledge,
    PledgeReminder,
    PrintedFace,
    TicketPrint,
)
from tickets.registry.models.ledger import (
    Block,
    CarbonTicket,
    Cause,
    Issuance,
    LedgerEntry,
    LedgerHead,
    TicketCounter,
    TicketShare,
)
from tickets.registry.models.registrations import (
    Allotment,
    AllotmentShare,
    Consent,
    FormerName,
    PledgeWaiver,
    Registration,
    RegistrationMaterial,
)
from tickets.registry.models.requests import FaceSignature, TicketRequest

__all__ = [
    "Allotment",
    "AllotmentShare",
    "Block",
    "Cancellation",
    "CarbonTicket",
    "Cause",
    "Consent",
    "Debt",
    "FaceSignature",
    "FormerName",
    "FreezeOrder",
    "Issuance",
    "LedgerEntry",
    "LedgerHead",
    "LossNotice",
    "LossObjection",
    "PartySuccession",
    "Pledge",
    "PledgeReminder",
    "PledgeWaiver",
    "PrintedFace",
    "Registration",
    "RegistrationMaterial",
    "TicketCounter",
    "TicketPrint",
    "TicketRequest",
    "TicketShare",
]
