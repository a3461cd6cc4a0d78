"""Tables of supervision: complaints (20), inspections (21), eco-justice (14), disclosure (23)."""

from tickets.supervision.models.complaints import Complainant, Complaint
from tickets.supervision.models.inspections import Inspection, InspectionPhoto, InspectionQuerySet
from tickets.supervision.models.justice import JusticeCase
from tickets.supervision.models.overdue import OverdueTold
from tickets.supervision.models.watched import PolicyNews, WatchedShape

__all__ = [
    "Complainant",
    "Complaint",
    "Inspection",
    "InspectionPhoto",
    "InspectionQuerySet",
    "JusticeCase",
    "OverdueTold",
    "PolicyNews",
    "WatchedShape",
]
