"""Whose land is in has a share and consents, to just what is put forward (article 5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from parcels.claims.operations import redraw_project_area
from parcels.claims.queries import days
from parcels.models import ProjectAreaVersion
from parcels.rules.table import Stage
from portal.accounts.models import Mandate, Party, PartyLink, User
from portal.base.clock import PortalNow, now, today
from portal.base.errors import StateMovedOn
from portal.casework.moves import VerdictKind
from tests.accounts.people import name_only
from tests.base.sessions import refused_by
from tests.factories.land import square
from tests.tickets.projects.story import (
    PDF,
    PERIOD,
    Town,
    consent,
    draft_of,
    hand_in,
    own_land,
    passed,
    say,
    scan,
    submitted,
)
from tests.tickets.projects.test_pages import browser_of
from tickets.projects.checklist import terms_of
from tickets.projects.errors import (
    ApplicationIncomplete,
    AreaHasConflicts,
    ConsentMissing,
    CoOwnersMissing,
)
from tickets.projects.models import Application, ApplicationShare, Material
from tickets.projects.operations import (
    PlannedMeasure,
    Share,
    add_material,
    check_land,
    consent_to_share,
    link_titles,
    resubmit_application,
    save_draft,
    set_measures,
    set_shares,
    submit_application,
)
from tickets.projects.plan import Step

pytestmark = pytest.mark.django_db


def put_forward(draft: Application) -> Application:
    draft.refresh_from_db()
    return submit_application(application=draft, actor=draft.made_by, seen=draft.revision)


def share_out(draft: Application, *parts: tuple[Party, int]) -> Application:
    draft.refresh_from_db()
    return set_shares(
        application=draft,
        denominator=sum(part for _party, part in parts),
        shares=[Share(party, part) for party, part in parts],
        seen=draft.revision,
        actor=draft.made_by,
    )


def returned(town: Town, application: Application) -> Application:
    say(application, Step.COMPLETENESS, VerdictKind.RETURN, town["forestry_clerk"], "请补正")
    application.refresh_from_db()
    return application


def test_every_member_of_a_collective_whose_land_is_in_has_a_share_and_consents(
    town: Town,
) -> None:
    head, village, members = town.village(3)
    (anna, hers), (_ben, his), (_cem, elsewhere) = members
    own_land(elsewhere, square(200, 0))  # Beside the project: its border is only touched.
    titles = [own_land(hers, square(0, 0)), own_land(his, square(100, 0))]
    draft = draft_of(town, head, village, square(0, 0, 200, 100), titles=titles)
    with pytest.raises(CoOwnersMissing) as refused:
        put_forward(draft)
    assert refused.value.code == "co_owners_missing"
    assert refused.value.facts["missing"].count("的份额和同意") == 2
    page = reverse("projects:fill", args=[draft.key, "shares"])
    assert "还没有份额" in browser_of(head).get(page).content.decode()
    draft = share_out(draft, (village, 1), (hers, 5), (his, 4))
    hand_in(draft, head)
    assert anna.inbox_messages.filter(subject__contains="请确认收益份额").exists()
    with pytest.raises(CoOwnersMissing) as refused:
        put_forward(draft)
    assert refused.value.facts["missing"].count("的同意") == 2
    consent(draft, anna, hers)
    # One has no account: the head brings the signed paper, and no other consent falls by it.
    sent = {"action": "consent", "party": his.key, "terms": terms_of(draft)}
    paper = SimpleUploadedFile("同意书.pdf", PDF)
    assert browser_of(head).post(page, {**sent, "file": paper}).status_code == 302
    signed = draft.shares.get(party=his)
    assert signed.consent_document is not None
    assert signed.consent_document.kind == "consent"
    application = put_forward(draft)
    assert application.case is not None
    assert {place.party for place in application.case.parties.all()} >= {village, hers, his}


def test_by_plain_sql_no_member_is_left_out_either(town: Town) -> None:
    head, village, [(anna, hers), (ben, his)] = town.village(2)
    titles = [own_land(hers, square(0, 0)), own_land(his, square(100, 0))]
    draft = draft_of(town, head, village, square(0, 0, 200, 100), titles=titles)
    draft = share_out(draft, (hers, 5), (his, 5))
    hand_in(draft, head)
    consent(draft, anna, hers)
    consent(draft, ben, his)
    application = share_out(returned(town, put_forward(draft)), (hers, 1))
    consent(application, anna, hers)
    with refused_by("every_member_with_land_has_a_share"):
        Application.objects.filter(pk=application.pk).update(state="submitted")
    stranger = town.owner()[1]
    share_out(application, (hers, 1), (his, 1), (stranger, 1))
    with refused_by("every_share_is_consented_to"):
        Application.objects.filter(pk=application.pk).update(state="submitted")


def test_an_owner_known_by_name_only_is_checked_and_linked_before_the_submission(
    town: Town,
) -> None:
    """Article 5: nobody consents for a bare name; asked at each stage, by plain SQL too."""
    (owner, party), (partner, other) = town.owner(), town.owner()
    name = name_only("阿不都热合曼")
    titles = [own_land(party, square(0, 0)), own_land(name, square(100, 0))]
    draft = draft_of(town, owner, party, square(0, 0, 200, 100), titles=titles)
    draft = share_out(draft, (party, 1), (other, 1))
    hand_in(draft, owner)
    consent(draft, partner, other)
    page = reverse("projects:fill", args=[draft.key, "titles"])
    assert "请其本人注册并核验身份" in browser_of(owner).get(page).content.decode()
    with pytest.raises(ApplicationIncomplete, match=name.name):
        put_forward(draft)
    with pytest.raises(AreaHasConflicts):
        check_land(draft, owner, stage=Stage.SUBMIT)
    link = PartyLink.objects.create(
        name_only=name, checked=other, evidence="林权档案", linked_by=town["forestry_clerk"]
    )
    assert "请其本人注册并核验身份" not in browser_of(owner).get(page).content.decode()
    application = put_forward(draft)
    returned(town, application)
    link.ended_at, link.ended_by = now(), town["forestry_clerk"]
    link.save()
    with refused_by("holders_are_known"):
        Application.objects.filter(pk=application.pk).update(state="submitted")
    again = PartyLink.objects.create(
        name_only=name, checked=other, evidence="林权档案", linked_by=town["forestry_clerk"]
    )
    application.refresh_from_db()
    resubmit_application(
        application=application, actor=owner, seen=application.revision, answer="已关联"
    )
    filing = passed(town, application, 2242)
    again.ended_at, again.ended_by = now(), town["forestry_clerk"]
    again.save()
    filing.pk = None
    with refused_by("holders_are_known"):
        filing.save(force_insert=True)


def redraw(draft: Application, owner: User) -> ProjectAreaVersion:
    assert draft.area_version is not None
    return redraw_project_area(
        area=draft.area_version.area, geom=square(0, 0, 90), seen_number=1, actor=owner
    )


def save(
    draft: Application, owner: User, *, area: bool = False, period: bool = False
) -> Application:
    return save_draft(
        application=draft,
        area_version=redraw(draft, owner) if area else draft.area_version,
        period=days(date(2021, 1, 1), date(2024, 12, 31)) if period else PERIOD,
        seen=draft.revision,
        actor=owner,
    )


def other_measures(draft: Application, owner: User) -> Application:
    assert draft.area_version is not None
    place = draft.area_version.geom.point_on_surface
    measures = [PlannedMeasure("灌水", date(2022, 5, 1), date(2022, 6, 1), place)]
    return set_measures(application=draft, measures=measures, seen=draft.revision, actor=owner)


CHANGES: dict[str, Callable[[Application, User], object]] = {
    "area": lambda draft, owner: save(draft, owner, area=True),
    "period": lambda draft, owner: save(draft, owner, period=True),
    "agreement": lambda draft, owner: add_material(
        application=draft, kind=Material.Kind.AGREEMENT, upload=scan(), actor=owner
    ),
    "shares": lambda draft, _owner: share_out(
        draft, *[(share.party, 1) for share in draft.shares.select_related("party")]
    ),
    "the same shares": lambda draft, _owner: share_out(
        draft, *[(share.party, share.numerator) for share in draft.shares.select_related("party")]
    ),
    "measures": other_measures,
}


@pytest.mark.parametrize(
    ("what", "stands"),
    [
        ("area", False),
        ("period", False),
        ("agreement", False),
        ("shares", False),
        ("the same shares", True),
        ("measures", True),
    ],
)
def test_a_consent_falls_with_what_it_was_given_to(town: Town, what: str, stands: bool) -> None:
    (owner, party), (partner, other) = town.owner(), town.owner()
    draft = draft_of(town, owner, party, square(0, 0))
    draft = share_out(draft, (party, 2), (other, 1))
    hand_in(draft, owner)
    consent(draft, partner, other)
    asked = partner.inbox_messages.count()
    CHANGES[what](draft, owner)
    mine, theirs = draft.shares.get(party=party), draft.shares.get(party=other)
    assert mine.consented_to == terms_of(draft)  # Who saves consents to it.
    assert (theirs.consented_at is not None) == stands
    assert partner.inbox_messages.count() == asked + (not stands)
    waiting = browser_of(partner).get(reverse("projects:projects")).content.decode()
    assert ("等待您对收益份额的同意" in waiting) != stands
    if not stands:
        with pytest.raises(CoOwnersMissing):
            put_forward(draft)


def test_by_plain_sql_no_consent_is_carried_to_other_terms(town: Town) -> None:
    (owner, party), (partner, other) = town.owner(), town.owner()
    draft = share_out(draft_of(town, owner, party, square(0, 0)), (party, 2), (other, 1))
    hand_in(draft, owner)
    consent(draft, partner, other)
    application = returned(town, put_forward(draft))
    Application.objects.filter(pk=application.pk).update(share_denominator=6)
    ApplicationShare.objects.filter(application=application).update(numerator=3)
    with refused_by("every_share_is_consented_to"):
        Application.objects.filter(pk=application.pk).update(state="submitted")
    with refused_by("consent_is_whole_or_absent"):
        application.shares.update(consented_to="")


def test_a_co_owner_consents_to_what_was_seen_and_to_nothing_newer(town: Town) -> None:
    (owner, party), (partner, other) = town.owner(), town.owner()
    draft = share_out(draft_of(town, owner, party, square(0, 0)), (party, 2), (other, 1))
    seen = terms_of(draft)
    page = reverse("projects:consent", args=[draft.key])
    assert seen in browser_of(partner).get(page).content.decode()
    share_out(draft, (party, 9), (other, 1))
    refused = browser_of(partner).post(page, {"terms": seen})
    assert refused.status_code == 409
    assert "已被他人更新" in refused.content.decode()
    with pytest.raises(StateMovedOn):
        consent_to_share(share=draft.shares.get(party=other), terms=seen, actor=partner)
    assert draft.shares.get(party=other).consented_at is None


def test_a_representative_brings_in_the_titles_of_those_for_whom_he_applies(town: Town) -> None:
    (owner, party), (partner, other) = town.owner(), town.owner()
    mine, theirs = own_land(party, square(0, 0)), own_land(other, square(100, 0))
    draft = draft_of(town, owner, party, square(0, 0, 200, 100), titles=[mine])
    page = reverse("projects:fill", args=[draft.key, "titles"])
    assert theirs.number not in browser_of(owner).get(page).content.decode()
    Mandate.objects.create(
        user=owner,
        party=other,
        scope=Mandate.Scope.APPLY,
        given_by=partner,
        valid_from=date(2026, 1, 1),
    )
    sent = {"titles": [mine.pk, theirs.pk], "seen": draft.revision}
    assert browser_of(owner).post(page, sent).status_code == 302
    draft.refresh_from_db()
    by_area = {"action": "by_area", "seen": draft.revision}
    shares = reverse("projects:fill", args=[draft.key, "shares"])
    assert browser_of(owner).post(shares, by_area).status_code == 302
    assert [row.numerator for row in draft.shares.all()] == [5_000, 5_000]
    hand_in(draft, owner)
    # The mandate brings in his land; what he gets for it he agrees to himself (article 5).
    assert partner.inbox_messages.filter(subject__contains="请确认收益份额").exists()
    assert "不能代其同意" in browser_of(owner).get(shares).content.decode()
    with pytest.raises(ConsentMissing):
        consent(draft, owner, other)
    assert browser_of(owner).get(reverse("projects:consent", args=[draft.key])).context["mine"] == [
        draft.shares.get(party=party)
    ]
    with pytest.raises(CoOwnersMissing):
        put_forward(draft)
    consent(draft, partner, other)
    assert put_forward(draft).state == Application.State.SUBMITTED


def test_who_acts_for_a_co_owner_in_all_matters_consents_for_him_and_nobody_else_by_plain_sql(
    town: Town,
) -> None:
    (owner, party), (partner, other) = town.owner(), town.owner()
    draft = share_out(draft_of(town, owner, party, square(0, 0)), (party, 2), (other, 1))
    share = draft.shares.filter(party=other)
    by_owner = {"consented_by": owner, "consented_to": terms_of(draft)}
    with refused_by("consent_is_of_the_party"):
        share.update(consented_at=PortalNow(), **by_owner)
    mandate = Mandate.objects.create(
        user=owner, party=other, scope=Mandate.Scope.ALL, given_by=partner, valid_from=today()
    )
    with refused_by("consent_is_of_the_party"):  # On a day of which the mandate says nothing.
        share.update(consented_at=now() - timedelta(days=2), **by_owner)
    other_measures(draft, owner)
    assert share.get().consented_by == owner
    Mandate.objects.filter(pk=mandate.pk).update(ended_at=now(), ended_by=partner)
    hand_in(draft, owner)  # Another agreement: asked anew, of who may answer now.
    assert share.get().consented_at is None


def test_the_linked_certificates_cover_the_land_and_none_that_covers_it_is_left_out(
    town: Town,
) -> None:
    owner, party = town.owner()
    linked, left_out = own_land(party, square(0, 0)), own_land(party, square(100, 0))
    draft = draft_of(town, owner, party, square(0, 0, 200, 100), titles=[linked])
    with pytest.raises(AreaHasConflicts) as refused:
        put_forward(draft)
    assert left_out.number in str(refused.value)
    draft = link_titles(application=draft, certificates=[], seen=draft.revision, actor=owner)
    page = browser_of(owner).get(reverse("projects:fill", args=[draft.key, "titles"]))
    assert page.content.decode().count("checked") == 2  # Those that cover it are ticked at first.
    draft = link_titles(
        application=draft, certificates=[linked, left_out], seen=draft.revision, actor=owner
    )
    hand_in(draft, owner)
    assert put_forward(draft).state == Application.State.SUBMITTED


def test_the_place_of_a_measure_belongs_to_what_is_signed(town: Town) -> None:
    application, _owner = submitted(town)
    draft = returned(town, application)
    before = draft.materials.get(kind=Material.Kind.DESIGN).content_sha256
    [measure] = draft.measures.all()
    place = square(0, 0, 20).centroid
    moved = set_measures(
        application=draft,
        measures=[PlannedMeasure(measure.name, measure.done_from, measure.done_to, place)],
        seen=draft.revision,
        actor=draft.made_by,
    )
    hand_in(moved, draft.made_by)
    after = draft.materials.filter(kind=Material.Kind.DESIGN).latest("version").content_sha256
    assert after != before
    # It lies on the project's land, and somewhere (article 4).
    elsewhere = moved.area_version is not None and not moved.area_version.geom.intersects(place)
    assert elsewhere
    with pytest.raises(ApplicationIncomplete) as refused:
        resubmit_application(
            application=moved, actor=draft.made_by, seen=moved.revision, answer="已补"
        )
    assert measure.name in str(refused.value)
    with refused_by("measures_lie_on_the_land"):
        Application.objects.filter(pk=moved.pk).update(state="submitted")
