"""``deploy/nginx`` in Debian's nginx: keeps public tiles packed, nothing of the offices, sheds load."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest

from layers.registry import LAYERS
from layers.tiles import geometry_version
from portal.accounts.operations import ensure_demo_accounts
from tests.factories.land import ORIGIN_LAT, ORIGIN_LON
from tests.layers.nginx_server import FOLDER, NGINX, nginx_before
from tests.layers.places import tile_at

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
FEW = "limit_req zone=portal_fresh_tiles"
# So few that a test's own readers exceed them on a busy machine.
CHANGES = {
    "zone=portal_fresh_tiles:10m rate=100r/s": "zone=portal_fresh_tiles:10m rate=3r/s",
    f"{FEW} burst=200": f"{FEW} burst=6",
    "zone=portal_made_to_order:10m rate=1r/s": "zone=portal_made_to_order:10m rate=1r/m",
}
PLACE = "/".join(map(str, tile_at(ORIGIN_LON, ORIGIN_LAT, 14)))


@pytest.fixture
def behind_nginx(asgi_server: str, tmp_path: Path) -> Iterator[str]:
    """Our two files with the places that an operator changes."""
    with nginx_before(asgi_server, tmp_path / "nginx", CHANGES) as host:
        yield host


def get(host: str, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request(
        "GET", path, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )
    answer = connection.getresponse()
    return answer, answer.read()


def test_nginx_keeps_what_is_public_and_sheds_what_is_too_much(behind_nginx: str) -> None:
    version = geometry_version(LAYERS["parcels"])
    tile = f"/tiles/parcels/{version}/{PLACE}.mvt"
    first, body = get(behind_nginx, tile, Accept_Encoding="gzip, deflate, br, zstd")
    again, kept = get(behind_nginx, tile, Accept_Encoding="br", Cookie="sessionid=somebody")
    assert (first.headers["X-Cache"], again.headers["X-Cache"]) == ("MISS", "HIT")
    assert kept == body
    assert again.headers["Content-Encoding"] == "br"
    assert again.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert brotli.decompress(kept)
    plain, unpacked = get(behind_nginx, tile)
    assert (plain.headers["X-Cache"], plain.headers["Content-Encoding"]) == ("MISS", None)
    assert unpacked == brotli.decompress(kept)
    unchanged, nothing = get(
        behind_nginx, tile, Accept_Encoding="br", If_None_Match=again.headers["ETag"]
    )
    assert (unchanged.status, nothing) == (304, b"")
    unknown, why = get(behind_nginx, f"/tiles/parcels/{version + 99}/{PLACE}.mvt")
    assert unknown.status == 404
    assert b"unknown_layer_version" in why
    copy, why = get(behind_nginx, f"{tile}?copy=2", Accept_Encoding="br")
    assert (copy.status, json.loads(why)["code"]) == (400, "unknown_parameter")

    staff_layer_is_never_kept(behind_nginx)
    # An unversioned tile is asked of the portal each time, and costs no body when unchanged.
    present, _body = get(behind_nginx, f"/tiles/parcels/{PLACE}.mvt", Accept_Encoding="gzip")
    assert "X-Cache" not in present.headers
    same, _nothing = get(
        behind_nginx, f"/tiles/parcels/{PLACE}.mvt", Accept_Encoding="gzip",
        If_None_Match=present.headers["ETag"],
    )  # fmt: skip
    assert same.status == 304
    flood_is_shed_and_others_are_served(behind_nginx, f"/tiles/parcels/{PLACE}.mvt", tile)
    # What is made to order of the whole register is made for one address a few times and no more.
    asked = Counter(get(behind_nginx, "/map/tickets/print/")[0].status for _ in range(14))
    assert set(asked) == {404, 429}, "nothing was issued here"
    assert get(behind_nginx, "/open-data/")[0].status == 200


def staff_layer_is_never_kept(host: str) -> None:
    ensure_demo_accounts()
    version = geometry_version(LAYERS["parcels-staff"])
    tile = f"/tiles/parcels-staff/{version}/{PLACE}.mvt"
    cookie = sign_in(host, "natural_resources")
    for _ in range(2):
        answer, body = get(host, tile, Cookie=cookie, Accept_Encoding="br")
        assert (answer.status, answer.headers["X-Cache"]) == (200, "MISS")
        assert answer.headers["Cache-Control"].startswith("private")
        assert "Cookie" in answer.headers["Vary"]
        assert body
    stranger, why = get(host, tile, Accept_Encoding="br")
    assert (stranger.status, b"unknown_layer" in why) == (404, True)


def sign_in(host: str, username: str) -> str:
    """The session cookie of a demo sign-in, through nginx."""
    page, _body = get(host, "/sign-in/", Accept="text/html")
    token = page.headers["Set-Cookie"].split("csrftoken=")[1].split(";")[0]
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request(
        "POST", "/sign-in/",
        f"username={username}&password=demo-yining-2026&csrfmiddlewaretoken={token}",
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"csrftoken={token}",
            "Referer": f"http://{host}/sign-in/",
        },
    )  # fmt: skip
    answer = connection.getresponse()
    cookies = [
        value for value in answer.headers.get_all("Set-Cookie") or [] if "sessionid" in value
    ]
    assert cookies, (answer.status, answer.read()[:300])
    return cookies[0].split(";")[0]


def flood_is_shed_and_others_are_served(host: str, flooded: str, kept: str) -> None:
    """Four readers ask for one unversioned tile as fast as they can; a fifth looks at the map."""
    ends = time.monotonic() + 2.5
    statuses: Counter[int] = Counter()

    def flood() -> None:
        connection = http.client.HTTPConnection(host, timeout=30)
        while time.monotonic() < ends:
            connection.request("GET", flooded)
            answer = connection.getresponse()
            body = answer.read()
            statuses[answer.status] += 1
            if answer.status == 429:
                assert b"too_many_requests" in body
                assert answer.headers["Retry-After"] == "1"

    readers = [threading.Thread(target=flood) for _ in range(4)]
    for reader in readers:
        reader.start()
    others: Counter[int] = Counter()
    while time.monotonic() < ends:
        others[get(host, kept, Accept_Encoding="br")[0].status] += 1
        others[get(host, "/ogc/conformance")[0].status] += 1
        time.sleep(0.1)
    for reader in readers:
        reader.join()
    assert set(statuses) == {200, 429}, statuses
    assert set(others) == {200}, others


def test_the_site_is_a_configuration_that_nginx_takes(tmp_path: Path) -> None:
    """``portal.conf`` with its TLS server, checked by nginx itself."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=test",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    for name in ("portal.conf", "portal-http.conf", "portal-locations.conf"):
        text = (FOLDER / name).read_text().replace("/etc/nginx/portal", str(tmp_path))
        (tmp_path / name).write_text(text.replace("/var/cache/nginx/portal", f"{tmp_path}/cache"))
    main = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/portal.conf; }}"
    (tmp_path / "nginx.conf").write_text(main)
    checked = subprocess.run(
        [str(NGINX), "-t", "-q", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
