"""The pages of the bench and of the owner: gates, statuses, and what bad input gets."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from parcels.access import own_land
from parcels.facts import township_names
from parcels.models import (
    BoundaryMessage,
    Parcel,
    RightKind,
    Stand,
    TitleCertificate,
    TitleReview,
)
from parcels.reviews.boundaries import write_about_boundary
from parcels.reviews.holding import known_parcels
from parcels.reviews.operations import return_title
from parcels.reviews.queries import compared_facts, holders_by_title, papers_of
from parcels.reviews.shapes import current_shapes
from parcels.stand_codes import PURPOSE, in_words
from parcels.titles.land import Land
from parcels.titles.operations import CertificateFacts, register_title
from portal.accounts.models import ApiToken, Mandate
from portal.accounts.operations import end_mandate
from portal.accounts.tokens import make_token
from portal.base.clock import today
from portal.casework.models import Message
from tests.accounts.people import forestry_clerk
from tests.factories.files import degrees_prj, feature, polygon, shapefile_zip, wkb_polygon
from tests.factories.files import square as ring
from tests.factories.land import square
from tests.parcels.claims.areas import exclusion_at
from tests.parcels.reviews.bench import (
    clerk,
    owner,
    proposed,
    seen,
    submitted,
    title_of,
    verified,
)
from tests.parcels.rules.asking import parcel_in

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4\n1 0 obj << /Type /Page >> endobj\n%%EOF\n"
HEADERS = {"accept": "application/json"}


def as_user(user: Any) -> Client:
    client = Client(headers=HEADERS)
    client.force_login(user)
    return client


def form(people: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "party": str(people["party"].key), "kind": "forest", "number": "证1", "right": "tree_use",
        "way": "points", "numbers": "degrees", "request_key": uuid.uuid4().hex,
        "points": json.dumps([["1", str(n), str(x), str(y)] for n, (x, y) in enumerate(ring()[:4])]),
        **more,
    }  # fmt: skip


def register(people: dict[str, Any], **more: Any) -> Any:
    return as_user(people["user"]).post(reverse("parcels:title-register"), form(people, **more))


def geojson(*rings: Any) -> SimpleUploadedFile:
    features = [feature(polygon(one)) for one in rings]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    return SimpleUploadedFile("地块.geojson", data)


def test_one_registers_by_points_once_however_often_the_form_is_sent(
    people: dict[str, Any],
) -> None:
    key = uuid.uuid4().hex
    first, again = register(people, request_key=key), register(people, request_key=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert TitleReview.objects.count() == 1
    other = register(people, request_key=key, number="证2")
    assert (other.status_code, other.json()["code"]) == (422, "request_key_reused")


def test_one_registers_the_chosen_features_of_a_file_with_its_scan(people: dict[str, Any]) -> None:
    answer = register(
        people, way="upload", shape_file=geojson(ring(0), ring(1)), row=["2"], crs="4490",
        scan=SimpleUploadedFile("证.pdf", PDF),
    )  # fmt: skip
    assert answer.status_code == 201
    review = TitleReview.objects.get()
    [version] = current_shapes(review)
    assert bytes(version.geom[0].wkb) == wkb_polygon(ring(1))
    page = as_user(people["user"]).get(answer.json()["url"])
    assert "地块.geojson" in page.content.decode()


def named_file(**columns: str) -> SimpleUploadedFile:
    """A square beside the origin's, 0.3 m away, with what its columns call it."""
    corners = [list(point) for point in square(100.3, 0).coords[0][0]]
    data = {"type": "FeatureCollection", "features": [feature(polygon(corners), **columns)]}
    return SimpleUploadedFile("地块.geojson", json.dumps(data).encode())


UNIT = "654002100201GE00001L00000001"
IN_COLUMNS = {"BDCDYH": UNIT, "XIAN": "654002", "XIANG": "100", "LIN_BAN": "5"}
ON_THE_FORM = {"unit_number": UNIT, "township": "654002100", "compartment": "5"}


@pytest.mark.parametrize(
    ("columns", "typed"), [(IN_COLUMNS, {}), ({}, ON_THE_FORM), (IN_COLUMNS, {"compartment": "9"})]
)
def test_what_an_owner_says_of_his_parcel_finds_its_gaps_and_a_number_used_twice(
    people: dict[str, Any], columns: dict[str, str], typed: dict[str, str]
) -> None:
    near = parcel_in("5", square(0, 0))
    Parcel.objects.filter(pk=near.pk).update(unit_number=UNIT, unit_number_key=UNIT)
    answer = register(people, way="upload", shape_file=named_file(**columns), crs="4490", **typed)
    assert answer.status_code == 201, answer.content
    review = TitleReview.objects.get()
    assert review.run is not None
    found = set(review.run.findings.values_list("rule", "level"))
    assert {("gap", "gap"), ("duplicate_number", "unit_registered")} <= found
    # A number that is wrong is corrected there, and its holder or the bureau is written to.
    finding = review.run.findings.get(rule="duplicate_number")
    mine = as_user(people["user"])
    told = mine.post(
        reverse("parcels:my-title-message", args=[review.key]),
        {
            "kind": "report_error",
            "finding": str(finding.pk),
            "text": "单元号应为我宗地所有",
            "request_key": "k",
        },
    )
    assert (told.status_code, BoundaryMessage.objects.get().parcel) == (200, near)
    parcel = current_shapes(review)[0].parcel
    changed = mine.post(
        reverse("parcels:my-title-place", args=[review.key]),
        {"parcel_key": str(parcel.key), "township": "654002100", "compartment": "6"},
    )
    assert changed.status_code == 200, changed.content
    review.refresh_from_db()
    assert not review.run.findings.filter(rule__in=["gap", "duplicate_number"]).exists()


def test_columns_of_a_file_are_shown_and_may_be_chosen_otherwise(people: dict[str, Any]) -> None:
    seen = as_user(people["user"]).post(
        reverse("parcels:title-shapes"), {"way": "upload", "shape_file": named_file(**IN_COLUMNS)}
    )
    proposed_columns = {one["code"]: one["column"] for one in seen.json()["columns"]}
    assert proposed_columns == {
        "unit_number": "BDCDYH", "county_code": "XIAN", "township_code": "XIANG",
        "compartment": "LIN_BAN", "subcompartment": "",
    }  # fmt: skip
    chosen = {"map_unit_number": "", "map_compartment": "LIN_BAN"}
    sent = named_file(**IN_COLUMNS)
    assert register(people, way="upload", shape_file=sent, crs="4490", **chosen).status_code == 201
    parcel = Parcel.objects.get()
    assert (parcel.unit_number, parcel.township_code, parcel.compartment) == ("", "", "5")


def test_the_papers_words_are_compared_with_the_land(people: dict[str, Any]) -> None:
    for at, (species, purpose) in enumerate([("杨树", "111"), ("榆树", "240")]):
        Stand.objects.create(
            survey_year=2024, stand_number=str(at), geom=square(50 * at, 0, 50, 100),
            species=species, forest_purpose=purpose,
        )  # fmt: skip
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    TitleCertificate.objects.filter(pk=review.certificate_id).update(
        species="沙枣", forest_purpose=in_words(PURPOSE, "240"), located_at="某地"
    )
    page = as_user(people["clerk"]).get(
        reverse("parcels:bench-case", args=[review.key]), headers={"accept": "text/html"}
    )
    compared = {one.label: one for one in page.context["compared"]}
    assert (compared["主要树种"].agrees, compared["林种"].agrees) == (False, True)
    assert set(compared["主要树种"].on_land.split("、")) == {"杨树", "榆树"}
    assert compared["坐落"].agrees is None
    assert "不一致" in page.content.decode()
    # Of land that is not proved his a reader learns no more than the shape.
    proved = {version.parcel_id for version in current_shapes(review)}
    for known, told in ((proved, {"杨树、榆树", "榆树、杨树"}), (set(), set())):
        on_land = {fact.on_land for fact in compared_facts(review, known=known)} - {""}
        assert bool(on_land & told) is bool(on_land) is bool(known)


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"points": "[]"}, 422, "land_missing"),
        ({"points": '[["1","1","81.3O","43.95"]]'}, 422, "land_unreadable"),
        ({"points": '[["1","1","81.3","43.9"],["1","2","81.3","43.9"],["1","3","81.4","44"]]'},
         422, "land_unreadable"),
        ({"points": "{"}, 422, "invalid_input"),
        ({"points": "[" * 100_000}, 422, "invalid_input"),
        ({"co_owners": "[" * 100_000}, 422, "invalid_input"),
        ({"way": "tap", "parcel": str(uuid.uuid4())}, 409, "parcel_gone"),
        ({"way": "upload"}, 422, "upload_missing"),
        ({"number": " "}, 422, "invalid_input"),
        ({"area": "一亩"}, 422, "invalid_input"),
        ({"begins": "2026-02-30"}, 422, "invalid_input"),
        ({"begins": "2026-02-01", "ends": "2025-01-01"}, 422, "invalid_input"),
        ({"right": "x"}, 422, "invalid_input"),
        ({"unit_number": "123"}, 422, "invalid_input"),
        ({"township": "1"}, 422, "invalid_input"),
        ({"co_owners": json.dumps([{"name": "x", "number": "", "share": "9" * 5000}])},
         422, "invalid_input"),
        ({"way": "upload", "crs": "9" * 5000, "shape_file": SimpleUploadedFile("a.geojson", b"{}")},
         422, "invalid_input"),
        ({"party": str(uuid.uuid4())}, 404, "not_found"),
    ],
)  # fmt: skip
def test_bad_input_is_told_and_nothing_is_half_written(
    people: dict[str, Any], more: dict[str, Any], status: int, code: str
) -> None:
    answer = register(people, **more)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not TitleReview.objects.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"points": '[["1","1","81.3","43.95"],["1","2","81.3O","43.95"]]'}, "第 2 行“经度”"),
        (
            {"points": '[["1","1","81.3","43.95"],["","","",""],["1","3","81.3O","43.95"]]'},
            "第 3 行“经度”",
        ),
        ({"way": "upload", "shape_file": SimpleUploadedFile("外业.zip", b"x")}, "“外业.zip”"),
    ],
    ids=["a typed table's row", "a row below an empty one", "the file's own name"],
)
def test_a_refusal_names_the_place_as_its_reader_knows_it(
    people: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    assert said in register(people, **more).json()["message"]


@pytest.mark.parametrize(
    "line",
    ["[" * 100_000, "[[1", "{}", "[[1]]", f"[[{10**400}, 1], [1, 1]]", "[[81, 43], [999, 43]]"],
)
def test_a_line_that_leads_nowhere_is_refused(people: dict[str, Any], line: str) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    answer = as_user(people["user"]).post(
        reverse("parcels:my-title-split", args=[review.key]),
        {"parcel": str(current_shapes(review)[0].parcel.key), "line": line},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_a_parcel_that_another_tab_split_is_told_so(people: dict[str, Any]) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    [version] = current_shapes(review)
    line = [square(50, north_m).extent[:2] for north_m in (-5, 105)]
    sent = {"parcel": str(version.parcel.key), "line": json.dumps(line)}
    mine, key = as_user(people["user"]), [review.key]
    assert mine.post(reverse("parcels:my-title-split", args=key), sent).status_code == 200
    stale = {**sent, "kind": "simplify", "metres": "1"}
    for answer in (
        mine.post(reverse("parcels:my-title-split", args=key), sent),
        mine.get(reverse("parcels:my-title-repair", args=key), stale),
        mine.post(reverse("parcels:my-title-repair", args=key), stale),
        mine.post(reverse("parcels:my-title-place", args=key), {"parcel_key": sent["parcel"]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "parcel_left_review")


def test_the_encoding_of_an_owners_file_is_shown_and_chosen_otherwise(
    people: dict[str, Any], tmp_path: Path
) -> None:
    path = shapefile_zip(
        tmp_path / "a.zip", [[ring()]], fields=[("LIN_BAN", 20)], rows=[["東溝"]],
        encoding="big5", prj=degrees_prj(),
    )  # fmt: skip

    def sent() -> dict[str, Any]:
        return {"way": "upload", "shape_file": SimpleUploadedFile(path.name, path.read_bytes())}

    shown = as_user(people["user"]).post(reverse("parcels:title-shapes"), sent()).json()
    encoding = shown["inspection"]["encoding"]
    assert encoding["value"] == "gb18030"
    assert "big5" in {one["value"] for one in encoding["alternatives"]}
    refused = register(people, **sent(), encoding="utf-8")
    assert (refused.status_code, refused.json()["code"]) == (422, "encoding_wrong")
    assert not TitleReview.objects.exists()
    assert register(people, **sent(), encoding="big5").status_code == 201
    assert Parcel.objects.get().compartment == "東溝"


def test_a_scan_is_judged_by_its_content(people: dict[str, Any]) -> None:
    answer = register(people, scan=SimpleUploadedFile("证.pdf", b"<html>not a scan</html>"))
    assert (answer.status_code, answer.json()["code"]) == (422, "document_unreadable")


def test_strangers_and_other_departments_find_nothing(people: dict[str, Any]) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    stranger, _party = owner("li")
    for user, name in [
        (stranger, "my-title"), (stranger, "my-title-picture"), (stranger, "bench-case"),
        (people["user"], "bench-case"), (people["user"], "bench-picture"),
        (forestry_clerk("f"), "bench-case"),
    ]:  # fmt: skip
        assert as_user(user).get(reverse(f"parcels:{name}", args=[review.key])).status_code == 404
    assert as_user(stranger).post(
        reverse("parcels:my-title-submit", args=[review.key])
    ).status_code == 404  # fmt: skip


def test_the_owner_sees_neighbours_generalised_and_no_internal_remark(
    people: dict[str, Any],
) -> None:
    other, party = owner("li")
    verified(
        title_of(other, party, square(100, 0), number="邻"), people["clerk"], people["approver"]
    )
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    for internal in ("1", "0"):
        as_user(people["clerk"]).post(
            reverse("parcels:bench-comment", args=[review.key]),
            {
                "text": f"意见{internal}",
                "internal": internal,
                "place": "81.3,43.95",
                "request_key": internal,
            },
        )
    seen_by_owner = as_user(people["user"]).get(
        reverse("parcels:my-title-picture", args=[review.key])
    ).json()  # fmt: skip
    seen_by_clerk = as_user(people["clerk"]).get(
        reverse("parcels:bench-picture", args=[review.key])
    ).json()  # fmt: skip
    assert [one["properties"]["text"] for one in seen_by_owner["comments"]["features"]] == ["意见0"]
    assert len(seen_by_clerk["comments"]["features"]) == 2
    agent = clerk("agent")
    Mandate.objects.create(
        user=agent, party=people["party"], scope="view", valid_from=today(), given_by=people["user"]
    )
    seen_by_agent = as_user(agent).get(reverse("parcels:bench-picture", args=[review.key])).json()
    assert seen_by_agent["comments"] == seen_by_owner["comments"]
    near, exact = (
        seen["neighbours"]["features"][0]["geometry"] for seen in (seen_by_owner, seen_by_clerk)
    )
    assert near != exact
    assert "李" not in json.dumps(seen_by_owner["neighbours"], ensure_ascii=False)


def test_a_draft_traces_nobodys_border_until_an_officer_returns_it(people: dict[str, Any]) -> None:
    other, party = owner("li")
    verified(
        title_of(other, party, square(97, 0), number="邻"), people["clerk"], people["approver"]
    )
    review = title_of(people["user"], people["party"], square(0, 0))
    mine = as_user(people["user"])
    picture = reverse("parcels:my-title-picture", args=[review.key])
    repair = reverse("parcels:my-title-repair", args=[review.key])
    wanted = {
        "parcel": str(current_shapes(review)[0].parcel.key), "kind": "snap", "metres": "4",
    }  # fmt: skip
    assert review.run is not None
    shape = review.run.findings.get(severity="conflict").shape
    assert shape is not None
    exact = json.loads(shape.json)
    before = mine.get(picture).json()["findings"]["features"][0]
    assert before["geometry"] not in (exact, None)
    assert (before["properties"]["area_m2"], "邻" in before["properties"]["message"]) == (
        300,
        False,
    )
    assert mine.get(repair, wanted).json()["code"] == "neighbours_not_open"
    review = submitted(review)
    return_title(review=review, asked="请对齐", seen=seen(review), actor=people["clerk"])
    after = mine.get(picture).json()["findings"]["features"][0]
    assert "邻" in after["properties"]["message"]
    assert after["properties"]["area_m2"] != 300
    assert mine.get(repair, wanted).status_code == 200


def test_a_tapped_parcel_shows_its_exact_border_to_its_own_people_alone(
    people: dict[str, Any],
) -> None:
    other, party = owner("li")
    theirs = verified(
        title_of(other, party, square(0, 0), number="邻"), people["clerk"], people["approver"]
    )
    [version] = current_shapes(theirs)
    mine = register_title(
        party=people["party"],
        facts=CertificateFacts(kind=TitleCertificate.Kind.FOREST, number="我"),
        kinds=[RightKind.LAND_USE],
        land=[Land(parcel=version.parcel)],
        actor=people["user"],
    )
    exact = json.loads(version.geom.json)["coordinates"]

    def drawn(review: TitleReview, user: Any) -> list[Any]:
        seen = as_user(user).get(reverse("parcels:my-title-picture", args=[review.key])).json()
        token = make_token(name="x", scopes=[ApiToken.Scope.TITLES], days=1, actor=user).secret
        api = Client(headers={"Authorization": f"Bearer {token}"}).get("/api/titles/").json()
        return [
            one["geometry"]
            for part in (seen["shapes"], seen["versions"], api)
            for one in part["features"]
        ]

    vertices = [json.dumps(point) for point in exact[0][0]]
    tapped, known = drawn(mine, people["user"]), drawn(theirs, other)
    assert [len(tapped), len(known)] == [3, 3]
    assert not [point for point in vertices if point in json.dumps(tapped)]
    assert all(json.dumps(one).count(vertices[0]) for one in known)
    repair = as_user(people["user"]).get(
        reverse("parcels:my-title-repair", args=[mine.key]),
        {"parcel": str(version.parcel.key), "kind": "simplify", "metres": "1"},
    )
    assert repair.json()["code"] == "neighbours_not_open"
    # Nor does the finding of a rival's paper, of which a return tells the number.
    rival = submitted(
        register_title(
            party=people["party"],
            facts=CertificateFacts(kind=TitleCertificate.Kind.FOREST, number="敌"),
            kinds=[RightKind.TREE_OWNERSHIP],
            land=[Land(parcel=version.parcel)],
            actor=people["user"],
        )
    )
    address = reverse("parcels:my-title-picture", args=[rival.key])
    for told in (False, True):
        if told:
            return_title(review=rival, asked="请核对", seen=seen(rival), actor=people["clerk"])
        shown = as_user(people["user"]).get(address).json()
        [finding] = shown["findings"]["features"]
        assert ("邻" in finding["properties"]["message"]) is told
        assert not [point for point in vertices if point in json.dumps(shown)]
    # Nor does a drawn shape trace the border of what was only tapped.
    drawing = title_of(people["user"], people["party"], square(97, 0), number="画")
    found = as_user(people["user"]).get(reverse("parcels:my-title-picture", args=[drawing.key]))
    [overlap] = [
        one for one in found.json()["findings"]["features"] if one["properties"]["other_key"]
    ]
    assert "邻" not in overlap["properties"]["message"]


def test_an_owner_sees_about_where_another_programme_lies_and_its_number(
    people: dict[str, Any],
) -> None:
    exclusion = exclusion_at(square(40, 0), kind="vcs")
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    pictures = [
        as_user(user).get(reverse(f"parcels:{name}", args=[review.key])).json()
        for user, name in ((people["user"], "my-title-picture"), (people["clerk"], "bench-picture"))
    ]
    exact = json.loads(exclusion.geom.json)["coordinates"]
    for seen_by_staff, shown in enumerate(pictures):
        [area], [finding] = shown["exclusions"]["features"], shown["findings"]["features"]
        assert (area["geometry"]["coordinates"] == exact) is bool(seen_by_staff)
        assert exclusion.number in finding["properties"]["message"]
        assert finding["properties"]["severity"] == "warning"
    assert (
        pictures[0]["findings"]["features"][0]["geometry"]
        != (pictures[1]["findings"]["features"][0]["geometry"])
    )


def test_a_verdict_by_page_on_an_old_version_keeps_what_was_typed(people: dict[str, Any]) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    answer = as_user(people["clerk"]).post(
        reverse("parcels:bench-return", args=[review.key]), {"asked": "请核实", "seen": "999999"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "review_version_changed")
    review.refresh_from_db()
    assert review.state == "preparing"


@pytest.mark.parametrize(
    ("name", "sent", "status"),
    [
        ("bench-verdict", {"outcome": "x"}, 422),
        ("bench-side", {"side": "up"}, 422),
        ("bench-comment", {"text": " "}, 422),
        ("bench-comment", {"text": "x", "place": "nan,1e999"}, 422),
        ("bench-repair", {"kind": "x"}, 422),
        ("bench-repair", {"kind": "snap", "metres": "99"}, 422),
        ("bench-sign", {}, 409),
        ("bench-message", {"kind": "ask_neighbour", "finding": "0", "text": "x"}, 404),
        ("bench-message", {"kind": "ask_neighbour", "finding": "9" * 5000, "text": "x"}, 404),
        ("bench-return", {"asked": "x", "seen": "9" * 5000}, 409),
    ],
)
def test_what_the_bench_cannot_read_is_refused(
    people: dict[str, Any], name: str, sent: dict[str, str], status: int
) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    answer = as_user(people["clerk"]).post(
        reverse(f"parcels:{name}", args=[review.key]), {**sent, "request_key": "k"}
    )
    assert answer.status_code == status, answer.content
    assert answer.json().get("field") != "Idempotency-Key"


@pytest.mark.parametrize("officer", ["clerk", "approver"])
def test_what_lies_with_its_owner_is_not_rewritten_at_the_bench(
    people: dict[str, Any], officer: str
) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    [version] = current_shapes(review)
    return_title(review=review, asked="请核对", seen=seen(review), actor=people["clerk"])
    sent = {**form(people, number="改"), "parcel_key": str(version.parcel.key)}
    code = {"clerk": "left_to_owner", "approver": "not_your_office"}[officer]
    for name in ("bench-correct", "bench-facts"):
        scan = SimpleUploadedFile("证.pdf", PDF)
        answer = as_user(people[officer]).post(
            reverse(f"parcels:{name}", args=[review.key]), {**sent, "scan": scan}
        )
        assert answer.json()["code"] == code, answer.content
    assert current_shapes(review) == [version]
    review.certificate.refresh_from_db()
    assert review.certificate.number != "改"
    assert not papers_of(review.certificate)


def test_the_holders_of_many_titles_are_one_query(
    people: dict[str, Any], django_assert_num_queries: Any
) -> None:
    titles = [
        title_of(people["user"], people["party"], square(200 * n, 0), number=f"证{n}").certificate
        for n in range(3)
    ]
    with django_assert_num_queries(1):
        holders = holders_by_title(titles)
    assert holders == {title.pk: [people["party"].name] for title in titles}


def test_a_remark_sent_twice_is_one_and_its_key_serves_no_other(people: dict[str, Any]) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    assert review.case is not None
    for user, name in ((people["clerk"], "bench-comment"), (people["user"], "my-title-comment")):
        address = reverse(f"parcels:{name}", args=[review.key])
        sent = {"text": f"{name}：请核对界桩", "place": "81.3,43.95", "request_key": "k"}
        browser = as_user(user)
        assert [browser.post(address, sent).status_code for _time in range(2)] == [200, 200]
        other = browser.post(address, {**sent, "text": "另一句"})
        assert (other.status_code, other.json()["code"]) == (422, "request_key_reused")
    assert review.case.comments.count() == 2


def test_out_of_a_conflict_the_neighbour_is_asked_and_answers_once(people: dict[str, Any]) -> None:
    other, party = owner("li")
    verified(
        title_of(other, party, square(97, 0), number="邻"), people["clerk"], people["approver"]
    )
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    assert review.run is not None
    finding = review.run.findings.get(severity="conflict")
    assert finding.other_key is not None
    stranger, strangers = owner("zhao")
    register_title(
        party=strangers,
        facts=CertificateFacts(kind=TitleCertificate.Kind.FOREST, number="邻"),
        kinds=[RightKind.TREE_OWNERSHIP],
        land=[Land(parcel=Parcel.objects.get(key=finding.other_key))],
        actor=stranger,
    )
    asking = reverse("parcels:my-title-message", args=[review.key])
    words = {
        "kind": "ask_neighbour", "finding": str(finding.pk), "text": "请核对", "request_key": "k",
    }  # fmt: skip
    for _time in range(2):
        assert as_user(people["user"]).post(asking, words).status_code == 200
    silent = as_user(people["user"]).post(asking, {**words, "text": " ", "request_key": "l"})
    assert (silent.status_code, silent.json()["code"]) == (422, "text_missing")
    other_words = as_user(people["user"]).post(asking, {**words, "text": "请再核对"})
    assert (other_words.status_code, other_words.json()["code"]) == (422, "request_key_reused")
    message = BoundaryMessage.objects.get()
    address = reverse("parcels:boundary-message", args=[message.key])
    assert as_user(people["user"]).get(address).status_code == 404
    assert as_user(stranger).get(address).status_code == 404
    assert set(Message.objects.filter(link=address).values_list("user", flat=True)) == {other.pk}
    neighbour = as_user(other)
    assert "请核对" in neighbour.get(address).content.decode()
    assert neighbour.post(address, {"agreed": "0", "text": "界桩在此"}).status_code == 302
    assert neighbour.post(address, {"agreed": "1"}).status_code == 409


def test_who_drew_land_knows_its_border_as_long_as_he_acts_for_its_holder(
    people: dict[str, Any],
) -> None:
    agent, _own = owner("agent")
    may_apply, may_look = (
        Mandate.objects.create(
            user=agent, party=people["party"], scope=scope, valid_from=today(),
            given_by=people["user"],
        )
        for scope in ("apply", "view")
    )  # fmt: skip
    drawn = title_of(agent, people["party"], square(0, 0))
    [version] = current_shapes(drawn)
    assert own_land(agent).get() == version.parcel
    assert known_parcels(drawn, agent) == {version.parcel_id}
    verified(drawn, people["clerk"], people["approver"])
    other, party = owner("li")
    asking = submitted(title_of(other, party, square(97, 0), number="邻"))
    assert asking.run is not None
    for _time in range(2):
        write_about_boundary(
            review=asking, finding=asking.run.findings.get(severity="conflict"),
            kind=BoundaryMessage.Kind.ASK_NEIGHBOUR, text="请核对", as_officer=False, actor=other,
        )  # fmt: skip
    message, later = BoundaryMessage.objects.order_by("pk")
    address = reverse("parcels:boundary-message", args=[message.key])
    assert as_user(agent).post(address, {"agreed": "1"}).status_code == 302
    end_mandate(mandate=may_apply, actor=people["user"])
    address = reverse("parcels:boundary-message", args=[later.key])
    assert as_user(agent).get(address).status_code == 200
    assert as_user(agent).post(address, {"agreed": "1"}).status_code == 404
    end_mandate(mandate=may_look, actor=people["user"])
    assert not own_land(agent).exists()
    assert as_user(agent).get(address).status_code == 404


def test_every_rule_is_listed_with_article_severity_and_policy(client: Client) -> None:
    text = client.get(reverse("parcels:rules"), headers={"accept": "text/html"}).content.decode()
    assert text.count("第四条") > 3
    assert "0.025" in text


def test_the_list_is_narrowed_to_a_township(people: dict[str, Any]) -> None:
    here, there = sorted(township_names())[:2]
    numbers = {}
    for at, code in enumerate((here, there, "")):
        review = submitted(
            title_of(people["user"], people["party"], square(500 * at, 0), number=f"镇-{at}")
        )
        land = Parcel.objects.filter(rights__certificate=review.certificate)
        land.update(township_code=code)
        numbers[code] = review.certificate.number
    clerk = as_user(people["clerk"])
    for asked, shown in (
        (here, {here}),
        (there, {there}),
        ("none", {""}),
        ("", {here, there, ""}),
        ("x", {here, there, ""}),
    ):
        answer = clerk.get(reverse("parcels:bench"), {"township": asked, "page": "1"})
        page = answer.content.decode()
        assert {code for code, number in numbers.items() if number in page} == shown
        assert {tab["name"]: tab["count"] for tab in answer.context["tabs"]}["new"] == len(shown)
        assert f'href="?township={asked}&amp;view=new"' in page


def test_the_list_counts_and_shows_the_clock(people: dict[str, Any]) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    page = as_user(people["clerk"]).get(reverse("parcels:bench"), {"view": "new"})
    assert review.certificate.number in page.content.decode()
    review = proposed(review, people["clerk"])
    signer = as_user(people["approver"])
    assert signer.post(
        reverse("parcels:bench-sign", args=[review.key]), {"seen": seen(review)}
    ).json()["state"] == "verified"  # fmt: skip
