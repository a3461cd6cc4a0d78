"""After a return: what changed is judged again by who judged it, and confirmed, however late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.contrib.gis.geos import MultiPolygon
from django.urls import reverse

from parcels.claims.operations import redraw_project_area
from parcels.models import RuleRun, TitleCertificate, TitleReview
from parcels.reviews.operations import change_by_office, sign_review
from parcels.reviews.shapes import current_shapes
from parcels.titles.operations import correct_shape
from portal.accounts.models import Mandate, User
from portal.base.clock import advance_clock, now
from portal.casework.errors import OwnMatter
from portal.casework.models import ReviewStep
from portal.casework.moves import VerdictKind
from portal.casework.notices import object_to_notice
from portal.casework.operations import add_parties
from tests.base.sessions import refused_by
from tests.factories.land import square
from tests.parcels.claims.areas import exclusion_at
from tests.parcels.reviews.bench import proposed, seen
from tests.tickets.projects.story import (
    Town,
    calculate,
    confirm_all,
    consent,
    determine,
    determine_by_hand,
    file_it,
    hand_in,
    own_land,
    pass_completeness,
    pass_pair,
    pass_reviews,
    say,
    scan,
    submitted,
)
from tests.tickets.projects.test_co_owners import other_measures, share_out
from tests.tickets.projects.test_pages import browser_of
from tickets.projects.errors import (
    ApplicationIncomplete,
    AreaHasConflicts,
    MaterialsNotConfirmed,
    TitlesChanged,
    VerifierHasInterest,
)
from tickets.projects.models import Application, Filing, Material
from tickets.projects.notes import notice_of
from tickets.projects.operations import (
    add_material,
    link_titles,
    resubmit_application,
    save_draft,
)
from tickets.projects.plan import Step
from tickets.projects.queries import open_objections
from tickets.projects.review import (
    answer_application_objection,
    prepare_filing,
    sign_filing,
    step_of,
)

pytestmark = pytest.mark.django_db


def returned_by(
    town: Town, application: Application, step: Step, office: str = "forestry_clerk"
) -> Application:
    say(application, step, VerdictKind.RETURN, town[office], "请补正")
    application.refresh_from_db()
    return application


def answer(application: Application, owner: User) -> Application:
    application.refresh_from_db()
    return resubmit_application(
        application=application, actor=owner, seen=application.revision, answer="已补正"
    )


def paper_of(kind: Material.Kind) -> Callable[[Application, User, Town], None]:
    def add(application: Application, owner: User, town: Town) -> None:
        add_material(application=application, kind=kind, upload=scan(), actor=owner)

    return add


def new_design(application: Application, owner: User, town: Town) -> None:
    other_measures(application, owner)
    hand_in(application, owner)


def new_shares(application: Application, owner: User, town: Town) -> None:
    partner, other = town.owner()
    share_out(application, (application.project.applicant, 2), (other, 1))
    hand_in(application, owner)
    consent(application, partner, other)


def new_report(application: Application, owner: User, town: Town) -> None:
    calculate(application, town["other_verifier"], tonnes=90)
    hand_in(application, owner)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (new_design, True),
        (new_shares, True),
        (new_report, True),
        (paper_of(Material.Kind.TITLES), True),
        (paper_of(Material.Kind.AGREEMENT), True),
        (paper_of(Material.Kind.IDENTITY), False),
    ],
    ids=["design", "shares", "report", "titles", "agreement", "identity"],
)
def test_what_changed_after_a_late_return_is_judged_again_by_the_steps_that_judged_it(
    town: Town, change: Callable[[Application, User, Town], None], again: bool
) -> None:
    application, owner = submitted(town, tonnes=100)
    pass_completeness(town, application)
    pass_reviews(town, application)
    returned_by(town, application, Step.DETERMINATION)
    change(application, owner, town)
    answer(application, owner)
    judged = "open" if again else "endorsed"
    assert step_of(application, Step.TITLE).status == judged
    assert step_of(application, Step.TECHNICAL).status == judged
    assert step_of(application, Step.DETERMINATION).status == ("waiting" if again else "open")


def test_a_step_that_returned_its_own_matter_does_not_trouble_the_other_one(town: Town) -> None:
    application, owner = submitted(town)
    pass_completeness(town, application)
    pass_pair(town, application, Step.TECHNICAL, "forestry")
    returned_by(town, application, Step.TITLE, "natural_resources_clerk")
    paper_of(Material.Kind.TITLES)(application, owner, town)
    answer(application, owner)
    assert step_of(application, Step.TECHNICAL).status == "endorsed"
    returned_by(town, application, Step.TITLE, "natural_resources_clerk")
    new_design(application, owner, town)
    answer(application, owner)
    assert step_of(application, Step.TECHNICAL).status == "open"


def test_a_material_that_came_after_a_late_return_is_confirmed_before_anything_is_determined(
    town: Town,
) -> None:
    application, owner = submitted(town)
    pass_completeness(town, application)
    pass_reviews(town, application)
    returned_by(town, application, Step.DETERMINATION)
    paper_of(Material.Kind.IDENTITY)(application, owner, town)
    answer(application, owner)
    clerk = town["forestry_clerk"]
    assert clerk.inbox_messages.filter(subject__contains="待核对").exists()
    advance_clock(timedelta(days=9))
    with pytest.raises(MaterialsNotConfirmed):
        say(application, Step.DETERMINATION, VerdictKind.PREPARE, clerk, "同意")
    with refused_by("materials_are_confirmed"):
        determine_by_hand(town, application)
    confirm_all(town, application)
    determine(town, application)


def test_a_material_that_came_after_the_signers_return_is_confirmed_before_the_filing(
    town: Town,
) -> None:
    application, owner = submitted(town, tonnes=100)
    pass_completeness(town, application)
    pass_reviews(town, application)
    determine(town, application)
    returned_by(town, application, Step.FILING, "ecology_clerk")
    paper_of(Material.Kind.IDENTITY)(application, owner, town)
    assert answer(application, owner).state == Application.State.DETERMINED
    with pytest.raises(MaterialsNotConfirmed):
        file_it(town, application, 100)
    page = reverse("projects:application", args=[application.key])
    material = application.materials.filter(kind=Material.Kind.IDENTITY).latest("version")
    sent = {"action": "confirm", "material": material.key, "checked": ["number", "mandate"]}
    assert browser_of(town["forestry_clerk"]).post(page, sent).status_code == 302
    assert file_it(town, application, 100).quantity_kg == 100_000


def test_who_acts_for_a_co_owner_that_came_after_a_return_takes_no_part_any_more(
    town: Town,
) -> None:
    application, owner = submitted(town)
    returned_by(town, application, Step.COMPLETENESS)
    partner, other = town.owner()
    Mandate.objects.create(
        user=town["natural_resources_clerk"],
        party=other,
        scope=Mandate.Scope.VIEW,
        given_by=partner,
        valid_from=date(2026, 1, 1),
    )
    share_out(application, (application.project.applicant, 2), (other, 1))
    hand_in(application, owner)
    consent(application, partner, other)
    with refused_by("co_owners_are_parties_of_the_case"):
        Application.objects.filter(pk=application.pk).update(state="submitted")
    answer(application, owner)
    pass_completeness(town, application)
    with pytest.raises(OwnMatter):
        pass_pair(town, application, Step.TITLE, "natural_resources")


def test_who_signed_the_report_acts_for_no_co_owner_however_late_the_co_owner_came(
    town: Town,
) -> None:
    application, owner = submitted(town)
    returned_by(town, application, Step.COMPLETENESS)
    partner, other = town.owner()
    mandate = Mandate.objects.create(
        user=town["verifier"],
        party=other,
        scope=Mandate.Scope.VIEW,
        given_by=partner,
        valid_from=date(2026, 1, 1),
    )
    share_out(application, (application.project.applicant, 2), (other, 1))
    hand_in(application, owner)
    consent(application, partner, other)
    with pytest.raises(VerifierHasInterest):
        answer(application, owner)
    assert application.case is not None
    add_parties(case=application.case, others=[other], actor=owner)
    with refused_by("verifier_is_a_third_party"):
        Application.objects.filter(pk=application.pk).update(state="submitted")
    Mandate.objects.filter(pk=mandate.pk).update(ended_at=now(), ended_by=partner)
    answer(application, owner)


def link(application: Application, owner: User, *titles: TitleCertificate) -> None:
    application.refresh_from_db()
    link_titles(
        application=application, certificates=titles, seen=application.revision, actor=owner
    )
    hand_in(application, owner)


def moved_away(title: TitleCertificate, town: Town) -> None:
    """The bureau finds that the title's land lies elsewhere."""
    clerk, signer = (town[f"natural_resources_{role}"] for role in ("clerk", "approver"))
    change = change_by_office(certificate=title, reason="位置有误", actor=clerk)
    [held] = current_shapes(change)
    correct_shape(
        review=change, parcel=held.parcel, geom=square(0, 9500), as_officer=True, actor=clerk
    )
    change = proposed(TitleReview.objects.get(pk=change.pk), clerk)
    sign_review(review=change, seen=seen(change), actor=signer)


def test_titles_that_changed_since_the_submission_hold_the_determination_up(town: Town) -> None:
    application, owner = submitted(town, square(0, 9000))
    pass_completeness(town, application)
    pass_reviews(town, application)
    advance_clock(timedelta(days=9))
    clerk, desk = town["forestry_clerk"], reverse("casework:desk")
    with refused_by("land_was_asked_on_the_day"):
        determine_by_hand(town, application)
    changed = reverse("projects:changed-titles")
    assert application.project.name not in browser_of(clerk).get(changed).content.decode()
    title = application.titles.get().certificate
    moved_away(title, town)
    with pytest.raises(TitlesChanged) as refused:
        say(application, Step.DETERMINATION, VerdictKind.PREPARE, clerk, "同意")
    assert title.number in str(refused.value)
    assert changed in browser_of(clerk).get(desk).content.decode()
    assert application.project.name in browser_of(clerk).get(changed).content.decode()
    assert browser_of(owner).get(changed).status_code == 404
    page = reverse("projects:application", args=[application.key])
    assert "须退回补正后关联现行证书" in browser_of(owner).get(page).content.decode()
    with refused_by("linked_titles_are_verified"):
        determine_by_hand(town, application)
    returned_by(town, application, Step.DETERMINATION)
    with pytest.raises(ApplicationIncomplete):
        answer(application, owner)
    west, east = (
        own_land(application.project.applicant, square(at_m, 9000, 50, 100)) for at_m in (0, 50)
    )
    link(application, owner, west)
    with refused_by("linked_titles_cover_the_land"):
        Application.objects.filter(pk=application.pk).update(state="submitted")
    link(application, owner, west, east)
    assert answer(application, owner).state == Application.State.SUBMITTED


def redrawn(application: Application, owner: User, geom: MultiPolygon, town: Town) -> Application:
    """The returned application on other land, with a report and papers of it."""
    assert application.area_version is not None
    area = application.area_version.area
    newest = area.versions.latest("number")
    version = redraw_project_area(area=area, geom=geom, seen_number=newest.number, actor=owner)
    application.refresh_from_db()
    save_draft(
        application=application,
        area_version=version,
        period=application.period,
        seen=application.revision,
        actor=owner,
    )
    application.refresh_from_db()
    calculate(application, town["verifier"], tonnes=100)
    hand_in(application, owner)
    return answer(application, owner)


def test_what_was_said_against_a_patch_counts_until_the_patch_is_left_out(town: Town) -> None:
    application, owner = submitted(town, square(0, 9000))
    pass_completeness(town, application)
    notice = notice_of(application)
    assert notice is not None
    objection = object_to_notice(
        notice=notice, name="邻居", contact="电话", text="是我的", actor=None,
        shape=square(0, 9000, 20),
    )  # fmt: skip
    answer_application_objection(
        objection=objection, upheld=True, answer="属实", actor=town["forestry_clerk"]
    )
    for geom, open_ones in (
        (square(0, 9000, 99.9), 1),
        (square(20, 9000, 79), 0),
    ):
        returned_by(town, application, Step.TITLE, "natural_resources_clerk")
        redrawn(application, owner, geom, town)
        assert open_objections(application).count() == open_ones
        application.refresh_from_db()


def prepared_two_days_ago(town: Town) -> tuple[Application, ReviewStep]:
    """The filing's draft waits for its signer."""
    application, _owner = submitted(town, tonnes=100)
    pass_completeness(town, application)
    pass_reviews(town, application)
    determine(town, application)
    step = step_of(application, Step.FILING)
    prepare_filing(
        application=application,
        quantity_kg=100_000,
        actor=town["ecology_clerk"],
        seen=step.revision,
    )
    advance_clock(timedelta(days=2))
    step.refresh_from_db()
    return application, step


def test_the_land_is_asked_anew_at_the_signature(town: Town) -> None:
    application, step = prepared_two_days_ago(town)
    assert application.area_version is not None
    ccer = exclusion_at(application.area_version.geom)
    with pytest.raises(AreaHasConflicts) as refused:
        sign_filing(application=application, actor=town["ecology_approver"], seen=step.revision)
    assert ccer.number in str(refused.value)
    assert not Filing.objects.exists()
    application.refresh_from_db()
    step.refresh_from_db()
    assert (application.state, step.status) == (Application.State.DETERMINED, "prepared")


def test_a_filing_rests_on_a_uniqueness_report_of_its_own_day(town: Town) -> None:
    application, step = prepared_two_days_ago(town)
    old = RuleRun.objects.get(number=step.verdicts.get().facts["uniqueness_report"])
    filing = sign_filing(
        application=application, actor=town["ecology_approver"], seen=step.revision
    )
    assert filing.uniqueness_report.made_at - old.made_at > timedelta(days=1)
    filing.pk, filing.uniqueness_report = None, old
    with refused_by("filing_has_a_report_of_its_day"):
        filing.save(force_insert=True)
