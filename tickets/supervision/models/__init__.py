"""Tables of supervision: complaints (article 20)."""

from tickets.supervision.models.complaints import Complainant, Complaint

__all__ = ["Complainant", "Complaint"]
