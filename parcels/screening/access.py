"""The gate to a bulk screening."""

from __future__ import annotations

import uuid

from parcels.imports.access import access_imports
from parcels.models import BulkScreening
from portal.accounts.queries import AnyUser
from portal.base.errors import NotFound


def access_screening(key: uuid.UUID, user: AnyUser) -> BulkScreening:
    """One screening, for those who take files in; absent and forbidden answer alike."""
    access_imports(user)
    found = BulkScreening.objects.select_related("made_by").filter(key=key).first()
    if found is None:
        raise NotFound()
    return found
