"""One of everything that the map shows, with secrets in the columns that must stay inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.backends.postgresql.psycopg_any import DateRange

from layers.cells import prepare_cells
from layers.registry import PUBLIC_LAYERS
from parcels.models import Claim, ExclusionArea, Parcel, ProjectArea, ProjectAreaVersion
from portal.accounts.models import Party
from tests.factories.land import parcel_at, square, title_on, verify

# A ticket takes the whole way to a filing, and its layer is looked at where there is one
# (tests/tickets/registry_pages/test_map.py).
LOOKED_AT = {name: layer for name, layer in PUBLIC_LAYERS.items() if name != "tickets"}
PERIOD = DateRange(date(2021, 1, 1), date(2026, 1, 1), "[)")
# Texts that no public answer may carry, wherever they stand in the database.
SECRETS = (
    "张三",
    "古丽娜尔",
    "654002100201GE00001L00000001",
    "伊市林证字（2026）第0099号",
    "私人小地名",
    "采伐许可0077号",
    "李四的采伐",
    "来源文件.gpkg",
    "YN-P-PENDING",
)


@dataclass(frozen=True, slots=True)
class Published:
    """What there is."""

    parcels: list[Parcel]
    project: Claim
    pending: Claim
    exclusions: list[ExclusionArea]


def publish() -> Published:
    """Three parcels (one verified), a live and a pending claim, a CCER project and a harvest."""
    parcels = [
        parcel_at(square(0, 0, 300), unit_number="654002100201GE00001L00000001"),
        parcel_at(square(300, 0, 300)),
        parcel_at(square(0, 300, 300)),
    ]
    Parcel.objects.update(township_code="654002100", village="团结村", place_name="私人小地名")
    verify(title_on(parcels[0], number="伊市林证字（2026）第0099号"))
    owner = Party.objects.create(kind=Party.Kind.NAME_ONLY, name="古丽娜尔")
    area = ProjectArea.objects.create(name="古丽娜尔的林地", party=owner)
    versions = [
        ProjectAreaVersion.objects.create(area=area, number=number, geom=geom, because="drawing")
        for number, geom in ((1, square(13, 17, 281)), (2, square(307, 11, 271)))
    ]
    project = Claim.objects.create(
        number="YN-P-2026-0000001-X", version=versions[0], period=PERIOD, state="live"
    )
    pending = Claim.objects.create(number="YN-P-PENDING", version=versions[1], period=PERIOD)
    facts = {"period": PERIOD, "status": "registered", "source": "来源文件.gpkg"}
    exclusions = [
        ExclusionArea.objects.create(
            kind="ccer", number="CCER-0001", number_key="CCER-0001", name="李四的采伐",
            geom=square(700, 3, 211), **facts,
        ),
        ExclusionArea.objects.create(
            kind="harvest", method="clear_cut", number="采伐许可0077号", number_key="采伐许可0077号",
            name="李四的采伐", geom=square(700, 400, 199), **facts,
        ),
    ]  # fmt: skip
    prepare_cells()
    return Published(parcels, project, pending, exclusions)
