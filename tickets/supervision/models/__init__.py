"""Tables of supervision: complaints (20), inspections (21), eco-justice (14)."""

from tickets.supervision.models.complaints import Complainant, Complaint
from tickets.supervision.models.inspections import Inspection, InspectionPhoto
from tickets.supervision.models.justice import JusticeCase

__all__ = ["Complainant", "Complaint", "Inspection", "InspectionPhoto", "JusticeCase"]
