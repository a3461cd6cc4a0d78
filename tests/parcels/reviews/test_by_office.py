"""Cases that the bureau opens itself: conflicts of a takeover, reported errors, imported corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test import Client
from django.urls import reverse

from parcels.imports.models import TakeoverConflict
from parcels.models import (
    BoundaryMessage,
    Parcel,
    ParcelVersion,
    RightKind,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.boundaries import (
    answer_boundary_message,
    uncorrected_reports,
    write_about_boundary,
)
from parcels.reviews.errors import (
    ChangeOpen,
    DecidedTogether,
    LaterImportWaits,
    LeftToOwner,
    NobodyToAnswer,
    NotItsPeople,
    NotWithBureau,
    OpenedByOffice,
    OwnTitle,
    ParcelShared,
    ReviewMoveNotAllowed,
)
from parcels.reviews.models import Outcome
from parcels.reviews.operations import (
    RESHAPED_TOO,
    change_by_office,
    end_change,
    open_takeover_case,
    recall_review,
    recheck_review,
    return_title,
    send_back,
    sign_review,
    submit_title,
    withdraw_review,
)
from parcels.reviews.queries import imported_corrections, takeover_conflicts
from parcels.reviews.repairs import RepairKind
from parcels.reviews.shapes import as_shapely, companions, current_shapes
from parcels.titles.operations import (
    CertificateFacts,
    change_facts,
    correct_shape,
    repair_shape,
    request_change,
    split_parcel,
)
from portal.accounts.errors import MandateMissing
from portal.accounts.models import Mandate, User
from portal.accounts.operations import link_party
from portal.base.clock import today
from portal.base.errors import StateMovedOn
from portal.base.guarantees import refusal_of
from portal.casework.errors import NotYourOffice
from portal.casework.models import Message
from tests.accounts.people import forestry_clerk
from tests.base.sessions import refused_by
from tests.factories.files import feature, geojson, polygon
from tests.factories.land import decision_on, imported_title_on, parcel_at, square, verify
from tests.parcels.reviews.bench import (
    cancelled,
    clerk,
    cut_up,
    owner,
    proposed,
    seen,
    submitted,
    through_the_middle,
    title_of,
    verified,
)
from tests.parcels.test_import_command import import_parcels

pytestmark = pytest.mark.django_db
UNIT = "654002001001JC00001L00000001"


def signed(review: TitleReview, people: dict[str, Any]) -> TitleReview:
    review = proposed(review, people["clerk"])
    return sign_review(review=review, seen=seen(review), actor=people["approver"])


def test_a_case_by_office_is_returned_to_somebody_alone_and_taken_back_from_him(
    people: dict[str, Any],
) -> None:
    certificate = imported_title_on(parcel_at(square(0, 0)), number="一")
    review = open_takeover_case(certificate=certificate, actor=people["clerk"])

    def returned() -> TitleReview:
        return return_title(review=review, asked="请核对", seen=seen(review), actor=people["clerk"])

    with pytest.raises(NobodyToAnswer):
        returned()
    link_party(
        name_only=certificate.rights.get().party, checked=people["party"], evidence="身份证与证书",
        actor=forestry_clerk("links"),
    )  # fmt: skip
    assert returned().state == "returned"
    with pytest.raises(OpenedByOffice):
        withdraw_review(review=review, actor=people["user"])
    with pytest.raises(NotYourOffice):
        recall_review(review=review, actor=people["user"])
    review = recall_review(review=review, actor=people["clerk"])
    assert review.state == "preparing"
    assert signed(review, people).state == "verified"
    theirs = submitted(title_of(people["user"], people["party"], square(500, 0), number="二"))
    theirs = return_title(review=theirs, asked="x", seen=seen(theirs), actor=people["clerk"])
    with pytest.raises(ReviewMoveNotAllowed):
        recall_review(review=theirs, actor=people["clerk"])


def test_raw_sql_withdraws_no_case_by_office(people: dict[str, Any]) -> None:
    certificate = imported_title_on(parcel_at(square(0, 0)), number="一")
    review = open_takeover_case(certificate=certificate, actor=people["clerk"])
    with (
        pytest.raises(IntegrityError) as refusal,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE parcels_titlereview SET state = 'withdrawn' WHERE id = %s", [review.pk]
        )
    assert isinstance(refusal_of(refusal.value), OpenedByOffice)


def test_a_takeovers_conflict_that_was_rejected_is_offered_again(people: dict[str, Any]) -> None:
    certificate, other = (
        imported_title_on(parcel_at(square(east_m, 0)), number=number)
        for east_m, number in ((0, "一"), (50, "二"))
    )
    TakeoverConflict.objects.create(
        takeover=decision_on(), certificate=certificate, other=other,
        parcel=certificate.rights.get().parcel, because="overlap",
    )  # fmt: skip
    assert takeover_conflicts().get().rejected is None  # type: ignore[attr-defined]
    review = open_takeover_case(certificate=certificate, actor=people["clerk"])
    assert not takeover_conflicts().exists()
    review = proposed(
        review, people["clerk"], Outcome.REJECTED, reason="与邻证重叠", article="第四条"
    )
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    certificate.refresh_from_db()
    assert certificate.state == "registered"
    assert takeover_conflicts().get().rejected == review.key  # type: ignore[attr-defined]
    browser = Client()
    browser.force_login(people["clerk"])
    page = browser.get(reverse("parcels:bench"))
    assert "曾不予通过" in page.content.decode()
    again = browser.post(reverse("parcels:bench-takeover", args=[certificate.key]))
    assert again.status_code == 302
    assert TitleReview.objects.filter(certificate=certificate).count() == 2


def reported(people: dict[str, Any]) -> tuple[TitleReview, BoundaryMessage, TitleReview]:
    """A verified title that reaches three metres too far, what an honest neighbour reports of it,
    and the neighbour's case.
    """
    other, party = owner("li")
    wrong = verified(
        title_of(other, party, square(97, 0), number="邻"), people["clerk"], people["approver"]
    )
    honest = submitted(title_of(people["user"], people["party"], square(0, 0)))
    assert honest.run is not None
    finding = honest.run.findings.get(severity="conflict")
    told = write_about_boundary(
        review=honest, finding=finding, kind=BoundaryMessage.Kind.REPORT_ERROR,
        text="东侧三米属我方", as_officer=False, actor=people["user"],
    )  # fmt: skip
    assert told == []
    return wrong, BoundaryMessage.objects.get(), honest


def test_a_reported_error_of_a_title_that_nobody_reviewed_is_no_conflict_of_a_takeover(
    people: dict[str, Any],
) -> None:
    wrong = imported_title_on(parcel_at(square(97, 0)), number="邻")
    honest = submitted(title_of(people["user"], people["party"], square(0, 0)))
    assert honest.run is not None
    write_about_boundary(
        review=honest, finding=honest.run.findings.filter(rule="overlap_title").get(),
        kind=BoundaryMessage.Kind.REPORT_ERROR, text="东侧三米属我方", as_officer=False,
        actor=people["user"],
    )  # fmt: skip
    answer_boundary_message(
        message=BoundaryMessage.objects.get(), agreed=True, text="", actor=people["clerk"]
    )
    opened = TitleReview.objects.get(certificate=wrong)
    browser = Client()
    browser.force_login(people["clerk"])
    page = browser.get(reverse("parcels:bench-case", args=[opened.key])).content.decode()
    assert "报告的错误" in page
    assert "接管中的冲突" not in page


def test_an_error_that_the_bureau_confirms_is_corrected_in_a_case_by_office(
    people: dict[str, Any],
) -> None:
    wrong, message, honest = reported(people)
    answer: dict[str, Any] = {"message": message, "agreed": True, "text": "经核实"}
    for party in (people["party"], wrong.certificate.rights.get().party):
        agent = clerk(f"agent{party.pk}")
        Mandate.objects.create(
            user=agent, party=party, scope="view", valid_from=today(), given_by=people["user"]
        )
        with pytest.raises(OwnTitle):
            answer_boundary_message(**answer, actor=agent)
    answer_boundary_message(**answer, actor=people["clerk"])
    change = TitleReview.objects.get(because=TitleReview.Because.OFFICE)
    assert (change.state, change.certificate.supersedes) == ("preparing", wrong.certificate)
    with pytest.raises(OpenedByOffice):
        withdraw_review(review=change, actor=wrong.made_by)
    links = {
        user: list(Message.objects.filter(user=user).values_list("link", flat=True))
        for user in (people["user"], wrong.made_by)
    }
    assert reverse("parcels:my-title", args=[honest.key]) in links[people["user"]]
    assert reverse("parcels:my-title", args=[change.key]) in links[wrong.made_by]
    # The officer lets it give up what was reported, and nothing stands before the signature.
    repair_shape(
        review=change, parcel=current_shapes(change)[0].parcel, kind=RepairKind.YIELD, metres=1,
        as_officer=True, actor=people["clerk"],
    )  # fmt: skip
    assert VerifiedTitle.objects.get(ended_at=None).certificate == wrong.certificate
    signed(TitleReview.objects.get(pk=change.pk), people)
    honest = recheck_review(review=honest, actor=people["clerk"])
    assert honest.run is not None
    assert not honest.run.findings.filter(severity="conflict").exists()
    assert signed(honest, people).state == "verified"


def test_a_report_of_a_title_that_is_under_review_opens_no_second_case(
    people: dict[str, Any],
) -> None:
    wrong, message, _honest = reported(people)
    going = change_by_office(
        certificate=wrong.certificate, reason="巡查发现", actor=people["clerk"]
    )
    with pytest.raises(ChangeOpen):
        change_by_office(certificate=wrong.certificate, reason="又一次", actor=people["clerk"])
    answer_boundary_message(message=message, agreed=True, text="", actor=people["clerk"])
    assert TitleReview.objects.get(because=TitleReview.Because.OFFICE) == going
    assert Message.objects.filter(user=wrong.made_by, body=message.text).exists()


def changing(title: TitleReview) -> TitleReview:
    """The change of a verified title that its owner begins."""
    return request_change(
        certificate=title.certificate, reason="改树种",
        party=title.certificate.rights.get().party, actor=title.made_by,
    )  # fmt: skip


def test_a_change_that_is_never_handed_in_stops_no_correction(people: dict[str, Any]) -> None:
    wrong, message, _honest = reported(people)
    draft = changing(wrong)
    browser = Client()
    browser.force_login(people["clerk"])
    title_page = reverse("parcels:title", args=[wrong.certificate.key])
    assert reverse("parcels:bench-change", args=[wrong.certificate.key]) in (
        browser.get(title_page).content.decode()
    )
    answer_boundary_message(message=message, agreed=True, text="经核实", actor=people["clerk"])
    for one in (draft, draft.certificate):
        one.refresh_from_db()
    assert (draft.state, draft.certificate.state) == ("withdrawn", "cancelled")
    change = TitleReview.objects.get(because=TitleReview.Because.OFFICE)
    assert change.state == "preparing"
    link = reverse("parcels:my-title", args=[draft.key])
    assert Message.objects.filter(user=wrong.made_by, link=link, body=message.text).count() == 1
    with pytest.raises(ChangeOpen):
        changing(wrong)


def returned_to_its_owner(review: TitleReview, people: dict[str, Any]) -> TitleReview:
    review = submitted(review)
    return return_title(review=review, asked="请更正", seen=seen(review), actor=people["clerk"])


def test_a_change_that_was_returned_and_lies_with_its_owner_gives_way_to_the_bureaus_own(
    people: dict[str, Any],
) -> None:
    wrong, message, _honest = reported(people)
    theirs = changing(wrong)
    [whole] = current_shapes(theirs)
    line = through_the_middle(whole)
    pieces = split_parcel(review=theirs, parcel=whole.parcel, line=line, actor=wrong.made_by)
    theirs = returned_to_its_owner(TitleReview.objects.get(pk=theirs.pk), people)
    browser = Client()
    browser.force_login(people["clerk"])
    page = browser.get(reverse("parcels:title", args=[wrong.certificate.key])).content.decode()
    assert reverse("parcels:bench-change", args=[wrong.certificate.key]) in page
    with pytest.raises(NotYourOffice), transaction.atomic():
        change_by_office(certificate=wrong.certificate, reason="核实", actor=people["approver"])
    answer_boundary_message(message=message, agreed=True, text="经核实", actor=people["clerk"])
    theirs.refresh_from_db()
    assert (theirs.state, theirs.certificate.state) == ("withdrawn", "cancelled")
    assert theirs.case is not None
    assert (theirs.case.state, theirs.case.closed_at is not None) == ("ended", True)
    said = theirs.case.steps.get().verdicts.latest("pk")
    assert (said.verdict, said.reason) == ("end", message.text)
    assert not Parcel.objects.in_being().filter(pk__in=[piece.pk for piece in pieces]).exists()
    link = reverse("parcels:my-title", args=[theirs.key])
    assert Message.objects.filter(user=wrong.made_by, link=link, body=message.text).exists()
    change = TitleReview.objects.get(because=TitleReview.Because.OFFICE)
    assert [one.parcel for one in current_shapes(change)] == [whole.parcel]
    assert signed(change, people).state == "verified"


def test_no_office_ends_a_registration_or_what_lies_with_the_bureau(
    people: dict[str, Any],
) -> None:
    wrong, _message, honest = reported(people)
    change = submitted(changing(wrong))
    honest = return_title(review=honest, asked="x", seen=seen(honest), actor=people["clerk"])
    for going in (change, honest):
        with pytest.raises(ReviewMoveNotAllowed):
            end_change(review=going, reason="核实", actor=people["clerk"])


def test_an_import_ends_the_draft_of_a_change_and_waits_for_one_handed_in(
    people: dict[str, Any], tmp_path: Path
) -> None:
    title = imported_title_on(
        parcel_at(square(0, 0), unit_number=UNIT), number="一", holder=people["party"]
    )
    verify(title)
    draft = request_change(
        certificate=title, reason="改树种", party=people["party"], actor=people["user"]
    )
    imported_anew(tmp_path)
    assert imported_corrections().get() == title
    with transaction.atomic():
        submitted(draft)
        assert not imported_corrections().exists()
        with pytest.raises(ChangeOpen):
            change_by_office(certificate=title, reason="导入", actor=people["clerk"])
        transaction.set_rollback(True)
    agent = clerk("agent")
    Mandate.objects.create(
        user=agent, party=people["party"], scope="view", valid_from=today(),
        given_by=people["user"],
    )  # fmt: skip
    with pytest.raises(OwnTitle):
        change_by_office(certificate=title, reason="导入", actor=agent)
    assert TitleReview.objects.get(pk=draft.pk).state == "draft"
    change_by_office(certificate=title, reason="导入", actor=people["clerk"])
    assert TitleReview.objects.get(pk=draft.pk).state == "withdrawn"


def test_a_reported_error_is_corrected_on_land_that_was_split_meanwhile(
    people: dict[str, Any],
) -> None:
    wrong, message, honest = reported(people)
    withdraw_review(review=honest, actor=people["user"])
    browser = Client()
    browser.force_login(people["clerk"])
    address = reverse("parcels:boundary-message", args=[message.key])
    change = changing(wrong)
    [whole] = current_shapes(change)
    split_parcel(
        review=change, parcel=whole.parcel, line=through_the_middle(whole), actor=wrong.made_by
    )
    signed(submitted(TitleReview.objects.get(pk=change.pk)), people)
    page = browser.get(address).content.decode()
    assert reverse("parcels:title", args=[change.certificate.key]) in page
    assert "不会立案" not in page
    answer_boundary_message(message=message, agreed=True, text="经核实", actor=people["clerk"])
    correction = TitleReview.objects.get(because=TitleReview.Because.OFFICE)
    assert correction.certificate.supersedes == change.certificate
    patch = as_shapely(message.patch)
    touched = [
        one
        for one in current_shapes(correction)
        if as_shapely(one.geom).intersection(patch).area > 0
    ]
    assert touched
    for one in touched:
        newer = repair_shape(
            review=correction, parcel=one.parcel, kind=RepairKind.YIELD, metres=1,
            as_officer=True, actor=people["clerk"],
        )  # fmt: skip
        assert newer.area_m2 < one.area_m2


def test_who_agrees_to_a_report_where_no_title_stands_is_told_so(people: dict[str, Any]) -> None:
    wrong, message, _honest = reported(people)
    cancelled(wrong.certificate, people["clerk"], people["approver"])
    browser = Client()
    browser.force_login(people["clerk"])
    address = reverse("parcels:boundary-message", args=[message.key])
    assert "不会立案" in browser.get(address).content.decode()


def test_an_agreed_report_is_listed_until_the_bureau_decides_on_it(people: dict[str, Any]) -> None:
    wrong, message, _honest = reported(people)
    theirs = submitted(changing(wrong))
    answer_boundary_message(message=message, agreed=True, text="经核实", actor=people["clerk"])
    assert uncorrected_reports() == []
    theirs = return_title(review=theirs, asked="请更正", seen=seen(theirs), actor=people["clerk"])
    assert uncorrected_reports() == [message]
    withdraw_review(review=theirs, actor=wrong.made_by)
    assert uncorrected_reports() == [message]
    browser = Client()
    browser.force_login(people["clerk"])
    page = browser.get(reverse("parcels:bench")).content.decode()
    assert "已确认、尚未更正" in page
    address = reverse("parcels:boundary-message", args=[message.key])
    assert address in page
    assert reverse("parcels:title", args=[wrong.certificate.key]) in (
        browser.get(address).content.decode()
    )
    change = change_by_office(certificate=wrong.certificate, reason="核实", actor=people["clerk"])
    assert uncorrected_reports() == []
    change = proposed(change, people["clerk"], Outcome.REJECTED, reason="无误", article="第四条")
    sign_review(review=change, seen=seen(change), actor=people["approver"])
    assert uncorrected_reports() == []


def test_an_officer_corrects_shape_and_paper_of_a_case_by_office_alone(
    people: dict[str, Any],
) -> None:
    wrong, _message, honest = reported(people)
    change = change_by_office(certificate=wrong.certificate, reason="核实", actor=people["clerk"])
    draft = title_of(people["user"], people["party"], square(500, 0), number="三")

    def correct(review: TitleReview, actor: User, *, as_officer: bool = True) -> None:
        facts = CertificateFacts(kind=TitleCertificate.Kind.FOREST, number="邻-1")
        parcel = current_shapes(review)[0].parcel
        said: dict[str, Any] = {"review": review, "as_officer": as_officer, "actor": actor}
        for act in (
            lambda: correct_shape(parcel=parcel, geom=square(100, 0), **said),
            lambda: change_facts(facts=facts, **said),
        ):
            if refusal is None:
                act()
                continue
            with pytest.raises(refusal):
                act()

    def returned(review: TitleReview) -> TitleReview:
        return return_title(review=review, asked="请核对", seen=seen(review), actor=people["clerk"])

    agent = clerk("agent")
    Mandate.objects.create(
        user=agent, party=wrong.certificate.rights.get().party, scope="apply",
        valid_from=today(), given_by=wrong.made_by,
    )  # fmt: skip
    refusal: type[Exception] | None = LeftToOwner
    for theirs in (honest, returned(honest), draft):
        correct(theirs, people["clerk"])
    refusal = NotYourOffice
    correct(change, people["approver"])
    refusal = OwnTitle
    correct(change, agent)
    refusal = NotWithBureau
    change = returned(change)
    correct(change, people["clerk"])
    refusal = MandateMissing
    for theirs in (change, draft):
        correct(theirs, people["clerk"], as_officer=False)
    refusal = None
    change = recall_review(review=change, actor=people["clerk"])
    correct(change, people["clerk"])
    signed(TitleReview.objects.get(pk=change.pk), people)
    title = TitleCertificate.objects.get(state="verified")
    assert (title.number, VerifiedTitle.objects.get(ended_at=None).version.number) == ("邻-1", 2)


def test_raw_sql_lets_no_officer_shape_what_lies_with_its_owner(people: dict[str, Any]) -> None:
    wrong, _message, honest = reported(people)
    change = change_by_office(certificate=wrong.certificate, reason="核实", actor=people["clerk"])
    draft = title_of(people["user"], people["party"], square(500, 0), number="三")

    def shape(review: TitleReview, actor: User) -> None:
        [version] = current_shapes(review)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO parcels_reviewshape (review_id, parcel_id, version_id, leaves, facts, "
                "made_by_id) VALUES (%s, %s, %s, false, '{}', %s)",
                [review.pk, version.parcel_id, version.pk, actor.pk],
            )

    for review in (honest, change):
        shape(review, people["clerk"])
    for review in (honest, change):
        return_title(review=review, asked="请核对", seen=seen(review), actor=people["clerk"])
    for review in (draft, honest, change):
        for officer in (people["clerk"], people["approver"]):
            with pytest.raises(IntegrityError) as refusal:
                shape(review, officer)
            assert isinstance(refusal_of(refusal.value), NotItsPeople)
        shape(review, review.made_by if review != change else wrong.made_by)


def imported_anew(folder: Path, side_m: float = 90) -> dict[str, Any]:
    ring = [list(point) for point in square(0, 0, side_m).coords[0][0]]
    path = folder / "地块.geojson"
    geojson(path, [feature(polygon(ring), BDCDYH=UNIT)])
    found: dict[str, Any] = import_parcels(path).answer
    return found


def test_an_imported_correction_of_verified_land_is_brought_once_and_decided_by_a_case(
    people: dict[str, Any], tmp_path: Path
) -> None:
    parcel = parcel_at(square(0, 0), unit_number=UNIT)
    title = imported_title_on(parcel, number="一", holder=people["party"])
    verify(title)
    assert imported_anew(tmp_path)["changed"] == 1
    assert imported_anew(tmp_path)["unchanged"] == 1
    assert ParcelVersion.objects.filter(parcel=parcel).count() == 2
    [waiting] = imported_corrections()
    assert (waiting, waiting.corrected) == (title, 1)  # type: ignore[attr-defined]
    browser = Client()
    browser.force_login(people["clerk"])
    assert "导入资料" in browser.get(reverse("parcels:bench")).content.decode()
    address = reverse("parcels:bench-change", args=[title.key])
    assert browser.post(address, headers={"accept": "application/json"}).status_code == 422
    opened = browser.post(address, {"reason": "导入的登记资料更正了图形。"})
    review = TitleReview.objects.get()
    assert opened.headers["Location"] == reverse("parcels:bench-case", args=[review.key])
    page = browser.get(opened.headers["Location"]).content.decode()
    assert 'data-act="correct"' in page
    title_page = browser.get(reverse("parcels:title", args=[title.key])).content.decode()
    assert str(review.key) in title_page
    assert not imported_corrections().exists()
    assert Message.objects.filter(user=people["user"]).exists()
    assert ParcelVersion.objects.standing().get().number == 1
    signed(review, people)
    assert ParcelVersion.objects.standing().get().number == 2
    assert not imported_corrections().exists()


def test_an_imported_correction_that_was_rejected_is_brought_again_by_a_later_file(
    people: dict[str, Any], tmp_path: Path
) -> None:
    title = imported_title_on(parcel_at(square(0, 0), unit_number=UNIT), number="一")
    verify(title)
    imported_anew(tmp_path)
    review = change_by_office(certificate=title, reason="导入", actor=people["clerk"])
    assert imported_anew(tmp_path)["unchanged"] == 1  # It is before the bureau.
    review = proposed(
        review, people["clerk"], Outcome.REJECTED, reason="实地不符", article="第四条"
    )
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    title.refresh_from_db()
    assert title.state == "verified"
    assert not imported_corrections().exists()
    assert imported_anew(tmp_path)["changed"] == 1
    assert imported_anew(tmp_path)["unchanged"] == 1
    assert imported_corrections().get() == title
    assert Parcel.objects.in_being().count() == 1


def two_kinds_of_right(people: dict[str, Any]) -> tuple[TitleCertificate, TitleCertificate, User]:
    """A parcel whose trees one person owns and whose land another uses, both verified; and the other."""
    other, party = owner("li")
    parcel = parcel_at(square(0, 0), unit_number=UNIT)
    trees = imported_title_on(parcel, number="林木", holder=people["party"])
    land = imported_title_on(parcel, number="林地", holder=party)
    land.rights.update(kind=RightKind.LAND_USE)
    for title in (trees, land):
        verify(title)
    return trees, land, other


def test_land_of_two_verified_titles_is_reshaped_for_both_by_one_signature(
    people: dict[str, Any], tmp_path: Path
) -> None:
    trees, land, other = two_kinds_of_right(people)
    imported_anew(tmp_path)
    assert set(imported_corrections()) == {trees, land}
    first = change_by_office(certificate=trees, reason="导入", actor=people["clerk"])
    assert not imported_corrections().exists()
    [second] = companions(first)
    assert (second.certificate.supersedes, companions(second)) == (land, [first])
    assert current_shapes(first) == current_shapes(second)
    for user, said in ((people["user"], "导入"), (other, RESHAPED_TOO)):
        assert Message.objects.get(user=user).body == said
    first = proposed(first, people["clerk"])
    with pytest.raises(DecidedTogether):
        sign_review(review=first, seen=seen(first), actor=people["approver"])
    before = seen(first)
    second = proposed(second, people["clerk"])
    with pytest.raises(StateMovedOn):
        sign_review(review=first, seen=before, actor=people["approver"])
    browser = Client()
    browser.force_login(people["approver"])
    page = browser.get(reverse("parcels:bench-case", args=[first.key])).content.decode()
    assert reverse("parcels:bench-case", args=[second.key]) in page
    sign_review(review=first, seen=seen(first), actor=people["approver"])
    second.refresh_from_db()
    assert second.state == "verified"
    stands = ParcelVersion.objects.standing().get()
    assert stands.number == 2
    held = VerifiedTitle.objects.filter(ended_at=None)
    assert {hold.certificate.supersedes for hold in held} == {trees, land}
    assert {hold.version for hold in held} == {stands}


def test_an_imported_shape_comes_into_the_case_of_the_other_title_that_was_open_before(
    people: dict[str, Any], tmp_path: Path
) -> None:
    trees, land, _other = two_kinds_of_right(people)
    facts = change_by_office(certificate=trees, reason="株数有误", actor=people["clerk"])
    imported_anew(tmp_path)
    [waiting] = imported_corrections()
    assert waiting == land
    shape = change_by_office(certificate=land, reason="导入", actor=people["clerk"])
    assert current_shapes(facts) == current_shapes(shape)
    facts = proposed(facts, people["clerk"])
    signed(shape, people)
    facts.refresh_from_db()
    assert facts.state == "verified"
    assert ParcelVersion.objects.standing().get().number == 2


def test_a_shape_imported_later_is_gone_over_to_before_an_earlier_proposal_is_signed(
    people: dict[str, Any], tmp_path: Path
) -> None:
    trees, _land, _other = two_kinds_of_right(people)
    imported_anew(tmp_path)
    first = change_by_office(certificate=trees, reason="导入", actor=people["clerk"])
    [second] = companions(first)
    first, second = (proposed(one, people["clerk"]) for one in (first, second))
    assert imported_anew(tmp_path, side_m=80)["changed"] == 1

    def sent_back(review: TitleReview) -> TitleReview:
        return send_back(
            review=review, reason="改按新图形", seen=seen(review), actor=people["approver"]
        )

    with pytest.raises(LaterImportWaits):
        sign_review(review=first, seen=seen(first), actor=people["approver"])
    browser = Client()
    browser.force_login(people["clerk"])
    page = reverse("parcels:bench-case", args=[first.key])
    assert 'id="follow"' not in browser.get(page).content.decode()
    first = sent_back(first)
    with pytest.raises(LaterImportWaits), transaction.atomic():
        proposed(first, people["clerk"])
    assert "第 3 版由导入资料后来带来" in browser.get(page).content.decode()
    follow = reverse("parcels:bench-follow", args=[first.key])
    refused = browser.post(follow, headers={"accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (422, "decided_together")
    sent_back(second)
    assert browser.post(follow).status_code == 200
    first, second = (TitleReview.objects.get(pk=one.pk) for one in (first, second))
    [newest] = current_shapes(first)
    assert (newest.number, current_shapes(second)) == (3, [newest])
    proposed(second, people["clerk"])
    signed(first, people)
    assert ParcelVersion.objects.standing().get() == newest
    assert not imported_corrections().exists()


def test_land_that_its_holder_divided_does_not_pass_by_a_shape_that_was_imported_meanwhile(
    people: dict[str, Any], tmp_path: Path
) -> None:
    parcel = parcel_at(square(0, 0), unit_number=UNIT)
    title = imported_title_on(parcel, number="一", holder=people["party"])
    verify(title)
    review = change_by_office(certificate=title, reason="核实", actor=people["clerk"])
    review = return_title(review=review, asked="请分割", seen=seen(review), actor=people["clerk"])
    cut_up(review, people["user"])
    assert imported_anew(tmp_path)["changed"] == 1
    review = submit_title(review=review, actor=people["user"])
    with pytest.raises(LaterImportWaits), transaction.atomic():
        proposed(review, people["clerk"])
    review = proposed(
        review, people["clerk"], Outcome.REJECTED, reason="另行立案", article="第三条"
    )
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert [one.parcel for one in ParcelVersion.objects.standing()] == [parcel]
    [waiting] = imported_corrections()
    assert waiting == title


def test_an_officer_reshapes_land_of_two_verified_titles_in_both_cases(
    people: dict[str, Any],
) -> None:
    trees, land, other = two_kinds_of_right(people)
    first = change_by_office(certificate=trees, reason="测量有误", actor=people["clerk"])
    assert companions(first) == []
    correct: dict[str, Any] = {
        "review": first, "parcel": current_shapes(first)[0].parcel, "geom": square(0, 0, 90),
        "as_officer": True, "actor": people["clerk"],
    }  # fmt: skip
    theirs = request_change(
        certificate=land, reason="改树种", party=land.rights.get().party, actor=other
    )
    submitted(theirs)
    with pytest.raises(ParcelShared):
        correct_shape(**correct)
    theirs = TitleReview.objects.get(pk=theirs.pk)
    return_title(review=theirs, asked="请更正", seen=seen(theirs), actor=people["clerk"])
    version = correct_shape(**correct)
    [second] = companions(first)
    assert current_shapes(second) == [version]
    assert Message.objects.filter(user=other, body=RESHAPED_TOO).exists()
    second = return_title(review=second, asked="请核对", seen=seen(second), actor=people["clerk"])
    with pytest.raises(DecidedTogether):
        correct_shape(**correct)
    recall_review(review=second, actor=people["clerk"])
    agent = clerk("agent")
    Mandate.objects.create(
        user=agent, party=land.rights.get().party, scope="view", valid_from=today(),
        given_by=other,
    )  # fmt: skip
    with pytest.raises(OwnTitle):
        correct_shape(**{**correct, "actor": agent})
    # Refused for one of them, it comes to nothing for the other.
    second = proposed(
        TitleReview.objects.get(pk=second.pk), people["clerk"], Outcome.REJECTED,
        reason="实地不符", article="第四条",
    )  # fmt: skip
    sign_review(review=second, seen=seen(second), actor=people["approver"])
    with pytest.raises(ParcelShared):
        signed(TitleReview.objects.get(pk=first.pk), people)
    assert ParcelVersion.objects.standing().get().number == 1


def test_raw_sql_reshapes_no_land_of_a_title_that_is_not_changed_with_it(
    people: dict[str, Any],
) -> None:
    trees, land, _other = two_kinds_of_right(people)
    change = change_by_office(certificate=trees, reason="测量有误", actor=people["clerk"])
    [held] = current_shapes(change)

    def shape_anew(number: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "WITH newer AS (INSERT INTO parcels_parcelversion (parcel_id, number, geom, because,"
                " made_by_id) VALUES (%s, %s, ST_GeomFromEWKB(%s), 'correction', %s) RETURNING id)"
                " INSERT INTO parcels_reviewshape (review_id, parcel_id, version_id, leaves, facts,"
                " made_by_id) SELECT %s, %s, id, false, '{}', %s FROM newer",
                [held.parcel_id, number, bytes(square(0, 0, 90).ewkb), people["clerk"].pk,
                 change.pk, held.parcel_id, people["clerk"].pk],
            )  # fmt: skip

    with pytest.raises(IntegrityError) as refusal:
        shape_anew(2)
    assert isinstance(refusal_of(refusal.value), ParcelShared)
    change_by_office(certificate=land, reason="测量有误", actor=people["clerk"])
    shape_anew(2)
    with refused_by("verified_title_gives_way_by_a_decision"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE parcels_titlecertificate SET state = 'superseded' WHERE id = %s", [trees.pk]
        )
    with refused_by("verified_shape_is_frozen"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE parcels_parcelversion SET stands_to = portal_now() WHERE id = %s", [held.pk]
        )
