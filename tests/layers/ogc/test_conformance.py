"""OGC API Features Part 1 and 2 and the metadata of Tiles, requirement by requirement.

Each test is named after the requirements that it checks; the comment gives their identifiers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pyproj import Transformer

from layers.ogc.crs import CGCS2000, CRS84, CRSES, GAUSS_KRUGER_81
from layers.ogc.documents import CONFORMS_TO
from layers.registry import PUBLIC_LAYERS
from parcels.models import ParcelVersion
from portal.base.clock import advance_clock, now
from tests.factories.land import ORIGIN_LAT, ORIGIN_LON, parcel_at, square
from tests.layers.published import LOOKED_AT, Published

pytestmark = pytest.mark.django_db
GEOJSON, JSON = "application/geo+json", "application/json"


def get(client: Client, address: str, **headers: str) -> Any:
    """The document at a path or an absolute address of our own."""
    parts = urlsplit(address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    return response


def link(document: dict[str, Any], rel: str, kind: str | None = None) -> str:
    found = [
        one["href"]
        for one in document["links"]
        if one["rel"] == rel and kind in (None, one["type"])
    ]
    assert found, (rel, kind)
    return str(found[0])


def test_landing_page_leads_to_everything(client: Client, published: Published) -> None:
    # /req/core/root-op, root-success, api-definition-op, api-definition-success, conformance-op,
    # conformance-success, /req/oas30/oas-definition-1, oas-impl
    landing = get(client, "/ogc/").json()
    api = get(client, link(landing, "service-desc"))
    assert api["Content-Type"] == "application/vnd.oai.openapi+json;version=3.0"
    assert api.json()["openapi"].startswith("3.0.")
    assert get(client, link(landing, "service-doc"))["Content-Type"].startswith("text/html")
    conformance = get(client, link(landing, "conformance")).json()
    assert conformance == {"conformsTo": list(CONFORMS_TO)}
    named = {one["id"] for one in get(client, link(landing, "data")).json()["collections"]}
    assert named == set(PUBLIC_LAYERS)
    assert "parcels-staff" not in api.content.decode()


def test_openapi_document_names_every_parameter_that_is_taken(
    client: Client, published: Published
) -> None:
    # /req/core/fc-limit-definition, fc-bbox-definition, fc-time-definition, /req/crs/fc-crs-def
    document = get(client, "/ogc/api?f=json").json()
    shared = document["components"]["parameters"]
    assert shared["bbox"]["schema"]["oneOf"] == [
        {"minItems": 4, "maxItems": 4},
        {"minItems": 6, "maxItems": 6},
    ]
    assert (shared["limit"]["schema"]["minimum"], shared["limit"]["in"]) == (1, "query")
    assert all(one["style"] == "form" and not one["explode"] for one in shared.values())
    for name, layer in PUBLIC_LAYERS.items():
        listed = document["paths"][f"/collections/{name}/items"]["get"]["parameters"]
        names = {one.get("name") or one["$ref"].rsplit("/", 1)[1] for one in listed}
        assert names == {
            *("f", "limit", "after", "bbox", "bbox-crs", "crs", "datetime"),
            *(field.name for field in layer.properties),
        }
    for path in document["paths"]:
        if "{" not in path:
            get(client, f"/ogc{path}")


def test_collections_describe_each_collection_and_each_is_found_alone(
    client: Client, published: Published
) -> None:
    # /req/core/fc-md-op, fc-md-success, fc-md-links, fc-md-items, fc-md-items-links, fc-md-extent,
    # sfc-md-op, sfc-md-success, /req/crs/crs-uri, fc-md-crs-list, fc-md-storageCrs-valid
    document = get(client, "/ogc/collections").json()
    link(document, "self", JSON)
    link(document, "alternate", "text/html")
    assert document["crs"] == list(CRSES)
    for one in document["collections"]:
        if one["id"] not in LOOKED_AT:
            continue  # Without a row it has no extent.
        link(one, "items", GEOJSON)
        link(one, "items", "text/html")
        assert one["crs"] == ["#/crs"]
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert west < east
        assert south < north
        assert (one["itemType"], one["extent"]["spatial"]["crs"]) == ("feature", CRS84.uri)
        alone = get(client, f"/ogc/collections/{one['id']}").json()
        link(alone, "self", JSON)
        assert alone["storageCrs"] in alone["crs"] == list(CRSES)
        assert {key: alone[key] for key in ("id", "title", "extent")} == {
            key: one[key] for key in ("id", "title", "extent")
        }


@pytest.mark.parametrize("name", LOOKED_AT)
def test_items_are_paged_to_the_last_without_gap_or_double(
    client: Client, published: Published, name: str
) -> None:
    # /req/core/fc-op, fc-response, fc-limit-response-1, fc-links, fc-rel-type, fc-numberMatched,
    # fc-numberReturned, /req/geojson/content
    whole = get(client, f"/ogc/collections/{name}/items")
    assert whole["Content-Type"] == GEOJSON
    document = whole.json()
    assert document["type"] == "FeatureCollection"
    assert document["numberMatched"] == document["numberReturned"] == len(document["features"])
    assert document["numberMatched"] > 0
    assert not [one for one in document["links"] if one["rel"] == "next"]
    link(document, "self", GEOJSON)
    link(document, "alternate", "text/html")
    address, seen = f"/ogc/collections/{name}/items?limit=1", []
    while address:
        page = get(client, address).json()
        assert page["numberReturned"] == 1
        assert page.get("numberMatched", document["numberMatched"]) == document["numberMatched"]
        seen += page["features"]
        following = [one["href"] for one in page["links"] if one["rel"] == "next"]
        address = following[0] if following else ""
    assert seen == document["features"]
    assert {tuple(one["properties"]) for one in seen} == {
        tuple(field.name for field in LOOKED_AT[name].properties)
    }


@pytest.mark.parametrize("name", LOOKED_AT)
def test_each_feature_is_found_by_its_identifier(
    client: Client, published: Published, name: str
) -> None:
    # /req/core/f-op, f-success, f-links
    listed = get(client, f"/ogc/collections/{name}/items").json()["features"][0]
    alone = get(client, f"/ogc/collections/{name}/items/{listed['id']}").json()
    for rel, kind in (("self", GEOJSON), ("alternate", "text/html"), ("collection", JSON)):
        link(alone, rel, kind)
    assert {key: alone[key] for key in listed} == listed


def test_bbox_takes_what_it_touches_in_every_system(client: Client, published: Published) -> None:
    # /req/core/fc-bbox-response, /req/crs/fc-bbox-crs-definition, fc-bbox-crs-action
    lon, lat = ORIGIN_LON + 0.0015, ORIGIN_LAT + 0.0015
    to_gk = Transformer.from_crs(4490, 4536, always_xy=True)
    east, north = to_gk.transform(lon, lat)
    boxes = {
        CRS84.uri: f"{lon},{lat},{lon + 0.0001},{lat + 0.0001}",
        CGCS2000.uri: f"{lat},{lon},{lat + 0.0001},{lon + 0.0001}",
        GAUSS_KRUGER_81.uri: f"{north},{east},{north + 5},{east + 5}",
    }
    answers = [
        get(client, "/ogc/collections/parcels/items?bbox=" + box + "&bbox-crs=" + crs).json()
        for crs, box in boxes.items()
    ]
    answers.append(
        get(client, f"/ogc/collections/parcels/items?bbox={lon},{lat},0,{lon},{lat},9000").json()
    )
    for answer in answers:
        [feature] = answer["features"]
        assert feature["id"] == str(published.parcels[0].key)
    far = get(client, "/ogc/collections/parcels/items?bbox=10,10,11,11").json()
    assert (far["features"], far["numberMatched"]) == ([], 0)


def test_features_come_in_every_system_in_the_order_of_its_axes(
    client: Client, published: Published
) -> None:
    # /req/crs/fc-crs-valid-value, fc-crs-default-value, crs-action, ogc-crs-header,
    # /req/crs/geojson
    path = f"/ogc/collections/parcels/items/{published.parcels[0].key}"
    default = get(client, path)
    assert default["Content-Crs"] == f"<{CRS84.uri}>"
    lon, lat = default.json()["geometry"]["coordinates"][0][0][0]
    assert 81 < lon < 82
    assert 43 < lat < 45
    turned = get(client, f"{path}?crs={CGCS2000.uri}")
    assert turned["Content-Crs"] == f"<{CGCS2000.uri}>"
    assert turned.json()["geometry"]["coordinates"][0][0][0] == [lat, lon]
    metres = get(client, f"{path}?crs={GAUSS_KRUGER_81.uri}").json()
    north, east = metres["geometry"]["coordinates"][0][0][0]
    expected = Transformer.from_crs(4490, 4536, always_xy=True).transform(lon, lat)
    assert (east, north) == pytest.approx(expected, abs=0.02)


def test_datetime_gives_the_register_as_of_then(client: Client, published: Published) -> None:
    # /req/core/fc-time-response
    before = now()
    advance_clock(timedelta(days=10))
    # The transaction's clock moves on: a new parcel now, a former one redrawn.
    parcel = published.parcels[1]
    old = ParcelVersion.objects.get(parcel=parcel)
    old.stands_to = now()
    old.save(update_fields=["stands_to"])
    ParcelVersion.objects.create(
        parcel=parcel, number=2, geom=square(300, 0, 200), because="correction", stands_from=now()
    )
    parcel_at(square(900, 0))
    items = "/ogc/collections/parcels/items"
    then = before.isoformat().replace("+00:00", "Z")
    present = get(client, items).json()["features"]
    past = get(client, f"{items}?datetime={then}").json()["features"]
    ever = get(client, f"{items}?datetime=../..").json()["features"]
    assert (len(past), len(present), len(ever)) == (3, 4, 4)
    areas = {one["id"]: one["properties"]["area_ha"] for one in past}
    assert areas[str(parcel.key)] == pytest.approx(9.0, abs=0.1)
    assert ever == present
    shape = get(client, f"{items}/{parcel.key}?datetime={then}").json()["properties"]
    assert (shape["area_ha"], shape["state"]) == (areas[str(parcel.key)], "registered")
    projects = get(client, f"/ogc/collections/projects/items?datetime={then}/..").json()
    assert projects["numberMatched"] == 1


def test_properties_filter(client: Client, published: Published) -> None:
    # /rec/core/fc-filters
    parcels = "/ogc/collections/parcels/items?state="
    assert get(client, parcels + "verified").json()["numberMatched"] == 1
    assert get(client, parcels + "registered&township=654002100").json()["numberMatched"] == 2
    harvest = get(client, "/ogc/collections/exclusions/items?kind=harvest&period_start=2021-01-01")
    [feature] = harvest.json()["features"]
    assert feature["properties"]["number"] is None
    assert get(client, parcels + "x' OR 'a'='a").json()["features"] == []
    assert get(client, "/ogc/collections/townships/items?parcels=3").json()["numberMatched"] == 1


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/png", GEOJSON),
        ("application/xml;q=0.9", GEOJSON),
        ("", GEOJSON),
        ("*/*", GEOJSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("application/geo+json, text/html;q=0.5", GEOJSON),
    ],
)
def test_no_reader_is_told_406(
    client: Client, published: Published, accept: str, kind: str
) -> None:
    # /req/core/http, /req/html/definition, /req/geojson/definition
    response = get(client, "/ogc/collections/parcels/items", Accept=accept)
    assert response["Content-Type"] == kind


@pytest.mark.parametrize(
    "path", ["", "/conformance", "/api", "/collections", "/collections/parcels"]
)
def test_no_slash_sends_a_reader_on(client: Client, published: Published, path: str) -> None:
    for form in ("json", "html"):
        one, other = get(client, f"/ogc{path}?f={form}"), get(client, f"/ogc{path}/?f={form}")
        assert one["Content-Type"] == other["Content-Type"]
    assert client.post(f"/ogc{path}").status_code == 405


@pytest.mark.parametrize("name", LOOKED_AT)
def test_every_document_is_a_page_too(client: Client, published: Published, name: str) -> None:
    # /req/html/content
    uid = get(client, f"/ogc/collections/{name}/items").json()["features"][0]["id"]
    for path in ("", "/items", "/items?limit=1", f"/items/{uid}"):
        page = get(client, f"/ogc/collections/{name}{path}", Accept="text/html")
        assert page["Content-Type"].startswith("text/html")
        assert "<h1" in page.content.decode()


def test_answers_have_strong_tags_and_may_be_read_by_any_site(
    client: Client, published: Published
) -> None:
    path = "/ogc/collections/parcels/items"
    first = get(client, path)
    assert first["Access-Control-Allow-Origin"] == "*"
    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    parcel_at(square(900, 0))
    changed = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert changed.json()["numberMatched"] == 4


def test_tilesets_lead_to_real_tiles(client: Client, published: Published) -> None:
    # OGC API Tiles: /req/geodata-tilesets/desc-links, /req/tilesets-list/tileset-links,
    # /req/tileset/description, /req/core/tc-op
    for name in LOOKED_AT:
        collection = get(client, f"/ogc/collections/{name}").json()
        listed = get(
            client, link(collection, "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector")
        ).json()
        tileset = get(client, link(listed["tilesets"][0], "self")).json()
        assert tileset["dataType"] == "vector"
        scheme = get(
            client, link(tileset, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme")
        ).json()
        matrix = scheme["tileMatrices"][14]
        assert (matrix["id"], matrix["matrixWidth"]) == ("14", 16384)
        template = link(tileset, "item")
        tile = template.replace("{tileMatrix}", "14").replace("{tileCol}", "11891")
        assert get(client, tile.replace("{tileRow}", "6000"))["Content-Type"].endswith("tile")
