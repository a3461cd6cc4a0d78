"""The register's tables: the ledger, what its acts stand on, and the requests for them."""

from tickets.registry.models.grounds import (
    Cancellation,
    Debt,
    FreezeOrder,
    LossNotice,
    LossObjection,
    PartySuccession,
    Pledge,
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
    Registration,
    RegistrationMaterial,
)

__all__ = [
    "Allotment",
    "AllotmentShare",
    "Block",
    "Cancellation",
    "CarbonTicket",
    "Cause",
    "Consent",
    "Debt",
    "FreezeOrder",
    "Issuance",
    "LedgerEntry",
    "LedgerHead",
    "LossNotice",
    "LossObjection",
    "PartySuccession",
    "Pledge",
    "Registration",
    "RegistrationMaterial",
    "TicketCounter",
    "TicketPrint",
    "TicketShare",
]
