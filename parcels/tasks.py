"""Jobs of the land register: the queue finds those of its rooms through this module."""

from parcels.exports.tasks import forget_former_days
from parcels.imports.tasks import close_abandoned_imports, run_import_job
from parcels.screening.tasks import close_abandoned_screenings, run_screening_job

__all__ = [
    "close_abandoned_imports",
    "close_abandoned_screenings",
    "forget_former_days",
    "run_import_job",
    "run_screening_job",
]
