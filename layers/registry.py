"""Every layer of the map, as values: which rows, which fields, which zooms, for whom.

A further layer is one more value in ``LAYERS``; tiles, TileJSON, OGC API, its documents and the
test that looks for leaks all read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from layers.cells import COARSEST_ZOOM, SUMMED_TO_ZOOM
from layers.errors import UnknownLayer
from portal.base.language import reads_english

Kind = Literal["string", "integer", "number", "date"]


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages of the portal."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.en if reads_english() else self.zh


@dataclass(frozen=True, slots=True)
class Field:
    """One property. ``then`` is how it read at the moment ``%(at)s``, where that differs."""

    name: str
    kind: Kind
    title: Words
    sql: str
    then: str = ""
    in_tile: bool = True


@dataclass(frozen=True, slots=True)
class Past:
    """How rows are found as of a time: ``rows`` holds of what stood between since and at."""

    rows: str  # With %(since)s and %(at)s.


@dataclass(frozen=True, slots=True)
class Present:
    """What changes without a shape, as ``moved`` does: features carry it, and tiles without a version.

    The fields are sums over those rows of ``tables`` that belong to a row of the layer.
    """

    moved: str  # A whole number that grows with each change.
    tables: str
    now: str
    then: str  # The rows at the moment ``%(at)s``.
    fields: tuple[Field, ...]

    def joined(self, when: str) -> str:
        """The sums of each row of the layer, as ``stood``."""
        sums = ", ".join(f"{field.sql} AS {field.name}" for field in self.fields)
        return f"LEFT JOIN LATERAL (SELECT {sums} FROM {self.tables} WHERE {when}) AS stood ON true"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. Its shape and fields are an allow-list: nothing else leaves the database.

    ``shapes`` is the name under which shape changes are counted; two tiers of one thing share it.
    ``key`` is a unique indexed number for paging; ``uid`` the identifier that everyone may know.
    ``box`` is the indexed shape that narrows a search; ``shape`` is the one that is shown, and that
    decides.
    """

    name: str
    shapes: str
    title: Words
    about: Words
    tables: str
    rows: str  # Already limited to what the layer's readers may see.
    key: str
    uid: str
    uid_is_uuid: bool
    shape: str
    box: str
    fields: tuple[Field, ...]
    zoom_min: int
    zoom_max: int
    past: Past | None = None
    present: Present | None = None
    staff_only: bool = False
    # Up to here cells stand for the rows; one zoom more where it is crowded.
    summed_to_zoom: int = -1
    # What a cell sums of its rows (``layers_cellrow``); none: it is a prepared cell of parcels.
    sums: tuple[Field, ...] = ()
    zoom_policies: tuple[str, ...] = ()

    @property
    def properties(self) -> tuple[Field, ...]:
        """Of a feature: what its row says, and what became of it."""
        return self.fields + (self.present.fields if self.present is not None else ())

    @property
    def tile_fields(self) -> dict[str, str]:
        """Name in the tile → type, for TileJSON."""
        words = {"string": "String", "date": "String", "integer": "Number", "number": "Number"}
        shown = {field.name: words[field.kind] for field in self.fields if field.in_tile}
        summed = {field.name: words[field.kind] for field in self.sums}
        if self.summed_to_zoom >= 0 and not self.sums:
            summed = {"n": "Number", "area_m2": "Number"}
        return {"uid": "String"} | shown | summed


def hectares(column: str) -> str:
    """Rounded to 0.1 ha: an exact area would help to find the exact line."""
    return f"round(({column} / 10000)::numeric, 1)"


PARCEL_STATE = """CASE WHEN EXISTS (SELECT FROM parcels_verifiedtitle AS hold
  WHERE hold.parcel_id = parcel.id AND hold.ended_at IS NULL)
  THEN 'verified' ELSE 'registered' END"""
PARCEL_STATE_THEN = """CASE WHEN EXISTS (SELECT FROM parcels_verifiedtitle AS hold
  WHERE hold.parcel_id = parcel.id AND hold.verified_at <= %(at)s
    AND (hold.ended_at IS NULL OR hold.ended_at > %(at)s))
  THEN 'verified' ELSE 'registered' END"""


def kilograms(where: str) -> str:
    """Of the blocks that are summed, those that stand so."""
    size = "upper(block.kg) - lower(block.kg)"
    return f"coalesce(sum({size}) FILTER (WHERE {where}), 0)::bigint"


COUNTED = Field("n", "integer", Words("个数", "How many"), "count(*)")


def area_sum(column: str) -> Field:
    """Of the rounded areas: what each of them says, and no more."""
    sql = f"sum({hectares(column)})"
    return Field("area_ha", "number", Words("面积（公顷）", "Area in hectares"), sql)


PARCEL_TABLES = """parcels_parcelversion AS version
  JOIN parcels_parcel AS parcel ON parcel.id = version.parcel_id"""
PARCEL_FIELDS = (
    Field(
        "state",
        "string",
        Words("权属状态", "State of title"),
        PARCEL_STATE,
        then=PARCEL_STATE_THEN,
    ),
    Field(
        "township",
        "string",
        Words("乡镇（街道）代码", "Township code"),
        "nullif(parcel.township_code, '')",
        in_tile=False,
    ),
    Field(
        "area_ha",
        "number",
        Words("面积（公顷）", "Area in hectares"),
        hectares("version.area_m2"),
        in_tile=False,
    ),
)
PARCEL_ROWS = "version.stands_from IS NOT NULL AND version.stands_to IS NULL"
# What stood at some moment between the two, each parcel once: as it was last.
PARCEL_PAST = Past(
    rows="""version.stands_from <= %(at)s
  AND (version.stands_to IS NULL OR version.stands_to > %(since)s)
  AND NOT EXISTS (SELECT FROM parcels_parcelversion AS later
    WHERE later.parcel_id = version.parcel_id AND later.number > version.number
      AND later.stands_from <= %(at)s)"""
)

EXCLUSION_TABLES = "parcels_exclusionarea AS area"
EXCLUSION_ROWS = "area.replaced_at IS NULL"
EXCLUSION_PAST = Past(
    rows="""area.made_at <= %(at)s
  AND (area.replaced_at IS NULL OR area.replaced_at > %(since)s)"""
)


def exclusion_fields(number: str) -> tuple[Field, ...]:
    """What a reader is told of an exclusion area, with the number that he may see."""
    return (
        Field("kind", "string", Words("种类", "Kind"), "area.kind"),
        Field("method", "string", Words("采伐方式", "Harvest method"), "nullif(area.method, '')"),
        Field("status", "string", Words("状态", "Status"), "area.status"),
        Field("number", "string", Words("项目号", "Project number"), number),
        Field("period_start", "date", Words("起始日", "First day"), "lower(area.period)"),
        Field("period_end", "date", Words("终止日", "Last day"), "upper(area.period) - 1"),
    )


# domain.md, "What the public may see": generalised shapes from one policy zoom to another.
PARCELS = Layer(
    name="parcels",
    shapes="parcels",
    title=Words("林地宗地（概化）", "Forest parcels (generalised)"),
    about=Words(
        "登记的林地宗地，图形经概化，不含权利人、证号和单元号。",
        "Registered forest parcels with generalised outlines; no holder, certificate or "
        "unit number.",
    ),
    tables=PARCEL_TABLES,
    rows=PARCEL_ROWS,
    past=PARCEL_PAST,
    key="version.parcel_id",
    uid="parcel.key",
    uid_is_uuid=True,
    shape="version.geom_public",
    box="version.geom",
    fields=PARCEL_FIELDS,
    zoom_min=10,
    zoom_max=16,
    summed_to_zoom=SUMMED_TO_ZOOM,
    zoom_policies=("public.parcel_zoom_min", "public.parcel_zoom_max"),
)
PARCELS_EXACT = replace(
    PARCELS,
    name="parcels-staff",
    title=Words("林地宗地", "Forest parcels"),
    about=Words("登记的林地宗地，精确图形。", "Registered forest parcels, exact outlines."),
    shape="version.geom",
    zoom_min=COARSEST_ZOOM,
    zoom_max=18,
    zoom_policies=(),
    staff_only=True,
)
# Article 6. A harvest permit's number and any area's name may tell a person: not shown.
EXCLUSIONS = Layer(
    name="exclusions",
    shapes="exclusions",
    title=Words("排除范围（概化）", "Exclusion areas (generalised)"),
    about=Words(
        "其他减排机制项目和采伐规划（概化）。",
        "Other programmes' projects and planned harvests (generalised).",
    ),
    tables=EXCLUSION_TABLES,
    rows=EXCLUSION_ROWS,
    past=EXCLUSION_PAST,
    key="area.id",
    uid="area.key",
    uid_is_uuid=True,
    shape="area.geom_public",
    box="area.geom",
    fields=exclusion_fields("CASE WHEN area.kind IN ('ccer', 'vcs') THEN area.number END"),
    zoom_min=COARSEST_ZOOM,
    zoom_max=16,
    summed_to_zoom=SUMMED_TO_ZOOM,
    sums=(COUNTED,),
)
EXCLUSIONS_EXACT = replace(
    EXCLUSIONS,
    name="exclusions-staff",
    title=Words("排除范围", "Exclusion areas"),
    about=Words(
        "其他减排机制项目和采伐规划，精确图形。",
        "Other programmes' projects and planned harvests, exact outlines.",
    ),
    shape="area.geom",
    fields=exclusion_fields("area.number"),
    zoom_max=18,
    summed_to_zoom=-1,
    sums=(),
    staff_only=True,
)

LAYERS: Mapping[str, Layer] = {
    layer.name: layer
    for layer in (
        PARCELS,
        PARCELS_EXACT,
        # Determined projects alone: a pending claim is a draft before the public.
        Layer(
            name="projects",
            shapes="projects",
            title=Words("碳票项目", "Carbon-ticket projects"),
            about=Words(
                "已审定的项目范围（概化），附监测期。",
                "Determined project areas (generalised) with their monitoring periods.",
            ),
            tables="""parcels_claim AS claim
  JOIN parcels_projectareaversion AS version ON version.id = claim.version_id""",
            rows="claim.state = 'live'",
            past=Past(
                rows="""claim.live_at <= %(at)s
  AND (claim.ended_at IS NULL OR claim.ended_at > %(since)s)"""
            ),
            key="claim.id",
            uid="claim.key",
            uid_is_uuid=True,
            shape="version.geom_public",
            box="claim.geom",
            fields=(
                Field("number", "string", Words("项目编号", "Project number"), "claim.number"),
                Field(
                    "state",
                    "string",
                    Words("状态", "State"),
                    "CASE WHEN claim.filed_at IS NULL THEN 'determined' ELSE 'filed' END",
                    then="""CASE WHEN claim.filed_at <= %(at)s THEN 'filed'
                            ELSE 'determined' END""",
                ),
                Field(
                    "period_start",
                    "date",
                    Words("监测期首日", "First day of the period"),
                    "lower(claim.period)",
                ),
                Field(
                    "period_end",
                    "date",
                    Words("监测期末日", "Last day of the period"),
                    "upper(claim.period) - 1",
                ),
                Field(
                    "area_ha",
                    "number",
                    Words("面积（公顷）", "Area in hectares"),
                    hectares("version.area_m2"),
                ),
            ),
            zoom_min=COARSEST_ZOOM,
            zoom_max=16,
            summed_to_zoom=SUMMED_TO_ZOOM,
            sums=(COUNTED, area_sum("version.area_m2")),
        ),
        # One shape an issuance: what became of its tonnes comes apart (/api/tickets/states/), so that
        # a transfer spoils no tile. Several periods of one area are as many issuances on one shape:
        # it is the issuance that is identified. Its uid is the ``area`` of the facts.
        Layer(
            name="tickets",
            shapes="tickets",
            title=Words("林业碳票", "Carbon tickets"),
            about=Words(
                "已制发碳票的项目范围（概化），每次制发一个，附减排量的去向。",
                "Areas of issued tickets (generalised), one for each issue, with what became of "
                "their tonnes.",
            ),
            tables="""registry_issuance AS issuance
  JOIN projects_filing AS filing ON filing.id = issuance.filing_id
  JOIN parcels_projectareaversion AS version ON version.id = filing.area_version_id
  JOIN projects_application AS application ON application.id = filing.application_id
  JOIN projects_project AS project ON project.id = application.project_id""",
            rows="true",
            past=Past(rows="issuance.made_at <= %(at)s"),
            # Each issuance's chain grows with its acts, in the order in which they are committed.
            present=Present(
                moved="(SELECT coalesce(sum(seq), 0) FROM registry_ledgerhead)",
                tables="registry_block AS block",
                now="block.issuance_id = issuance.id AND block.closed_by_id IS NULL",
                then="""block.issuance_id = issuance.id AND block.opened_at <= %(at)s
  AND (block.closed_at IS NULL OR block.closed_at > %(at)s)""",
                fields=tuple(
                    Field(f"{name}_kg", "integer", Words(zh, en), kilograms(where))
                    for name, zh, en, where in (
                        ("held", "持有（千克）", "Held kilograms", "block.state = 'held'"),
                        ("listed", "挂牌（千克）", "Listed kilograms", "block.state = 'listed'"),
                        ("pledged", "质押（千克）", "Pledged kilograms", "block.state = 'pledged'"),
                        ("offset", "已抵消（千克）", "Offset kilograms", "block.state = 'offset'"),
                        (
                            "cancelled",
                            "已注销（千克）",
                            "Cancelled kilograms",
                            "block.state = 'cancelled'",
                        ),
                        ("frozen", "冻结（千克）", "Frozen kilograms", "block.freezes <> '{}'"),
                    )
                ),
            ),
            key="issuance.id",
            uid="issuance.key",
            uid_is_uuid=True,
            shape="version.geom_public",
            box="version.geom",
            fields=(
                Field(
                    "project_number",
                    "string",
                    Words("项目编号", "Project number"),
                    "project.number",
                ),
                Field("filing_number", "string", Words("备案号", "Filing number"), "filing.number"),
                Field(
                    "issued_kg",
                    "integer",
                    Words("制发减排量（千克）", "Issued kilograms"),
                    "issuance.quantity_kg",
                ),
                Field(
                    "period_start",
                    "date",
                    Words("监测期首日", "First day of the period"),
                    "lower(filing.period)",
                ),
                Field(
                    "period_end",
                    "date",
                    Words("监测期末日", "Last day of the period"),
                    "upper(filing.period) - 1",
                ),
                Field(
                    "area_ha",
                    "number",
                    Words("面积（公顷）", "Area in hectares"),
                    hectares("version.area_m2"),
                ),
            ),
            zoom_min=COARSEST_ZOOM,
            zoom_max=16,
            summed_to_zoom=SUMMED_TO_ZOOM,
            sums=(
                COUNTED,
                Field(
                    "issued_kg",
                    "integer",
                    Words("制发减排量（千克）", "Issued kilograms"),
                    "sum(issuance.quantity_kg)::bigint",
                ),
                area_sum("version.area_m2"),
            ),
        ),
        EXCLUSIONS,
        EXCLUSIONS_EXACT,
        Layer(
            name="townships",
            shapes="townships",
            title=Words("乡镇（街道）林地范围（示意）", "Forest land by township (schematic)"),
            about=Words(
                "各乡镇（街道）林地宗地的外包范围和合计，不是行政界线。",
                "Hull and sums of each township's forest parcels; not an administrative boundary.",
            ),
            tables="""layers_townshiparea AS area
  JOIN base_township AS township ON township.code = area.township_code""",
            rows="true",
            key="area.id",
            uid="area.township_code",
            uid_is_uuid=False,
            shape="area.geom",
            box="area.geom",
            fields=(
                Field("name", "string", Words("名称", "Name"), "township.name"),
                Field(
                    "name_en", "string", Words("英文名称", "Name in English"), "township.name_en"
                ),
                Field("parcels", "integer", Words("宗地数", "Parcels"), "area.parcels"),
                Field(
                    "area_ha",
                    "number",
                    Words("林地面积（公顷）", "Forest area in hectares"),
                    hectares("area.area_m2"),
                ),
            ),
            zoom_min=COARSEST_ZOOM,
            zoom_max=14,
        ),
    )
}
PUBLIC_LAYERS: Mapping[str, Layer] = {
    name: layer for name, layer in LAYERS.items() if not layer.staff_only
}


def layer_of(name: str) -> Layer:
    """The layer of that name."""
    if name not in LAYERS:
        raise UnknownLayer(layer=name[:40])
    return LAYERS[name]


def public_layer(name: str) -> Layer:
    """The layer of that name, if it is for everyone."""
    if name not in PUBLIC_LAYERS:
        raise UnknownLayer(layer=name[:40])
    return PUBLIC_LAYERS[name]
