"""Pages of projects and casework, as each of those who need them sees them."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.test import Client
from django.urls import reverse

from parcels.claims.operations import open_project_area, redraw_project_area
from portal.journal.models import Event
from tests.factories.land import square
from tests.tickets.projects.story import (
    Town,
    determine,
    draft_of,
    file_it,
    pass_completeness,
    pass_reviews,
    stranger,
    submitted,
)
from tickets.projects.plan import Step
from tickets.projects.review import step_of
from tickets.projects.signing import content_of, public_content

pytestmark = pytest.mark.django_db


def browser_of(user) -> Client:  # type: ignore[no-untyped-def]
    client = Client(headers={"accept": "text/html"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_every_page_of_an_application_opens_for_who_needs_it_and_for_nobody_else(
    town: Town,
) -> None:
    application, owner = submitted(town)
    page = reverse("projects:application", args=[application.key])
    for name in ("forestry_clerk", "natural_resources_clerk", "ecology_approver"):
        assert browser_of(town[name]).get(page).status_code == 200
    assert browser_of(owner).get(page).status_code == 200
    assert browser_of(stranger()).get(page).status_code == 404
    assert browser_of(town["expert1"]).get(page).status_code == 404
    seen = browser_of(town["forestry_clerk"]).get(page).content.decode()
    assert "身份已核验" in seen
    assert owner.get_full_name() in seen  # The representative, with the mandate.
    desk = reverse("casework:desk")
    shown = browser_of(town["forestry_clerk"]).get(desk)
    assert application.case.number in shown.content.decode()  # type: ignore[union-attr]
    assert browser_of(owner).get(desk).status_code == 404
    for address in ("casework:notices", "casework:moves"):
        assert Client().get(reverse(address), headers={"accept": "text/html"}).status_code == 200
    assert browser_of(owner).get(reverse("projects:projects")).status_code == 200
    assert browser_of(owner).get(reverse("casework:messages")).status_code == 200


def test_each_part_of_the_wizard_opens_and_says_what_is_missing(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 900))
    client = browser_of(owner)
    for slug in ("area", "titles", "shares", "design", "report", "sign"):
        assert client.get(reverse("projects:fill", args=[draft.key, slug])).status_code == 200
    page = client.get(reverse("projects:submit", args=[draft.key])).content.decode()
    assert "七项材料齐备" in page


def test_what_was_just_drawn_is_chosen_when_the_drawing_page_comes_back(town: Town) -> None:
    owner, party = town.owner()
    draft = draft_of(town, owner, party, square(0, 900))
    assert draft.area_version is not None
    newer = redraw_project_area(
        area=draft.area_version.area, geom=square(0, 900, 50), seen_number=1, actor=owner
    )
    _other, stranger_party = town.owner()
    foreign = open_project_area(
        name="他人", geom=square(900, 900), actor=_other, party=stranger_party
    )
    client = browser_of(owner)
    address = reverse("projects:fill", args=[draft.key, "area"])
    shown = client.get(address, {"area": str(newer.area.key), "version": str(newer.key)})
    assert shown.context["form"]["area"].value() == newer.pk
    assert "刚画好的" in shown.content.decode()
    for version in (str(foreign.key), "nonsense", ""):
        shown = client.get(address, {"version": version})
        assert shown.context["form"]["area"].value() == draft.area_version.pk
        assert "刚画好的" not in shown.content.decode()


def test_the_filing_is_a_pdf_for_its_owner_and_a_valid_page_for_everyone(town: Town) -> None:
    application, owner = submitted(town)
    pass_completeness(town, application)
    for name in ("natural_resources_clerk", "forestry_clerk"):
        page = reverse("projects:application", args=[application.key])
        assert "轮到您" in browser_of(town[name]).get(page).content.decode()
    pass_reviews(town, application)
    determine(town, application)
    filing = file_it(town, application, 2242)
    assert step_of(application, Step.FILING).status == "endorsed"
    paper = reverse("projects:filing-pdf", args=[filing.number])
    first = browser_of(owner).get(paper)
    assert first["Content-Type"] == "application/pdf"
    assert first.content == browser_of(owner).get(paper).content  # The same bytes each time.
    assert browser_of(stranger()).get(paper).status_code == 404
    shown = Client().get(f"/v/{filing.code.lower()}/", follow=True, headers={"accept": "text/html"})
    assert shown.status_code == 200
    assert "签名验证通过" in shown.content.decode()
    scan = Event.objects.get(subject_key=str(filing.key), verb="scanned")
    assert (scan.actor_key, scan.facts) == (None, {})
    assert application.project.applicant.name not in shown.content.decode()
    people = (application.project.applicant, filing.prepared_by, filing.signed_by)
    said = shown.context["content"]
    assert filing.number in said
    assert not any(str(one.key) in shown.content.decode() for one in people)
    # What was signed before: it holds, and is shown to who may read the certificate alone.
    former = json.dumps(
        {
            **json.loads(said),
            "form": "yining-filing/1",
            "applicant": str(people[0].key),
            "prepared_by": str(people[1].key),
            "signed_by": str(people[2].key),
        },
        sort_keys=True, separators=(",", ":"), ensure_ascii=False,
    )  # fmt: skip
    filing.content_sha256 = hashlib.sha256(former.encode()).hexdigest()
    assert (content_of(filing).decode(), public_content(filing)) == (former, "")
    wrong = Client().get("/v/0000/", headers={"accept": "text/html"})
    assert wrong.status_code == 404
