"""Tables of supervision: complaints (article 20), inspections (article 21)."""

from tickets.supervision.models.complaints import Complainant, Complaint
from tickets.supervision.models.inspections import Inspection, InspectionPhoto

__all__ = ["Complainant", "Complaint", "Inspection", "InspectionPhoto"]
