"""Who may take files into the register."""

from __future__ import annotations

import uuid

from parcels.models import ImportRecord
from portal.accounts.models import Department
from portal.accounts.queries import AnyUser, works_in
from portal.base.errors import NotFound

# Article 3: natural resources audits titles, forestry keeps the register.
IMPORTING_DEPARTMENTS = (Department.NATURAL_RESOURCES, Department.FORESTRY)


def may_import(user: AnyUser) -> bool:
    """Whether ``user`` holds an office now that takes files in."""
    return any(works_in(user, department) for department in IMPORTING_DEPARTMENTS)


def access_imports(user: AnyUser) -> None:
    """The gate to the list and to uploading."""
    if not may_import(user):
        raise NotFound()


def access_import(key: uuid.UUID, user: AnyUser) -> ImportRecord:
    """One record, for those who may import; absent and forbidden answer alike."""
    access_imports(user)
    record = ImportRecord.objects.select_related("made_by").filter(key=key).first()
    if record is None:
        raise NotFound()
    return record
