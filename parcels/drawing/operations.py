"""Writes of the drawing page: the autosaved draft, and a saved version with its whole parcels."""

from __future__ import annotations

from collections.abc import Sequence

from parcels.claims.operations import open_project_area, redraw_project_area
from parcels.drawing.models import DrawingDraft, PickedParcel
from parcels.drawing.parsing import Drawing, geometry_of
from parcels.drawing.reshaping import require_valid
from parcels.models import Parcel, ProjectArea, ProjectAreaVersion
from portal.accounts.models import Party, User
from portal.base.clock import PortalNow
from portal.base.errors import StateMovedOn
from portal.base.transactions import write_transaction


@write_transaction
def keep_draft(
    *, area: ProjectArea | None, drawing: Drawing, party: Party | None, actor: User
) -> DrawingDraft:
    """Keep what is on the page; StateMovedOn when another tab kept something since.

    A page that has kept nothing yet sends revision 0. No event: a draft is no act of the register.
    """
    User.objects.select_for_update(no_key=True).get(
        pk=actor.pk
    )  # One writer at a time, also the first.
    draft = DrawingDraft.objects.filter(user=actor, area=area).first()
    present = 0 if draft is None else draft.revision
    if present != drawing.seen_revision:
        raise StateMovedOn(revision=present)
    if draft is None:
        draft = DrawingDraft(user=actor, area=area, revision=0)
    draft.revision += 1
    draft.seen_number = drawing.seen_number
    draft.name = drawing.name
    draft.party = party
    draft.period = drawing.period
    draft.expected_kg_per_ha = drawing.expected_kg_per_ha
    draft.picked = list(drawing.picked)
    draft.geom = drawing.geom
    draft.saved_at = PortalNow()  # type: ignore[assignment]
    draft.save()
    draft.refresh_from_db()
    return draft


@write_transaction
def drop_draft(*, area: ProjectArea | None, actor: User) -> None:
    """Begin again from what is saved."""
    DrawingDraft.objects.filter(user=actor, area=area).delete()


@write_transaction
def save_drawing(
    *,
    area: ProjectArea | None,
    drawing: Drawing,
    party: Party | None,
    parcels: Sequence[Parcel],
    actor: User,
) -> ProjectAreaVersion:
    """A new area, or a newer version of one; the draft has served and goes.

    DrawnShapeInvalid with the place, ProjectAreaNeedsName, StateMovedOn when a version after
    ``drawing.seen_number`` was saved meanwhile. ``parcels`` are those taken whole.
    """
    geom = geometry_of(require_valid(drawing.wkb))
    because = ProjectAreaVersion.Because.TITLES if parcels else ProjectAreaVersion.Because.DRAWING
    if area is None:
        version = open_project_area(
            name=drawing.name, geom=geom, party=party, because=because, actor=actor
        )
    else:
        version = redraw_project_area(
            area=area, geom=geom, seen_number=drawing.seen_number, because=because, actor=actor
        )
    PickedParcel.objects.bulk_create(
        PickedParcel(area_version=version, parcel=parcel) for parcel in parcels
    )
    DrawingDraft.objects.filter(user=actor, area=area).delete()
    return version
