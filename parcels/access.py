"""Gates to land and titles."""

from __future__ import annotations

import uuid

from django.contrib.gis.db.models import GeometryField, Union
from django.contrib.gis.geos import MultiPolygon
from django.db.models import Case, OuterRef, Q, QuerySet, Subquery, When

from parcels.measures import EllipsoidArea
from parcels.models import Parcel, ParcelVersion, Right, TitleCertificate
from portal.accounts.models import Mandate
from portal.accounts.queries import AnyUser, is_staff_reader, parties_acted_for
from portal.base.errors import NotFound
from portal.base.models import STORAGE_SRID

LAND = GeometryField(srid=STORAGE_SRID)


def access_parcel(key: uuid.UUID) -> ParcelVersion:
    """The standing shape of a parcel, with the parcel. Everyone may know that it exists."""
    version = ParcelVersion.objects.standing().select_related("parcel").filter(
        parcel__key=key, parcel__ended_at__isnull=True
    ).first()  # fmt: skip
    if version is None:
        raise NotFound()
    return version


def shape_for(version: ParcelVersion, *, staff: bool) -> MultiPolygon:
    """The exact shape for those who serve the register, the generalised one for everyone."""
    shape = version.geom if staff else version.geom_public
    assert shape is not None  # The database made it with the version.
    return shape


def access_title(key: uuid.UUID, user: AnyUser) -> TitleCertificate:
    """A certificate, for those who serve the register."""
    title = TitleCertificate.objects.filter(key=key).first()
    if title is None:
        raise NotFound()
    if not is_staff_reader(user):
        raise NotFound()
    return title


def parcels_of(title: TitleCertificate) -> list[Parcel]:
    """The land that a certificate covers."""
    return list(Parcel.objects.filter(rights__certificate=title).distinct().order_by("id"))


def proves_land(certificate: str = "") -> Q:
    """A certificate that a review verified or a file brought. Any other is of whatever was tapped."""
    return Q(**{f"{certificate}state": TitleCertificate.State.VERIFIED}) | Q(
        **{
            f"{certificate}state": TitleCertificate.State.REGISTERED,
            f"{certificate}record__isnull": False,
        }
    )


def own_land(user: AnyUser, scope: Mandate.Scope = Mandate.Scope.VIEW) -> QuerySet[Parcel]:
    """Parcels whose exact border ``user`` may know: proved to be of a party that he acts for, or
    first drawn by himself for one that holds them still.
    """
    rights = Right.objects.filter(party__in=parties_acted_for(user, scope))
    proved = rights.filter(proves_land("certificate__")).values("parcel")
    drawn = ParcelVersion.objects.filter(
        number=1,
        because=ParcelVersion.Because.DRAWING,
        made_by=user.pk,
        parcel__in=rights.filter(certificate__state__in=["registered", "verified"]).values(
            "parcel"
        ),
    ).values("parcel")
    # One list: of two lists joined by OR the planner would look at every parcel there is.
    return Parcel.objects.filter(pk__in=proved.union(drawn))


def own_titles(user: AnyUser) -> QuerySet[TitleCertificate]:
    """Certificates with a right of a party that ``user`` acts for.

    ``shape`` and ``land_m2`` are their land today: as the public sees it until it is proved theirs.
    """
    mine = Right.objects.filter(party__in=parties_acted_for(user)).values("certificate")
    land = (
        ParcelVersion.objects.standing()
        .filter(parcel__rights__certificate=OuterRef("pk"))
        .order_by()
        .values("parcel__rights__certificate")
    )
    exact, public = (
        Subquery(land.annotate(land=Union(name)).values("land"), output_field=LAND)
        for name in ("geom", "geom_public")
    )
    return (
        TitleCertificate.objects.filter(pk__in=mine)
        .annotate(shape=Case(When(proves_land(), then=exact), default=public, output_field=LAND))
        .annotate(land_m2=EllipsoidArea("shape"))
        .order_by("pk")
    )


def access_own_title(key: uuid.UUID, user: AnyUser) -> TitleCertificate:
    """A certificate with a right of a party that ``user`` acts for."""
    title = own_titles(user).filter(key=key).first()
    if title is None:
        raise NotFound()
    return title
