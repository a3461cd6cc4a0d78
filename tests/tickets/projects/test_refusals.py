"""Bad input: a clear refusal, nothing lost, nothing half-written."""

from __future__ import annotations

import re
import time
import uuid
import zlib
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.test import Client
from django.urls import reverse

from parcels.claims.errors import ClaimPeriodInvalid
from parcels.claims.operations import redraw_project_area
from parcels.claims.queries import days
from parcels.models import Claim
from portal.accounts.models import Department, Mandate, Role, User
from portal.base.clock import advance_clock, today
from portal.base.errors import PortalError, StateMovedOn
from portal.casework.documents import add_document, parse_upload, read_upload
from portal.casework.errors import (
    CureIncomplete,
    DocumentTooLarge,
    DocumentUnreadable,
    ExpertHasConflict,
    ExpertHoldsOffice,
    HeardAsExpert,
    NotYourOffice,
    OpinionsAgainst,
    OpinionsMissing,
    OwnMatter,
    Recused,
    RegulationNotInForce,
    ThirdPartyRecused,
)
from portal.casework.escalation import tell_of_overdue
from portal.casework.models import (
    Document,
    Expert,
    ExpertConflict,
    NoticeObjection,
    Opinion,
    ReviewCase,
    ReviewStep,
    Verdict,
)
from portal.casework.moves import VerdictKind
from portal.casework.notices import object_to_notice
from portal.casework.operations import (
    add_comment,
    ask_expert,
    entrust_step,
    give_opinion,
    open_case,
    record_verdict,
)
from portal.casework.queries import askable_experts, opinions_wanted_of, steps_my_turn
from tests.accounts.people import officer, verbs
from tests.base.bodies import announce
from tests.base.sessions import refused_by
from tests.factories.land import square
from tests.tickets.projects.story import (
    PDF,
    PERIOD,
    Town,
    calculate,
    confirm_all,
    consent,
    determine,
    determine_by_hand,
    draft_of,
    enter_as_expert,
    file_it,
    hand_in,
    hear_experts,
    own_land,
    pass_completeness,
    pass_pair,
    pass_reviews,
    passed,
    say,
    scan,
    stranger,
    submitted,
)
from tests.tickets.projects.test_pages import browser_of
from tickets.projects.checklist import terms_of, what_is_missing
from tickets.projects.errors import (
    ApplicantDisqualified,
    ApplicationIncomplete,
    ApplicationMoveNotAllowed,
    ApplicationUnderReview,
    AreaHasConflicts,
    ConsentMissing,
    CoOwnersMissing,
    DisqualificationPending,
    FilingQuantityWrong,
    MaterialsNotConfirmed,
    MayNotApply,
    ObjectionsOpen,
    PeriodInvalid,
    PeriodTaken,
    PublicityNotOver,
    SharesWrong,
)
from tickets.projects.models import (
    Application,
    ApplicationShare,
    Disqualification,
    Filing,
    Material,
    Project,
)
from tickets.projects.notes import notice_of
from tickets.projects.operations import (
    PlannedMeasure,
    Share,
    add_material,
    link_titles,
    resubmit_application,
    save_draft,
    set_measures,
    set_shares,
    start_application,
    start_project,
    submit_application,
    withdraw_application,
)
from tickets.projects.plan import Step, disqualification_steps
from tickets.projects.review import (
    answer_application_objection,
    confirm_material,
    cure_application_objection,
    decide_disqualification,
    prepare_filing,
    propose_disqualification,
    step_of,
)

pytestmark = pytest.mark.django_db


def put_forward(draft: Application) -> Application:
    return submit_application(application=draft, actor=draft.made_by, seen=draft.revision)


# --- the draft ----------------------------------------------------------------------------------
def test_periods_that_end_before_they_begin_or_in_the_future_are_refused(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    with pytest.raises(ClaimPeriodInvalid):
        days(date(2025, 1, 1), date(2024, 12, 31))
    with pytest.raises(ClaimPeriodInvalid):
        days(date(2025, 1, 1), date.max)
    for period in (days(date(2026, 1, 1), today()), days(date(2030, 1, 1), date(2031, 1, 1))):
        with pytest.raises(PeriodInvalid):
            save_draft(
                application=draft,
                area_version=draft.area_version,
                period=period,
                seen=draft.revision,
                actor=owner,
            )
    draft.refresh_from_db()
    assert draft.period == PERIOD


@pytest.mark.parametrize("parts", [(9999,), (5000, 5001), (0, 10_000), (5000, -5000, 10_000)])
def test_shares_that_do_not_sum_to_the_whole_are_refused(
    town: Town, parts: tuple[int, ...]
) -> None:
    owner, party = town.owner()
    others = [town.owner()[1] for _part in parts[1:]]
    draft = draft_of(town, owner, party, square(0, 0))
    with pytest.raises(SharesWrong):
        set_shares(
            application=draft,
            denominator=10_000,
            shares=[Share(one, n) for one, n in zip([party, *others], parts, strict=True)],
            seen=draft.revision,
            actor=owner,
        )
    assert [share.numerator for share in draft.shares.all()] == [10_000]


def test_shares_by_plain_sql_sum_to_the_whole_at_commit(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    with refused_by("application_shares_sum_to_the_whole"):
        ApplicationShare.objects.filter(application=draft).update(numerator=9_999)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_99_point_99_percent_is_told_so_and_what_was_typed_stays(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    answer = browser_of(owner).post(
        reverse("projects:fill", args=[draft.key, "shares"]),
        {"party": party.key, "numerator": "99.99", "denominator": "100", "seen": draft.revision},
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "须为整数" in page
    assert "99.99" in page


def test_a_co_owner_who_did_not_consent_holds_the_submission_up(town: Town) -> None:
    owner, party = town.owner()
    partner, other = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    draft = set_shares(
        application=draft,
        denominator=3,
        shares=[Share(party, 2), Share(other, 1)],
        seen=draft.revision,
        actor=owner,
    )
    hand_in(draft, owner)
    with pytest.raises(CoOwnersMissing):
        put_forward(draft)
    with pytest.raises(ConsentMissing):
        consent(draft, owner, other)
    page = reverse("projects:consent", args=[draft.key])
    assert browser_of(partner).post(page, {"terms": terms_of(draft)}).status_code == 302
    assert put_forward(draft).state == Application.State.SUBMITTED


def test_a_second_window_is_shown_what_the_first_one_saved(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    seen = draft.revision
    client = browser_of(owner)
    page = reverse("projects:fill", args=[draft.key, "design"])
    rows = {"done_from": ["2021-03-01"], "done_to": ["2021-03-09"], "place": [""]}
    first = client.post(page, {"measure": ["第一窗口"], "seen": seen, **rows})
    assert first.status_code == 302
    second = client.post(page, {"measure": ["第二窗口"], "seen": seen, **rows})
    assert second.status_code == 409
    shown = second.content.decode()
    assert "第一窗口" in shown
    assert "第二窗口" in shown
    assert [one.name for one in draft.measures.all()] == ["第一窗口"]
    with pytest.raises(StateMovedOn):
        save_draft(application=draft, area_version=None, period=None, seen=seen, actor=owner)


def test_a_draft_is_started_once_and_can_be_given_up_for_good(town: Town) -> None:
    owner, party = town.owner()
    partner, other = town.owner()
    client, home = browser_of(owner), reverse("projects:projects")
    sent = {"name": "误建", "applicant": party.pk, "type": "planting", "request_key": "k"}
    first, second = (client.post(home, sent).headers["Location"] for _click in range(2))
    assert first == second
    draft = Application.objects.get(project__name="误建")
    set_shares(
        application=draft,
        denominator=3,
        shares=[Share(party, 2), Share(other, 1)],
        seen=draft.revision,
        actor=owner,
    )
    assert "误建" in browser_of(partner).get(home).content.decode()
    page = reverse("projects:application", args=[draft.key])
    assert client.post(page, {"action": "discard"}).status_code == 422
    assert client.post(page, {"action": "discard", "sure": "on"}).status_code == 302
    assert client.post(page, {"action": "discard", "sure": "on"}).status_code == 409
    assert "等待您对收益份额的同意" not in browser_of(partner).get(home).content.decode()
    assert str(draft.key) not in client.get(home).content.decode()
    assert browser_of(town["forestry_clerk"]).get(page).status_code == 404
    with refused_by("application_moves_by_the_table"):
        Application.objects.filter(pk=draft.pk).update(state="draft")
    with refused_by("submitted_application_is_not_changed"):
        draft.shares.all().delete()


# --- files --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "空"),
        (b"%PDF-1.7\n%%EOF\n", "没有任何页面"),
        (PDF[:-7], "没有任何页面"),
        (b"MZ\x90\x00 a program called report.pdf", "不是 PDF"),
        (b"\x89PNG\r\n\x1a\n", "不完整"),
        (b"<html><script>alert(1)</script></html>", "不是 PDF"),
    ],
)
def test_a_file_is_what_its_content_says(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        parse_upload(data, name="核算报告.pdf")
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "part",
    [
        b"/ObjStm",
        b"/ObjStm>>stream\n",
        b"/ObjStm>>stream\nno deflate",
        b"/ObjStm>>stream\n" + zlib.compress(bytes(4 * 1024**2))[:-5],
    ],
)
def test_a_file_that_names_object_streams_without_end_is_judged_in_little_time(
    part: bytes,
) -> None:
    data = b"%PDF-1.7\n" + part * (3 * 1024**2 // len(part)) + b"\n%%EOF\n"
    begun = time.process_time()
    with pytest.raises(DocumentUnreadable):
        parse_upload(data, name="报告.pdf")
    # Quadratic work on this file takes minutes.
    assert time.process_time() - begun < 5


def test_a_page_is_found_in_a_compressed_object_stream_after_one_that_is_broken() -> None:
    stream = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode >>\nstream\r\n"
    page = zlib.compress(b"1 0 << /Type /Page /Parent 2 0 R >>")
    whole = (
        b"%PDF-1.7\n" + stream + b"broken\nendstream\n" + stream + page + b"\nendstream\n%%EOF\n"
    )
    assert parse_upload(whole, name="a.pdf").data == whole
    with pytest.raises(DocumentUnreadable):
        parse_upload(whole.replace(page, zlib.compress(b"1 0 << /Type /Pages >>")), name="a.pdf")


def test_a_scan_of_300_megabytes_is_refused_before_it_is_read(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    page = reverse("projects:fill", args=[draft.key, "design"])
    kept = draft.materials.count()
    refused = announce(browser_of(owner), page, 300 * 1024**2)
    assert (refused.status_code, refused.json()["code"]) == (413, "document_too_large")
    # One that is below what a whole form may take, and above what a file may, is answered in place.
    big = SimpleUploadedFile("scan.pdf", b"%PDF-1.4")
    big.size = 50 * 1024**2 + 1
    with pytest.raises(DocumentTooLarge):
        read_upload(big)
    empty = {"action": "upload", "file": SimpleUploadedFile("设计.pdf", b"")}
    assert browser_of(owner).post(page, empty).status_code == 422
    assert draft.materials.count() == kept


def test_a_file_sent_twice_is_one_version_until_the_data_change(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    page, data = reverse("projects:fill", args=[draft.key, "design"]), scan().data

    def versions_after_sending() -> int:
        sent = {"action": "upload", "file": SimpleUploadedFile("设计.pdf", data)}
        assert browser_of(owner).post(page, sent).status_code == 302
        return draft.materials.filter(kind=Material.Kind.DESIGN).count()

    assert versions_after_sending() == 2  # The draft had one.
    assert versions_after_sending() == 2
    set_measures(
        application=draft,
        measures=[PlannedMeasure("抚育间伐", date(2022, 5, 1), date(2022, 5, 20), None)],
        seen=draft.revision,
        actor=owner,
    )
    assert versions_after_sending() == 3


def test_a_part_without_materials_takes_no_file(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    page = reverse("projects:fill", args=[draft.key, "area"])
    sent = {"action": "upload", "file": SimpleUploadedFile("图.pdf", PDF)}
    answer = browser_of(owner).post(page, sent)
    assert answer.status_code in (400, 422)
    assert "这一部分不收文件" in answer.content.decode()


def test_documents_are_read_through_the_gate_alone(town: Town) -> None:
    application, owner = submitted(town)
    document = application.materials.get(kind=Material.Kind.DESIGN).document
    assert document is not None
    page = reverse("casework:document", args=[document.key])
    answer = browser_of(owner).get(page)
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert browser_of(town["forestry_clerk"]).get(page).status_code == 200
    assert browser_of(stranger()).get(page).status_code == 404


# --- submission ---------------------------------------------------------------------------------
def test_nobody_applies_for_somebody_else_or_while_incomplete(town: Town) -> None:
    owner, party = town.owner()
    other, _theirs = town.owner()
    with pytest.raises(MayNotApply):
        start_project(name="别人的", applicant=party, type=Project.Type.PLANTING, actor=other)
    project = start_project(name="空", applicant=party, type=Project.Type.PLANTING, actor=owner)
    draft = start_application(project=project, actor=owner)
    with pytest.raises(PeriodInvalid):
        put_forward(draft)
    draft = draft_of(town, owner, party, square(0, 0))
    calculate(draft, town["verifier"], tonnes=100, reported=99)
    with pytest.raises(ApplicationIncomplete) as refused:
        put_forward(draft)
    assert "一致" in str(refused.value)
    assert not Claim.objects.exists()
    assert not ReviewCase.objects.exists()


def test_land_outside_ones_titles_or_of_a_title_that_ends_too_early_is_refused(town: Town) -> None:
    owner, party = town.owner()
    mine = own_land(party, square(0, 0, 100))
    beyond = draft_of(town, owner, party, square(50, 0, 100), titles=[mine])
    with pytest.raises(AreaHasConflicts):
        put_forward(beyond)
    short = own_land(party, square(1000, 0, 100), until=date(2025, 6, 30))
    ending = draft_of(town, owner, party, square(1000, 0, 100), titles=[short])
    with pytest.raises(AreaHasConflicts):
        put_forward(ending)
    assert not Claim.objects.exists()


def test_no_application_goes_forward_on_a_report_of_other_land_or_days(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 900))
    assert draft.area_version is not None
    wider = redraw_project_area(
        area=draft.area_version.area, geom=square(0, 900, 90), seen_number=1, actor=owner
    )
    draft = save_draft(
        application=draft, area_version=wider, period=PERIOD, seen=draft.revision, actor=owner
    )
    hand_in(draft, owner)  # The same report once more, as if it were of the new land.
    with pytest.raises(ApplicationIncomplete) as refusal:
        submit_application(application=draft, actor=owner, seen=draft.revision)
    assert "重新签署" in str(refusal.value)
    with refused_by("report_is_of_the_applied_land"):
        Application.objects.filter(pk=draft.pk).update(state="submitted")
    page = browser_of(owner).get(reverse("projects:fill", args=[draft.key, "report"]))
    assert "另一范围或监测期" in page.content.decode()
    calculate(draft, town["verifier"])
    hand_in(draft, owner)
    assert submit_application(application=draft, actor=owner, seen=draft.revision).claim is not None


def test_tonnes_of_the_same_days_are_not_applied_for_twice(town: Town) -> None:
    application, owner = submitted(town)
    again = start_application(
        project=application.project,
        area_version=application.area_version,
        period=days(date(2024, 1, 1), date(2024, 12, 31)),
        actor=owner,
    )
    certificates = [row.certificate for row in application.titles.all()]
    again = link_titles(
        application=again, certificates=certificates, seen=again.revision, actor=owner
    )
    assert application.area_version is not None
    place = application.area_version.geom.point_on_surface
    measures = [PlannedMeasure("抚育", date(2024, 4, 1), date(2024, 4, 9), place)]
    again = set_measures(application=again, measures=measures, seen=again.revision, actor=owner)
    calculate(again, town["verifier"])
    hand_in(again, owner)
    with pytest.raises(PeriodTaken):
        put_forward(again)
    assert Claim.objects.count() == ReviewCase.objects.count() == 1


def test_after_the_regulation_ends_nothing_new_begins_and_what_began_goes_on(town: Town) -> None:
    application, _owner = submitted(town)
    owner, party = town.owner()
    late = draft_of(town, owner, party, square(0, 3000))
    advance_clock(timedelta(days=(date(2028, 1, 31) - today()).days))
    with pytest.raises(RegulationNotInForce):
        put_forward(late)
    pass_completeness(town, application)
    assert step_of(application, Step.TITLE).status == "open"


# --- review -------------------------------------------------------------------------------------
def test_completeness_passes_when_every_material_is_confirmed(town: Town) -> None:
    application, _owner = submitted(town)
    with pytest.raises(NotYourOffice):  # Rather than what is missing: it is not his to know.
        say(application, Step.COMPLETENESS, VerdictKind.ENDORSE, town["ecology_clerk"])
    with pytest.raises(MaterialsNotConfirmed):
        say(application, Step.COMPLETENESS, VerdictKind.ENDORSE, town["forestry_clerk"])
    confirm_all(town, application)
    say(application, Step.COMPLETENESS, VerdictKind.ENDORSE, town["forestry_clerk"])


def test_a_return_stops_the_clock_and_the_answer_starts_it_again(town: Town) -> None:
    application, owner = submitted(town)
    say(application, Step.COMPLETENESS, VerdictKind.RETURN, town["forestry_clerk"], "缺签字页")
    application.refresh_from_db()
    assert application.state == Application.State.RETURNED
    assert owner.inbox_messages.filter(subject__contains="请补正").exists()
    add_material(application=application, kind=Material.Kind.AGREEMENT, upload=scan(), actor=owner)
    advance_clock(timedelta(days=5))
    application.refresh_from_db()
    resubmit_application(
        application=application, actor=owner, seen=application.revision, answer="已补"
    )
    application.refresh_from_db()
    assert application.state == Application.State.SUBMITTED
    assert application.case is not None
    application.case.refresh_from_db()
    assert application.case.received_on == today()  # Complete materials were received today.
    with pytest.raises(ApplicationUnderReview):
        add_material(
            application=application, kind=Material.Kind.AGREEMENT, upload=scan(), actor=owner
        )


def test_experts_are_enough_agree_and_have_no_conflict(town: Town) -> None:
    application, _owner = submitted(town)
    pass_completeness(town, application)
    pass_pair(town, application, Step.TITLE, "natural_resources")
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    step = step_of(application, Step.EXPERT)
    partial = Expert.objects.get(user=town["expert4"])
    ExpertConflict.objects.create(
        expert=partial, party=application.project.applicant, declared="亲属"
    )
    with pytest.raises(ExpertHasConflict):
        ask_expert(step=step, expert=partial, actor=town["forestry_clerk"])
    hear_experts(town, application, ("pass", "fail"))
    with pytest.raises(OpinionsMissing):
        say(application, Step.EXPERT, VerdictKind.ENDORSE, town["forestry_clerk"])
    third = ask_expert(
        step=step, expert=Expert.objects.get(user=town["expert3"]), actor=town["forestry_clerk"]
    )
    page = reverse("projects:application", args=[application.key])
    sent = {"action": "opine", "advice": "fail", "text": "参数无出处"}
    assert browser_of(town["expert3"]).post(page, sent).status_code == 302
    third.refresh_from_db()
    assert third.given_at is not None
    with pytest.raises(OpinionsAgainst):
        say(application, Step.EXPERT, VerdictKind.ENDORSE, town["forestry_clerk"])


def test_an_expert_who_kept_silent_in_a_former_round_is_heard_in_the_next(town: Town) -> None:
    application, owner = submitted(town)
    pass_completeness(town, application)
    pass_pair(town, application, Step.TITLE, "natural_resources")
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    silent, clerk = Expert.objects.get(user=town["expert4"]), town["forestry_clerk"]
    ask_expert(step=step_of(application, Step.EXPERT), expert=silent, actor=clerk)
    hear_experts(town, application)
    say(application, Step.EXPERT, VerdictKind.RETURN, clerk, "报告须更正")
    application.refresh_from_db()
    advance_clock(timedelta(days=1))
    calculate(application, town["other_verifier"], tonnes=90)
    hand_in(application, owner)
    resubmit_application(
        application=application, actor=owner, seen=application.revision, answer="新报告"
    )
    pass_pair(town, application, Step.TITLE, "natural_resources")
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    assert not opinions_wanted_of(silent.user).exists()  # Not asked in this round yet.
    asked = ask_expert(step=step_of(application, Step.EXPERT), expert=silent, actor=clerk)
    assert list(opinions_wanted_of(silent.user)) == [asked]
    page = reverse("projects:application", args=[application.key])
    sent = {"action": "opine", "advice": "pass", "text": "参数有据"}
    assert browser_of(silent.user).post(page, sent).status_code == 302
    asked.refresh_from_db()
    assert asked.given_at is not None
    assert browser_of(silent.user).post(page, sent).status_code == 404


def test_who_wrote_the_report_is_neither_the_entrusted_reviewer_nor_an_expert_on_it(
    town: Town,
) -> None:
    author = town["verifier"]
    expert = enter_as_expert(author)
    application, _owner = submitted(town)
    pass_completeness(town, application)
    pass_pair(town, application, Step.TITLE, "natural_resources")
    technical = step_of(application, Step.TECHNICAL)
    with pytest.raises(ThirdPartyRecused):
        entrust_step(step=technical, to=author, actor=town["forestry_approver"])
    ReviewStep.objects.filter(pk=technical.pk).update(entrusted=True, assigned_to=author)
    with pytest.raises(Recused):
        say(application, Step.TECHNICAL, VerdictKind.PREPARE, author, "可行")
    entrust_step(step=technical, to=town["other_verifier"], actor=town["forestry_approver"])
    say(application, Step.TECHNICAL, VerdictKind.PREPARE, town["other_verifier"], "可行")
    say(application, Step.TECHNICAL, VerdictKind.ENDORSE, town["forestry_approver"])
    with pytest.raises(ExpertHasConflict):
        ask_expert(
            step=step_of(application, Step.EXPERT), expert=expert, actor=town["forestry_clerk"]
        )


def test_nobody_is_heard_as_an_expert_and_decides_by_office_in_one_case(town: Town) -> None:
    """Articles 4 and 8; by plain SQL neither, and whichever of the two comes first."""

    reviewer, approver = enter_as_expert(town["natural_resources_clerk"]), town["forestry_approver"]
    late = enter_as_expert(town["ecology_clerk"])
    application, _owner = submitted(town)
    pass_completeness(town, application)
    pass_pair(town, application, Step.TITLE, "natural_resources")
    technical = step_of(application, Step.TECHNICAL)
    entrust_step(step=technical, to=town["other_verifier"], actor=approver)
    say(application, Step.TECHNICAL, VerdictKind.PREPARE, town["other_verifier"], "可行")
    second = officer("second_approver", Role.APPROVER, Department.FORESTRY)
    say(application, Step.TECHNICAL, VerdictKind.ENDORSE, second)
    step = step_of(application, Step.EXPERT)
    for judge in (reviewer, enter_as_expert(town["other_verifier"]), enter_as_expert(second)):
        assert judge not in askable_experts(step)
        with pytest.raises(ExpertHoldsOffice):
            ask_expert(step=step, expert=judge, actor=town["forestry_clerk"])
    with refused_by("officer_gives_no_opinion"):
        Opinion.objects.create(step=step, expert=reviewer, asked_by=town["forestry_clerk"])
    # Asked and silent, one still has one's office; once heard, no longer.
    hear_experts(town, application)
    heard = enter_as_expert(approver)
    assert {heard, late} <= set(askable_experts(step))
    for expert in (heard, late):
        opinion = ask_expert(step=step, expert=expert, actor=town["forestry_clerk"])
        if expert == heard:
            give_opinion(
                opinion=opinion, advice=Opinion.Advice.PASS, text="可行", actor=expert.user
            )
    say(application, Step.EXPERT, VerdictKind.ENDORSE, town["forestry_clerk"], "均同意")
    advance_clock(timedelta(days=9))
    say(application, Step.DETERMINATION, VerdictKind.PREPARE, town["forestry_clerk"], "同意")
    decision = step_of(application, Step.DETERMINATION)
    assert decision not in steps_my_turn(approver)
    with pytest.raises(HeardAsExpert):
        say(application, Step.DETERMINATION, VerdictKind.ENDORSE, approver)
    with refused_by("expert_gives_no_verdict"):
        Verdict.objects.create(
            step=decision, verdict=VerdictKind.ENDORSE, actor=approver, seen=decision.revision
        )
    say(application, Step.DETERMINATION, VerdictKind.ENDORSE, second)
    filing = step_of(application, Step.FILING)
    prepare_filing(
        application=application,
        quantity_kg=1000,
        actor=late.user,
        seen=filing.revision,
    )


def test_no_officer_acts_in_the_matter_of_who_gave_a_mandate(town: Town) -> None:
    application, _owner = submitted(town)
    clerk, approver = town["forestry_clerk"], town["forestry_approver"]
    pass_completeness(town, application)
    notice = notice_of(application)
    assert notice is not None
    page, visitor = reverse("casework:notice", args=[notice.key]), Client()
    sent = {"name": "邻居", "contact": "电话", "text": "是我的地", "request_key": "k"}
    assert [visitor.post(page, sent).status_code for _time in range(2)] == [302, 302]
    assert visitor.post(page, {**sent, "text": "别的话"}).status_code == 422
    objection = NoticeObjection.objects.get()  # Sent twice, it is one.
    for person in (clerk, approver):
        Mandate.objects.create(
            user=person,
            party=application.project.applicant,
            scope=Mandate.Scope.VIEW,
            given_by=approver,
            valid_from=date(2026, 1, 1),
        )
    expert = Expert.objects.get(user=town["expert1"])
    with pytest.raises(OwnMatter):
        confirm_material(
            material=application.materials.get(kind=Material.Kind.DESIGN), checked=[], actor=clerk
        )
    with pytest.raises(OwnMatter):
        answer_application_objection(
            objection=objection, upheld=False, answer="权属清楚", actor=clerk
        )
    with pytest.raises(OwnMatter):
        ask_expert(step=step_of(application, Step.EXPERT), expert=expert, actor=clerk)
    with pytest.raises(OwnMatter):
        entrust_step(
            step=step_of(application, Step.TECHNICAL), to=town["other_verifier"], actor=approver
        )


def test_nothing_is_determined_before_the_publicity_ends_or_with_an_open_objection(
    town: Town,
) -> None:
    application, _owner = submitted(town)
    pass_completeness(town, application)
    pass_reviews(town, application)
    notice = notice_of(application)
    assert notice is not None
    objection = object_to_notice(
        notice=notice,
        name="邻居",
        contact="电话",
        text="是我的地",
        shape=square(0, 0, 10),
        actor=None,
    )
    say(application, Step.DETERMINATION, VerdictKind.PREPARE, town["forestry_clerk"], "同意")
    with pytest.raises(PublicityNotOver):
        say(application, Step.DETERMINATION, VerdictKind.ENDORSE, town["forestry_approver"])
    advance_clock(timedelta(days=9))
    with pytest.raises(ObjectionsOpen):
        say(application, Step.DETERMINATION, VerdictKind.ENDORSE, town["forestry_approver"])
    answer_application_objection(
        objection=objection, upheld=False, answer="权属清楚", actor=town["forestry_clerk"]
    )
    with pytest.raises(CureIncomplete):
        cure_application_objection(
            objection=objection, reason="本来就不成立", actor=town["forestry_clerk"]
        )
    say(application, Step.DETERMINATION, VerdictKind.ENDORSE, town["forestry_approver"])


def test_an_upheld_objection_stands_in_the_way_until_the_office_says_what_cured_it(
    town: Town,
) -> None:
    application, owner = submitted(town)
    pass_completeness(town, application)
    pass_reviews(town, application)
    notice = notice_of(application)
    assert notice is not None
    objection = object_to_notice(
        notice=notice, name="邻居", contact="电话", text="未经我同意", shape=None, actor=None
    )
    clerk = town["forestry_clerk"]
    answer_application_objection(objection=objection, upheld=True, answer="属实", actor=clerk)
    with refused_by("publicity_is_over"):
        determine_by_hand(town, application)
    advance_clock(timedelta(days=9))
    with refused_by("objections_are_settled"):
        determine_by_hand(town, application)
    say(application, Step.DETERMINATION, VerdictKind.PREPARE, clerk, "同意")
    with pytest.raises(ObjectionsOpen):
        say(application, Step.DETERMINATION, VerdictKind.ENDORSE, town["forestry_approver"])
    page = reverse("projects:application", args=[application.key])
    sent = {"action": "cure", "objection": objection.key, "reason": "双方已签订协议，异议人撤回"}
    assert browser_of(owner).post(page, sent).status_code == 404
    assert browser_of(clerk).post(page, {**sent, "reason": " "}).status_code == 422
    assert browser_of(clerk).post(page, sent).status_code == 302
    with refused_by("nothing_is_rewritten"):
        NoticeObjection.objects.filter(pk=objection.pk).update(cure="另一理由")
    shown = Client().get(reverse("casework:objection", args=[objection.code]))
    assert "双方已签订协议" in shown.content.decode()
    assert verbs("notice", notice.key)[-1] == "cured"
    say(application, Step.DETERMINATION, VerdictKind.ENDORSE, town["forestry_approver"])


def test_a_filing_is_of_whole_tonnes_within_the_calculation(town: Town) -> None:
    application, _owner = submitted(town, tonnes=100)
    pass_completeness(town, application)
    pass_reviews(town, application)
    determine(town, application)
    step = step_of(application, Step.FILING)
    with pytest.raises(NotYourOffice):  # Before what is wrong with the tonnes.
        prepare_filing(
            application=application,
            quantity_kg=0,
            actor=town["forestry_clerk"],
            seen=step.revision,
        )
    for quantity_kg in (0, -1000, 1500, 101_000):
        with pytest.raises(FilingQuantityWrong):
            prepare_filing(
                application=application,
                quantity_kg=quantity_kg,
                actor=town["ecology_clerk"],
                seen=step.revision,
            )
    filing = file_it(town, application, 100)
    with pytest.raises(ProgrammingError), transaction.atomic():
        Filing.objects.update(quantity_kg=1000)  # The application's role has no such right.
    with refused_by("submitted_application_is_not_changed"):
        application.shares.all().delete()
    assert Filing.objects.get().quantity_kg == filing.quantity_kg == 100_000


def test_what_the_signer_returns_comes_back_to_the_signer_or_to_all_reviews(town: Town) -> None:
    application, owner = submitted(town, tonnes=100)
    pass_completeness(town, application)
    pass_reviews(town, application)
    determine(town, application)
    say(application, Step.FILING, VerdictKind.RETURN, town["ecology_clerk"], "协议附件不清晰")
    application.refresh_from_db()
    answered = resubmit_application(
        application=application, actor=owner, seen=application.revision, answer="已说明"
    )
    assert answered.state == Application.State.DETERMINED
    say(application, Step.FILING, VerdictKind.RETURN, town["ecology_clerk"], "报告须更正")
    application.refresh_from_db()
    calculate(application, town["other_verifier"], tonnes=90)
    hand_in(application, owner)
    answered = resubmit_application(
        application=application, actor=owner, seen=application.revision, answer="新报告"
    )
    assert answered.state == Application.State.SUBMITTED
    assert step_of(application, Step.TITLE).status == "open"
    assert step_of(application, Step.FILING).status == "waiting"
    confirm_all(town, application)
    pass_pair(town, application, Step.TITLE, "natural_resources")
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    hear_experts(town, application)
    say(application, Step.EXPERT, VerdictKind.ENDORSE, town["forestry_clerk"], "同意")
    determine(town, application)
    assert file_it(town, application, 90).quantity_kg == 90_000


def test_what_falls_due_is_told_to_the_approver_once_though_a_night_failed(town: Town) -> None:
    application, _owner = submitted(town)
    approver = town["forestry_approver"]
    advance_clock(timedelta(days=5))
    assert tell_of_overdue() == 0
    step = step_of(application, Step.COMPLETENESS)
    assert step.due_on is not None
    # Two mornings on which the job failed are made up for.
    advance_clock(timedelta(days=(step.due_on - today()).days + 3))
    assert tell_of_overdue() == 1
    assert approver.inbox_messages.filter(subject__startswith="逾期").count() == 1
    clerk = browser_of(town["forestry_clerk"])
    assert "逾期" in clerk.get(reverse("casework:desk")).content.decode()
    page = clerk.get(reverse("projects:application", args=[application.key])).content.decode()
    assert page.count("逾期") == 2  # Beside what is asked of him, and in the course of the case.
    assert tell_of_overdue() == 0  # The morning's job once more.
    advance_clock(timedelta(days=1))
    assert tell_of_overdue() == 0


def test_a_remark_is_pinned_and_an_internal_one_stays_inside(town: Town) -> None:
    application, owner = submitted(town)
    page = reverse("projects:application", args=[application.key])
    clerk = browser_of(town["forestry_clerk"])
    sent = {
        "action": "comment", "text": "界线待查", "place": "81.301,43.951", "request_key": "1",
    }  # fmt: skip

    def with_file(data: bytes) -> int:
        sheet = SimpleUploadedFile("图.pdf", data)
        return clerk.post(page, {**sent, "file": sheet}).status_code

    assert [with_file(PDF) for _time in range(2)] == [302, 302]  # Sent twice: once.
    assert with_file(PDF + b"\n") == 422  # Another file under the same key.
    public = {**sent, "text": "请补图", "public": "on", "request_key": "2"}
    assert clerk.post(page, public).status_code == 302
    assert clerk.post(page, {**sent, "place": "43.951,81.301"}).status_code == 422
    assert application.case is not None
    assert application.case.comments.count() == 2
    inside, outside = (browser.get(page).content.decode() for browser in (clerk, browser_of(owner)))
    assert "界线待查" in inside
    assert "界线待查" not in outside
    assert "请补图" in outside
    former = add_document(
        subject_kind="application",
        subject_key=application.key,
        kind="comment",
        upload=scan(),
        actor=town["forestry_clerk"],
    )
    add_comment(
        case=application.case, text="内部", actor=town["forestry_clerk"], attachments=[former]
    )
    for document in Document.objects.filter(kind="comment"):
        file = reverse("casework:document", args=[document.key])
        assert clerk.get(file).status_code == 200
        assert browser_of(owner).get(file).status_code == 404


def test_a_withdrawal_gives_the_land_free_and_cannot_be_undone(town: Town) -> None:
    application, owner = submitted(town)
    withdraw_application(application=application, actor=owner)
    application.refresh_from_db()
    assert application.claim is not None
    application.claim.refresh_from_db()
    assert application.claim.state == Claim.State.ENDED
    with pytest.raises(ApplicationMoveNotAllowed):
        withdraw_application(application=application, actor=owner)


def test_a_rejection_ends_the_case_frees_the_land_and_tells_the_owner_why(town: Town) -> None:
    application, owner = submitted(town)
    pass_completeness(town, application)
    pass_pair(town, application, Step.TITLE, "natural_resources")
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    hear_experts(town, application)
    say(application, Step.EXPERT, VerdictKind.ENDORSE, town["forestry_clerk"], "同意")
    say(application, Step.DETERMINATION, VerdictKind.PREPARE, town["forestry_clerk"], "不同意")
    approver = town["forestry_approver"]
    with pytest.raises(PortalError):
        say(application, Step.DETERMINATION, VerdictKind.REJECT, approver)  # Without a reason.
    say(application, Step.DETERMINATION, VerdictKind.REJECT, approver, "不具备真实性")
    application.refresh_from_db()
    assert application.state == Application.State.REJECTED
    assert application.claim is not None and application.case is not None  # noqa: PT018
    application.claim.refresh_from_db()
    application.case.refresh_from_db()
    assert application.claim.state == Claim.State.ENDED
    assert application.case.state == ReviewCase.State.REJECTED
    assert owner.inbox_messages.filter(body__contains="不具备真实性").exists()
    with pytest.raises(PortalError):
        say(application, Step.FILING, VerdictKind.PREPARE, town["ecology_clerk"], "拟稿")


def propose(town: Town, application: Application) -> Disqualification:
    return propose_disqualification(
        application=application,
        scope=Disqualification.Scope.PARTY,
        until=today() + timedelta(days=365),
        grounds="伪造林权证",
        hearing_on=today(),
        hearing_record="当事人到场陈述",
        actor=town["forestry_clerk"],
    )


def decide(town: Town, wanted: Disqualification, *, approve: bool = True) -> None:
    decide_disqualification(
        disqualification=wanted,
        approve=approve,
        reason="事实清楚" if approve else "证据不足",
        actor=town["forestry_approver"],
        seen=wanted.case.steps.get().revision,
    )


def another_case(wanted: Disqualification, actor: User) -> ReviewCase:
    return open_case(
        kind=wanted.case.kind,
        title="另案",
        subject_kind="disqualification",
        subject_key=wanted.application.key,
        steps=disqualification_steps(),
        actor=actor,
    )


def test_nobody_escapes_a_disqualification_by_withdrawing(town: Town) -> None:
    application, owner = submitted(town)
    wanted = propose(town, application)
    page = reverse("projects:application", args=[application.key])
    answer = browser_of(owner).post(page, {"action": "withdraw", "sure": "on"})
    assert answer.status_code == 409
    assert "作出决定前不能撤回" in answer.content.decode()
    with pytest.raises(DisqualificationPending):
        withdraw_application(application=application, actor=owner)
    with refused_by("no_withdrawal_under_disqualification"):
        # Round the application's own operations: the case first, then the state.
        step = step_of(application, Step.COMPLETENESS)
        record_verdict(step=step, verdict=VerdictKind.WITHDRAW, actor=owner, seen=step.revision)
        Application.objects.filter(pk=application.pk).update(state="withdrawn")
    with pytest.raises(ApplicationMoveNotAllowed):
        propose(town, application)
    second = Disqualification.objects.get(pk=wanted.pk)
    second.pk, second.key, second.case = None, uuid.uuid4(), another_case(wanted, owner)
    with refused_by("one_disqualification_at_a_time"):
        second.save(force_insert=True)
    decide(town, wanted, approve=False)
    withdraw_application(application=application, actor=owner)
    with pytest.raises(ApplicationMoveNotAllowed):
        propose(town, application)
    other, _owner = submitted(town)
    decide(town, propose(town, other))
    other.refresh_from_db()
    assert other.state == Application.State.DISQUALIFIED


def test_nothing_else_ends_an_application_while_its_disqualification_is_proposed(
    town: Town,
) -> None:
    application, _owner = submitted(town, tonnes=100)
    pass_completeness(town, application)
    pass_reviews(town, application)
    clerk, approver = town["forestry_clerk"], town["forestry_approver"]
    say(application, Step.DETERMINATION, VerdictKind.PREPARE, clerk, "不同意")
    first = propose(town, application)
    with pytest.raises(DisqualificationPending):
        say(application, Step.DETERMINATION, VerdictKind.REJECT, approver, "不具备真实性")
    with refused_by("no_withdrawal_under_disqualification"):
        # Round the application's own operations: the case first, then the state.
        step = step_of(application, Step.DETERMINATION)
        record_verdict(
            step=step, verdict=VerdictKind.REJECT, actor=approver, seen=step.revision, reason="否"
        )
        Application.objects.filter(pk=application.pk).update(state="rejected")
    decide(town, first, approve=False)
    advance_clock(timedelta(days=9))
    say(application, Step.DETERMINATION, VerdictKind.ENDORSE, approver)
    second = propose(town, application)
    with pytest.raises(DisqualificationPending):
        file_it(town, application, 100)
    decide(town, second)
    application.refresh_from_db()
    assert application.state == Application.State.DISQUALIFIED
    assert application.case is not None
    assert {step.status for step in application.case.steps.all()} == {"endorsed", "closed"}


def test_falsehood_costs_the_application_and_the_right_to_apply_until_a_day(town: Town) -> None:
    application, owner = submitted(town)
    decide(town, propose(town, application))
    application.refresh_from_db()
    assert application.state == Application.State.DISQUALIFIED
    again = draft_of(town, owner, application.project.applicant, square(0, 5000))
    assert [one.step for one in what_is_missing(again)] == ["shares"]  # Said while it is filled in.
    with pytest.raises(ApplicantDisqualified):
        put_forward(again)
    advance_clock(timedelta(days=367))
    assert put_forward(again).state == Application.State.SUBMITTED


def test_a_disqualified_party_takes_part_neither_as_a_co_owner_nor_by_an_answer(
    town: Town,
) -> None:
    false, barred_user = submitted(town)
    barred = false.project.applicant
    owner, party = town.owner()
    shared = draft_of(town, owner, party, square(0, 6000))
    shared = set_shares(
        application=shared,
        denominator=3,
        shares=[Share(party, 2), Share(barred, 1)],
        seen=shared.revision,
        actor=owner,
    )
    hand_in(shared, owner)
    consent(shared, barred_user, barred)
    returned = put_forward(draft_of(town, barred_user, barred, square(0, 7000)))
    say(returned, Step.COMPLETENESS, VerdictKind.RETURN, town["forestry_clerk"], "缺签字页")
    reviewed = put_forward(draft_of(town, barred_user, barred, square(0, 8000)))
    pass_completeness(town, reviewed)
    pass_reviews(town, reviewed)
    filing = passed(town, put_forward(draft_of(town, barred_user, barred, square(0, 9000))), 2242)
    decide(town, propose(town, false))
    with pytest.raises(ApplicantDisqualified):  # What was on its way goes no further.
        say(reviewed, Step.DETERMINATION, VerdictKind.PREPARE, town["forestry_clerk"], "同意")
    with pytest.raises(ApplicantDisqualified):
        put_forward(shared)
    returned.refresh_from_db()
    with pytest.raises(ApplicantDisqualified):
        resubmit_application(
            application=returned, actor=barred_user, seen=returned.revision, answer="已补"
        )
    for application in (shared, returned):
        with refused_by("applicant_is_not_disqualified"):
            Application.objects.filter(pk=application.pk).update(state="submitted")
    with refused_by("applicant_is_not_disqualified"):
        determine_by_hand(town, reviewed)
    filing.pk = None
    with refused_by("applicant_is_not_disqualified"):
        filing.save(force_insert=True)


def test_a_step_by_the_wrong_office_or_out_of_order_is_told_so_on_its_page(town: Town) -> None:
    application, owner = submitted(town)
    page = reverse("projects:application", args=[application.key])

    def post(who: object, **sent: object) -> int:
        return browser_of(who).post(page, {"action": "judge", "reason": "理由", **sent}).status_code

    early = {"step": "determination", "verdict": "prepare", "seen": 0}
    assert post(town["forestry_clerk"], **early) == 409
    wrong = {"step": "completeness", "verdict": "return", "seen": 0}
    assert post(town["ecology_clerk"], **wrong) == 403
    assert post(owner, **wrong) == 403
    assert post(town["forestry_clerk"], **{**wrong, "seen": 7}) == 409
    assert post(town["forestry_clerk"], **wrong) == 302
    assert post(town["forestry_clerk"], **wrong) == 409
    with transaction.atomic():
        assert application.case is not None
        assert application.case.steps.get(kind="completeness").verdicts.count() == 1


WORDS = "当事人陈述了三页的内容"


@pytest.mark.parametrize(
    ("office", "sent"),
    [
        (
            "forestry_clerk",
            {
                "action": "propose",
                "scope": "party",  # Without a day until when.
                "grounds": WORDS,
                "hearing_on": "2026-01-05",
                "hearing_record": "记录",
            },
        ),
        ("forestry_clerk", {"action": "answer", "upheld": "", "answer": WORDS}),
        ("forestry_clerk", {"action": "judge", "verdict": "return", "reason": WORDS, "seen": 99}),
        ("natural_resources_clerk", {"action": "comment", "text": WORDS, "place": "43.9,81.3"}),
    ],
    ids=["propose", "answer", "judge", "comment"],
)
def test_what_was_typed_stays_when_an_act_is_refused(
    town: Town, office: str, sent: dict[str, object]
) -> None:
    application, _owner = submitted(town)
    if sent["action"] == "answer":
        pass_completeness(town, application)
        notice = notice_of(application)
        assert notice is not None
        objection = object_to_notice(
            notice=notice, name="邻居", contact="电话", text="x", shape=None,
            actor=None,
        )  # fmt: skip
        sent = {**sent, "objection": objection.key}
    page = reverse("projects:application", args=[application.key])
    browser = browser_of(town[office])
    answer = browser.post(page, {"step": "completeness", "request_key": "k", **sent})
    assert answer.status_code in (409, 422)
    assert WORDS in answer.content.decode()


@pytest.mark.parametrize("seen", ["99999999999", "9" * 5000, "²", "-1", ""])
def test_a_state_that_nobody_saw_is_refused_in_words(town: Town, seen: str) -> None:
    application, _owner = submitted(town)
    page = reverse("projects:application", args=[application.key])
    wanted = propose(town, application)
    approver, clerk = browser_of(town["forestry_approver"]), browser_of(town["forestry_clerk"])
    decision = {"action": "decide", "disqualification": wanted.key, "approve": "yes"}
    assert approver.post(page, {**decision, "reason": "否", "seen": seen}).status_code == 422
    verdict = {"action": "judge", "step": "completeness", "verdict": "return", "reason": "否"}
    assert clerk.post(page, {**verdict, "seen": seen}).status_code == 422


def test_drafts_of_verdicts_and_opinions_under_way_stay_inside(town: Town) -> None:
    application, owner = submitted(town)
    pass_completeness(town, application)
    pass_pair(town, application, Step.TITLE, "natural_resources")
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    hear_experts(town, application)
    page = reverse("projects:application", args=[application.key])
    expert = browser_of(town["expert1"])
    sent = {"action": "comment", "text": "对同行说的话", "request_key": "1"}
    assert expert.post(page, sent).status_code == 302

    def read(who: object) -> str:
        return browser_of(who).get(page).content.decode()

    for inside in (town["ecology_clerk"], town["expert2"]):
        assert {"审查意见：符合要求", "方法得当", "对同行说的话"} <= set(
            re.findall("审查意见：符合要求|方法得当|对同行说的话", read(inside))
        )
    assert not re.findall("审查意见：符合要求|方法得当|对同行说的话", read(owner))
    say(application, Step.EXPERT, VerdictKind.ENDORSE, town["forestry_clerk"], "三位专家均同意")
    shown = read(owner)
    assert "方法得当" in shown
    assert town["expert1"].get_full_name() not in shown


def test_a_nul_in_any_field_is_refused_in_words_and_nothing_is_written(town: Town) -> None:
    application, owner = submitted(town)
    page = reverse("projects:application", args=[application.key])
    for sent in ({"action": "entrust", "verifier": "\0"}, {"action": "ask", "expert": "a\0"}):
        with transaction.atomic():
            answer = browser_of(town["forestry_clerk"]).post(page, sent)
        assert answer.status_code == 422
        assert "空字符" in answer.content.decode()
    draft = draft_of(town, owner, application.project.applicant, square(0, 5000))
    measure = {"measure": "补植\0", "done_from": "2021-04-01", "done_to": "2021-05-10", "place": ""}
    with transaction.atomic():
        answer = browser_of(owner).post(
            reverse("projects:fill", args=[draft.key, "design"]),
            {**measure, "seen": draft.revision},
        )
    assert answer.status_code == 422
    assert draft.measures.get().name == "补植杨树"
