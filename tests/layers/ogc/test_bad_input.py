"""What the OGC API refuses: 400 or 404 with a body that says why, most of it without a query."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from layers.ogc.crs import CGCS2000
from layers.registry import PUBLIC_LAYERS
from tests.layers.published import Published

ITEMS = "/ogc/collections/parcels/items"
BIDI, MARKUP = "\u202egnp.exe", "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("bbox", value)
            for value in (
                "", "1,2,3", "1,2,3,4,5", "81.4,43,81.3,44", "81,44,82,43", "NaN,NaN,NaN,NaN",
                "nan,43,82,44", "-inf,-inf,inf,inf", "1e999,1,2,3", "81,43,82,444", "a,b,c,d",
                "81;43;82;44", "81,43,82,44,", "8１,43,82,44", "1_0,1,2,3",
            )
        ),
        *(("limit", value) for value in ("0", "-1", "1.5", "x", "", "1e3", "٣", "9" * 30)),
        *(("after", value) for value in ("-1", "x", "9" * 19)),
        *(
            (name, value)
            for name in ("crs", "bbox-crs")
            for value in ("", "4326", "http://www.opengis.net/def/crs/EPSG/0/4326", BIDI)
        ),
        *(
            ("datetime", value)
            for value in (
                "", "..", "/", "yesterday", "2026-13-01", "2026-02-30", "9999-12-31", "0000-01-01",
                "2025-01-01/2024-01-01", "2025/2026", "2024-01-01/2025-01-01/2026-01-01",
                "2026-01-01T25:00:00Z", "2999-01-01T00:00:00Z", "2999-01-01/..",
                "1999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
            )
            if value != "/"
        ),
        *(("f", value) for value in ("", "xml", "JSON", MARKUP)),
        *(("state", value) for value in ("x" * 10_240, BIDI, "verified\n", "\ud800"[:0] + "\x7f")),
        *(("area_ha", value) for value in ("", "NaN", "1e5", "١", "one", "1" * 20)),
        *(
            (name, "x")
            for name in (
                "holder", "unit_number", "unit_number_key", "number", "village", "geom", "id",
                "parcel_id", "record", "State", "bbox[]", MARKUP, BIDI, "x" * 10_240, "",
            )
        ),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_a_bad_parameter_is_400_and_says_which(
    client: Client, published: Published, name: str, value: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(f"{ITEMS}?{urlencode({name: value})}")
    assert response.status_code == 400, response.content[:200]
    assert response["Content-Type"].startswith("application/json")
    answer = response.json()
    assert answer["code"] in ("bad_parameter", "unknown_parameter", "unknown_crs")
    assert answer["message"]
    assert len(answer["message"]) < 500
    assert "\u202e" not in answer["message"]
    assert "\0" not in answer["message"]
    # The clock and the first record are asked for a time; nothing else is.
    assert len(queries) <= (2 if name == "datetime" else 0)


@pytest.mark.django_db
def test_a_parameter_given_twice_is_400(client: Client) -> None:
    response = client.get(f"{ITEMS}?limit=1&limit=2")
    assert (response.status_code, response.json()["code"]) == (400, "bad_parameter")


@pytest.mark.django_db
def test_a_swapped_box_of_another_system_is_400(client: Client) -> None:
    wrong_order = f"{ITEMS}?bbox=81,43,82,44&bbox-crs={CGCS2000.uri}"
    assert client.get(wrong_order).status_code == 200  # Latitudes of 81 to 82 exist.
    beyond = f"{ITEMS}?bbox=101,43,102,44&bbox-crs={CGCS2000.uri}"
    assert client.get(beyond).json()["code"] == "bad_parameter"


@pytest.mark.django_db
def test_a_limit_beyond_the_largest_means_the_largest(client: Client, published: Published) -> None:
    # /req/core/fc-limit-response-1: larger than the maximum is not an error.
    response = client.get(f"{ITEMS}?limit=1000000000")
    assert response.status_code == 200
    body = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert body.startswith(b'{"type":"FeatureCollection"')
    assert body.endswith(b"}")
    with CaptureQueriesContext(connection) as asked:
        head = client.head(f"{ITEMS}?limit=1000000000")
    assert (head.status_code, head.getvalue()) == (200, b"")
    assert not any("ST_AsGeoJSON" in query["sql"] for query in asked), "the head costs no feature"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/ogc/collections/parcels-staff",
        "/ogc/collections/parcels-staff/items",
        "/ogc/collections/nothing/items",
        f"/ogc/collections/{quote(MARKUP, safe='')}/items",
        f"/ogc/collections/{quote(BIDI)}",
        f"{ITEMS}/00000000-0000-0000-0000-000000000000",
        f"{ITEMS}/1",
        f"{ITEMS}/{'9' * 3000}",
        "/ogc/collections/townships/items/x'%20OR%201=1",
        "/ogc/collections/parcels/tiles/WorldCRS84Quad",
        "/ogc/tileMatrixSets/x",
    ],
)
def test_what_is_not_there_is_404_in_both_forms(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["message"]
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert MARKUP not in page.content.decode()


@pytest.mark.parametrize(
    "path", [f"{ITEMS}/%00", "/ogc/collections/townships/items/%00", f"{ITEMS}?state=a%00b"]
)
def test_an_address_with_a_nul_is_400_in_both_forms(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert "\0" not in response.json()["message"]
    assert client.get(path, headers={"Accept": "text/html"}).status_code == 400


@pytest.mark.django_db
def test_a_bad_request_of_a_browser_is_a_page_without_its_markup(client: Client) -> None:
    for query in ({MARKUP: "1"}, {"f": MARKUP}):
        page = client.get(f"{ITEMS}?{urlencode(query)}", headers={"Accept": "text/html"})
        assert page.status_code == 400
        assert MARKUP not in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("layer", PUBLIC_LAYERS)
def test_every_allowed_field_can_be_filtered_on(
    client: Client, published: Published, layer: str
) -> None:
    values = {"string": "x", "integer": "7", "number": "7.5", "date": "2026-01-01"}
    for field in PUBLIC_LAYERS[layer].properties:
        response = client.get(
            f"/ogc/collections/{layer}/items?{field.name}={values[field.kind]}&datetime=../.."
        )
        assert response.status_code == 200, (field, response.content)
