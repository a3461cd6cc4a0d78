"""Article 20: anyone may complain; the accused neither handle nor see it; an answer stands."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.accounts.models import Department, Role, User
from portal.base.answers import VISITOR
from portal.base.clock import today
from portal.base.errors import NotFound
from portal.base.models import IdempotencyKey
from portal.casework.deadlines import due_on
from portal.casework.models import Document
from portal.journal.models import Event
from tests.accounts.people import officer
from tests.base.bodies import announce, begin
from tests.tickets.projects.story import PDF
from tickets.supervision.access import access_complaint
from tickets.supervision.errors import AccusedWouldHandle, ComplaintMovedOn, NotTheOffice, OwnDraft
from tickets.supervision.models import Complainant, Complaint
from tickets.supervision.operations.complaints import (
    accept_complaint,
    answer_complaint,
    competent_department,
    draft_answer,
    make_complaint,
    pass_on_complaint,
    reveal_complainant,
)
from tickets.supervision.queries import complaint_figures

pytestmark = pytest.mark.django_db
Topic = Complaint.Topic
NEW = "/complaints/new/"


def offices(department: Department) -> tuple[User, User]:
    name = department.value[:6]
    return (
        officer(f"{name}-c", Role.CLERK, department),
        officer(f"{name}-a", Role.APPROVER, department),
    )


def test_no_complaint_goes_to_the_department_it_is_about() -> None:
    for topic in Topic:
        for accused in Department:
            assert competent_department(topic, accused) is not accused


def test_from_an_anonymous_word_to_the_answer(client: Client) -> None:
    clerk, approver = offices(Department.ECOLOGY)
    text = "<script>alert(1)</script> 抵消凭证重复使用"
    answer = client.post(NEW, {
        "topic": "offset", "text": text, "place": "81.3,43.9",
        "evidence": [SimpleUploadedFile("a.pdf", PDF), SimpleUploadedFile("b.pdf", PDF)],
    })  # fmt: skip
    assert answer.status_code == 302
    made = Complaint.objects.get()
    page = client.get(answer.headers["Location"]).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert not Complainant.objects.exists()
    assert made.department == Department.ECOLOGY
    assert made.due_on == due_on(today(), 15).day
    files = Document.objects.filter(subject_kind="complaint", subject_key=made.key)
    assert [one.added_by for one in files] == [None, None]

    accept_complaint(complaint=made, actor=clerk)
    with pytest.raises(ComplaintMovedOn):
        accept_complaint(complaint=made, actor=clerk)
    draft_answer(complaint=made, upheld=True, answer="已责令改正。", actor=clerk)
    with pytest.raises(NotTheOffice):
        answer_complaint(complaint=made, actor=clerk)
    answer_complaint(complaint=made, actor=approver)
    assert "已责令改正。" in client.get(f"/complaints/{made.code.lower()}/").content.decode()
    row = next(one for one in complaint_figures() if one.label == str(Topic.OFFSET.label))
    assert (row.received, row.answered, row.upheld, row.in_time) == (1, 1, 1, 1)


def test_who_drafts_does_not_approve() -> None:
    clerk, _approver = offices(Department.FINANCE)
    both = officer("both", Role.APPROVER, Department.FINANCE)
    both.role_grants.create(role=Role.CLERK, department=Department.FINANCE)
    made = make_complaint(topic=Topic.FINANCE, text="重复质押", actor=None)
    accept_complaint(complaint=made, actor=clerk)
    draft_answer(complaint=made, upheld=False, answer="查无此事", actor=both)
    with pytest.raises(OwnDraft):
        answer_complaint(complaint=made, actor=both)


def test_the_accused_department_sees_neither_complaint_nor_name() -> None:
    clerk, _ = offices(Department.FORESTRY)
    other, _ = offices(Department.JUSTICE)
    outsider, _ = offices(Department.FINANCE)
    made = make_complaint(
        topic=Topic.FALSEHOOD, text="收受好处", accused=Department.FORESTRY,
        name="古丽", contact="gul@example.cn", actor=None,
    )  # fmt: skip
    assert made.department == Department.JUSTICE
    for user in (clerk, outsider):
        with pytest.raises(NotFound):
            access_complaint(made.key, user)
        with pytest.raises(NotFound):
            reveal_complainant(complaint=made, reason="好奇", actor=user)
    with pytest.raises(AccusedWouldHandle):
        pass_on_complaint(complaint=made, to=Department.FORESTRY, reason="转办", actor=other)
    # Who serves both departments is kept out as well.
    other.role_grants.create(role=Role.CLERK, department=Department.FORESTRY)
    with pytest.raises(NotFound):
        access_complaint(made.key, other)
    single = officer("single", Role.CLERK, Department.JUSTICE)
    named = reveal_complainant(complaint=made, reason="回访", actor=single)
    assert named.name == "古丽"
    events = Event.objects.filter(subject_kind="complaint")
    assert events.filter(verb="complainant_read", actor_key=single.key).exists()
    assert not any("古丽" in str(event.facts) for event in events)


def test_the_page_of_the_department_is_closed_to_the_accused(client: Client) -> None:
    clerk, _ = offices(Department.FORESTRY)
    made = make_complaint(
        topic=Topic.FALSEHOOD, text="秘密", accused=Department.FORESTRY, actor=None
    )
    client.force_login(clerk)
    assert client.get(f"/complaints/cases/{made.key}/").status_code == 404
    assert "秘密" not in client.get("/complaints/desk/").content.decode()


@pytest.mark.parametrize("attack", [
    "UPDATE supervision_complaint SET text = '另说'",
    "UPDATE supervision_complaint SET due_on = '2030-01-01'",
    "UPDATE supervision_complaint SET place = NULL",
    "UPDATE supervision_complaint SET department = 'forestry'",
    "UPDATE supervision_complaint SET state = 'answered'",
    "UPDATE supervision_complaint SET state = 'drafted'",
    "DELETE FROM supervision_complaint",
    "TRUNCATE supervision_complaint CASCADE",
])  # fmt: skip
def test_the_database_keeps_what_was_said(attack: str) -> None:
    make_complaint(
        topic=Topic.LAND, text="越界", accused=Department.FORESTRY, actor=None,
        place=Point(81.3, 43.9, srid=4490),
    )  # fmt: skip
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_an_answer_is_never_another_than_the_approved_draft() -> None:
    clerk, approver = offices(Department.NATURAL_RESOURCES)
    made = make_complaint(topic=Topic.LAND, text="越界", actor=None)
    accept_complaint(complaint=made, actor=clerk)
    draft_answer(complaint=made, upheld=True, answer="已更正", actor=clerk)
    attack = (
        "UPDATE supervision_complaint SET state = 'answered', answer = '别的', "
        "answered_at = now(), answered_by_id = %s"
    )
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack, [approver.pk])
    answer_complaint(complaint=made, actor=approver)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE supervision_complaint SET answer = '改口'")


def test_two_gigabytes_are_refused_before_they_are_read() -> None:
    strict = Client(enforce_csrf_checks=True)
    refused = announce(strict, NEW, 2 * 1024**3)
    assert refused.status_code == 413
    assert refused.json()["code"] == "document_too_large"
    # And the token is still asked for.
    assert strict.post(NEW, {"topic": "land", "text": "x"}).status_code == 403


def test_what_was_typed_stays_in_the_form_when_its_files_are_too_large(client: Client) -> None:
    large = SimpleUploadedFile("录像.pdf", PDF.ljust(20_000, b"0"))
    sent = {
        "topic": "land", "text": "有人越界 <b>", "place": "81.305120,43.907110", "contact": "138",
        "evidence": large,
    }  # fmt: skip
    refused = begin(client, NEW, 2 * 1024**3, sent)
    page = refused.content.decode()
    assert refused.status_code == 413
    assert "50 MiB" in page
    for typed in ("有人越界 &lt;b&gt;", 'value="81.305120,43.907110"', 'value="138"'):
        assert typed in page
    assert not Complaint.objects.exists()


def test_a_second_click_is_the_same_complaint_and_tells_nobody_whose(client: Client) -> None:
    client.force_login(officer("neighbour", Role.AUDITOR))
    sent = {"topic": "land", "text": "越界", "request_key": "k1"}
    first, second = client.post(NEW, sent), client.post(NEW, sent)
    assert first.headers["Location"] == second.headers["Location"]
    assert Complaint.objects.count() == 1
    assert IdempotencyKey.objects.get(key="k1").user_key == VISITOR
    assert client.post(NEW, {**sent, "request_key": "k2"}).status_code == 302
    assert Complaint.objects.count() == 2
    assert 'name="request_key"' in client.get(NEW).content.decode()


@pytest.mark.parametrize(("given", "said"), [
    ({"text": ""}, "必填"),
    ({"place": "43.9,81.3"}, "经度"),
    ({"place": "nan,43.9"}, "坐标"),
    ({"ticket": "YN-2026-9999999-X"}, "没有这个编号"),
    ({"evidence": SimpleUploadedFile("a.pdf", b"MZ virus")}, "a.pdf"),
    ({"topic": "nonsense"}, "nonsense"),
])  # fmt: skip
def test_bad_input_is_said_and_nothing_is_lost(
    client: Client, given: dict[str, object], said: str
) -> None:
    sent = {"topic": "land", "text": "有人越界 <b>", **given}
    refused = client.post(NEW, sent)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert said in page
    assert not Complaint.objects.exists()
    if given != {"text": ""}:
        assert "有人越界 &lt;b&gt;" in page


def test_a_thousand_complaints_are_held_back_with_another_way(client: Client) -> None:
    for number in range(5):
        sent = client.post(NEW, {"topic": "land", "text": f"第 {number} 件"})
        assert sent.status_code == 302
    refused = client.post(NEW, {"topic": "land", "text": "第六件"})
    page = refused.content.decode()
    assert refused.status_code == 429
    assert "12345" in page
    assert "第六件" in page
    assert Complaint.objects.count() == 5
    other = client.post(NEW, {"topic": "land", "text": "别处"}, REMOTE_ADDR="198.51.100.7")
    assert other.status_code == 302


def test_a_try_counts_before_its_files_are_looked_into(client: Client) -> None:
    def attempt() -> Any:
        bad = SimpleUploadedFile("坏.pdf", b"MZ virus")
        return client.post(NEW, {"topic": "land", "text": "有人越界", "evidence": bad})

    assert [attempt().status_code for _try in range(6)] == [422] * 5 + [429]
    last = attempt().content.decode()
    assert "有人越界" in last
    assert "坏.pdf" not in last


def test_due_day_of_the_specification() -> None:
    assert due_on(date(2026, 2, 10), 15).day == date(2026, 3, 9)
