"""Offsets: what each purpose must say, who decides, and that certificates stand for ever."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.forms import ChoiceField
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Department, Mandate, Role, User
from portal.base.clock import PortalNow
from portal.base.numbers import NumberKind, number_from
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from tests.accounts.people import officer, user_named
from tests.base.sessions import refused_by
from tests.tickets.registry.register import Bureau, mandate_of
from tests.tickets.registry_pages.hands import Hands
from tickets.offsets.access import lacking_of
from tickets.offsets.api import OffsetInput
from tickets.offsets.errors import (
    EstimateEmpty,
    NameNotReviewed,
    OffsetDecided,
    PreparerActed,
    PurposeIncomplete,
    SignerPrepared,
)
from tickets.offsets.estimate import estimate
from tickets.offsets.forms import OffsetForm
from tickets.offsets.models import CertificatePaper, Offset, OffsetRequest, Purpose
from tickets.offsets.operations import (
    agree_to_offset,
    ask_offset,
    prepare_offset,
    propose_name,
    refuse_offset,
    review_name,
    sign_offset,
)
from tickets.offsets.paper import offset_pdf
from tickets.offsets.queries import my_turn_count, open_requests_on, to_consent
from tickets.registry.errors import BlockNotFree, ConsentMissing, MandateTooSmall
from tickets.registry.models import CarbonTicket, Cause
from tickets.registry.operations import Owners, open_cause
from tickets.registry.queries import state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(bureau: Bureau) -> CarbonTicket:
    return bureau.issue(100_000)


@pytest.fixture
def clerk() -> User:
    return officer("ecology-clerk", Role.CLERK, Department.ECOLOGY)


def asked(bureau: Bureau, ticket: CarbonTicket, **more: Any) -> OffsetRequest:
    facts: dict[str, Any] = {"quantity_kg": 1000, "purpose": Purpose.PERSON, **more}
    return ask_offset(
        ticket=ticket,
        beneficiary=propose_name(name="张三丰", actor=bureau.owner_user),
        actor=bureau.owner_user,
        **facts,
    )


@pytest.mark.parametrize(
    ("purpose", "facts", "complete"),
    [
        ("organisation_year", {}, False),
        ("organisation_year", {"year": 2026}, True),
        ("event", {"event_name": "杏花节", "place": "伊宁"}, False),
        ("visitors", {"place": "那拉提"}, False),
        ("visitors", {"place": "那拉提", "year": 2026}, True),
        ("eco_justice", {"authority": "法院"}, False),
        ("eco_justice", {"authority": "法院", "document_number": "1号"}, True),
    ],
)
def test_each_purpose_says_where_the_emissions_came_from(
    bureau: Bureau, ticket: CarbonTicket, purpose: str, facts: dict[str, Any], complete: bool
) -> None:
    wanted = {"purpose": Purpose(purpose), **facts}
    if complete:
        assert asked(bureau, ticket, **wanted).state == OffsetRequest.State.ASKED
        return
    with pytest.raises(PurposeIncomplete):
        asked(bureau, ticket, **wanted)
    # The database refuses it as well, whoever writes the row.
    with pytest.raises(IntegrityError), transaction.atomic():
        OffsetRequest.objects.create(
            ticket=ticket, quantity_kg=1, beneficiary=propose_name(name="甲", actor=bureau.clerk),
            asked_by=bureau.clerk, **wanted,
        )  # fmt: skip


def test_who_prepared_does_not_sign_and_names_are_reviewed_first(
    bureau: Bureau, ticket: CarbonTicket, clerk: User
) -> None:
    wanted = asked(bureau, ticket)
    with pytest.raises(NameNotReviewed):
        prepare_offset(request=wanted, opinion="", actor=clerk)
    page = Client()
    page.force_login(clerk)
    typed = {"action": "prepare", "opinion": "材料齐全，数量相符。"}
    refused = page.post(reverse("offsets:request", args=[wanted.key]), typed)
    assert refused.status_code == 422
    assert f">{typed['opinion']}</textarea>" in refused.content.decode(), "typed in vain"
    review_name(beneficiary=wanted.beneficiary, accepted=True, actor=clerk)
    prepare_offset(request=wanted, opinion="", actor=clerk)
    with pytest.raises(OfficeMissing):
        sign_offset(request=wanted, actor=clerk)
    clerk.role_grants.create(role=Role.APPROVER, department=Department.ECOLOGY)
    with pytest.raises(SignerPrepared):
        sign_offset(request=wanted, actor=clerk)
    offset = sign_offset(request=wanted, actor=bureau.signer)
    with pytest.raises(OffsetDecided):
        sign_offset(request=wanted, actor=bureau.signer)
    state = state_of(ticket)
    assert state is not None
    assert (state.held_kg, state.offset_kg) == (99_000, 1000)
    assert offset.cause.blocks.standing().quantity_kg() == 1000


def test_every_owner_agrees_and_who_acts_for_one_neither_prepares_nor_signs(
    bureau: Bureau, clerk: User
) -> None:
    ticket = bureau.issue(owners=Owners(((bureau.owner, 1), (bureau.other, 1)), 2))
    wanted = asked(bureau, ticket)
    review_name(beneficiary=wanted.beneficiary, accepted=True, actor=clerk)
    with pytest.raises(ConsentMissing):
        prepare_offset(request=wanted, opinion="", actor=clerk)
    with pytest.raises(ConsentMissing):
        agree_to_offset(request=wanted, actor=bureau.buyer_user)
    agree_to_offset(request=wanted, actor=bureau.other_user)
    prepare_offset(request=wanted, opinion="", actor=clerk)
    mandate_of(bureau.signer, bureau.other, bureau.other_user)
    for decide in (sign_offset, partial(refuse_offset, reason="x")):
        with pytest.raises(OwnMatter):
            decide(request=wanted, actor=bureau.signer)
    with refused_by("nobody_decides_an_own_matter"):
        OffsetRequest.objects.filter(pk=wanted.pk).update(state="signed", decided_by=bureau.signer)


def test_what_was_agreed_to_is_what_is_signed(bureau: Bureau, clerk: User) -> None:
    """Plain SQL neither asks for more after the consent nor opens or removes what was decided."""
    ticket = bureau.issue()
    wanted, refused = asked(bureau, ticket), asked(bureau, ticket)
    review_name(beneficiary=wanted.beneficiary, accepted=True, actor=clerk)
    other = propose_name(name="李四", actor=bureau.owner_user)
    change = OffsetRequest.objects.filter(pk=wanted.pk).update
    for more in ({"quantity_kg": 50_000}, {"beneficiary": other}, {"asked_by": clerk},
                 {"state": "refused", "decided_by": clerk, "year": 2020}):  # fmt: skip
        with refused_by("nothing_is_rewritten"):
            change(**more)
    prepare_offset(request=wanted, opinion="", actor=clerk)
    sign_offset(request=wanted, actor=bureau.signer)
    refuse_offset(request=refused, reason="x", actor=clerk)
    for one in (wanted, refused):
        with refused_by("nothing_is_rewritten"):
            OffsetRequest.objects.filter(pk=one.pk).update(state="asked")
    with refused_by("nothing_is_rewritten"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM offsets_offsetrequest WHERE id = %s", [refused.pk])
    state = state_of(ticket)
    assert state is not None
    assert (state.held_kg, state.offset_kg) == (99_000, 1000)


def test_an_own_matter_is_judged_at_the_time_of_the_act(bureau: Bureau, clerk: User) -> None:
    ticket = bureau.issue()
    first, second, third = (asked(bureau, ticket) for _ in range(3))
    review_name(beneficiary=first.beneficiary, accepted=True, actor=clerk)
    for wanted in (first, second):
        prepare_offset(request=wanted, opinion="", actor=clerk)
    mandate = mandate_of(clerk, bureau.owner, bureau.owner_user)
    # Who prepared came to act for the owner afterwards.
    assert sign_offset(request=first, actor=bureau.signer).number
    with refused_by("nobody_decides_an_own_matter"):
        OffsetRequest.objects.filter(pk=third.pk).update(state="prepared", prepared_by=clerk)
    # Had he acted then, it could be refused alone, and the signer is not called a party.
    mandate_of(
        clerk, bureau.owner, bureau.owner_user, given_at=mandate.given_at - timedelta(days=1)
    )
    with refused_by("offset_is_prepared_by_no_party"):
        OffsetRequest.objects.filter(pk=second.pk).update(
            state="signed", decided_by=bureau.signer, decided_at=PortalNow()
        )
    with pytest.raises(PreparerActed):
        sign_offset(request=second, actor=bureau.signer)
    refuse_offset(request=second, reason="重新申请", actor=bureau.signer)


def test_more_requests_and_owners_ask_no_more_queries(
    bureau: Bureau, django_assert_num_queries: Any
) -> None:
    shares = Owners(tuple((party, 1) for party in (bureau.owner, bureau.other, bureau.buyer)), 3)
    ticket = bureau.issue(owners=shares)
    requests = [asked(bureau, ticket) for _request in range(4)]
    for wanted in requests[:2]:
        agree_to_offset(request=wanted, actor=bureau.other_user)
    with django_assert_num_queries(4):  # And the day.
        lacking = lacking_of(requests)
    assert [len(lacking[one.pk]) for one in requests] == [1, 1, 2, 2]
    with CaptureQueriesContext(connection) as queries:
        assert to_consent(bureau.other_user) == requests[2:]
        assert open_requests_on(ticket, bureau.buyer_user) == requests
    assert len(queries) < 20


def test_who_must_agree_to_an_offset_is_told_and_finds_it(
    bureau: Bureau, hands: Hands, clerk: User
) -> None:
    """Article 17 with domain.md, "Shares": co-owners dispose together."""
    ticket = bureau.issue(owners=Owners(((bureau.owner, 1), (bureau.other, 1)), 2))
    wanted = asked(bureau, ticket)
    page = reverse("offsets:request", args=[wanted.key])
    assert [one.link for one in Message.objects.filter(user=bureau.other_user)] == [page]
    assert not Message.objects.filter(user=bureau.owner_user, link=page).exists()
    pages = (reverse("offsets:offsets"), reverse("registry:ticket", args=[ticket.number]))
    for address in pages:
        assert page in hands.of(bureau.other_user).get(address).content.decode()
        assert page not in hands.of(bureau.buyer_user).get(address).content.decode()
    assert my_turn_count(bureau.other_user) == 1
    sent = {"action": "agree", "request_key": "one-click"}
    for _ in range(2):
        assert hands.of(bureau.other_user).post(page, sent).status_code == 302
    assert my_turn_count(bureau.other_user) is None
    review_name(beneficiary=wanted.beneficiary, accepted=True, actor=clerk)
    prepare_offset(request=wanted, opinion="", actor=clerk)
    # A consent lapses with its mandate, and whoever acts then gives it anew.
    Mandate.objects.filter(user=bureau.other_user, party=bureau.other).update(ended_at=PortalNow())
    with pytest.raises(ConsentMissing):
        sign_offset(request=wanted, actor=bureau.signer)
    mandate_of(bureau.buyer_user, bureau.other, bureau.other_user)
    with pytest.raises(ConsentMissing):
        agree_to_offset(request=wanted, actor=bureau.buyer_user)
    mandate_of(bureau.buyer_user, bureau.other, bureau.other_user, scope=Mandate.Scope.DISPOSE)
    assert to_consent(bureau.buyer_user) == [wanted]
    agree_to_offset(request=wanted, actor=bureau.buyer_user)
    sign_offset(request=wanted, actor=bureau.signer)


def test_requests_open_before_every_owner_agreed_carry_the_consent_of_who_asked(
    bureau: Bureau, clerk: User
) -> None:
    ticket = bureau.issue(owners=Owners(((bureau.owner, 1), (bureau.other, 1)), 2))
    mandate_of(bureau.owner_user, bureau.other, bureau.other_user, scope=Mandate.Scope.DISPOSE)
    wanted = OffsetRequest.objects.create(
        ticket=ticket, quantity_kg=1000, purpose=Purpose.PERSON, asked_by=bureau.owner_user,
        beneficiary=propose_name(name="张三丰", actor=bureau.owner_user),
    )  # fmt: skip
    review_name(beneficiary=wanted.beneficiary, accepted=True, actor=clerk)
    with pytest.raises(ConsentMissing):
        prepare_offset(request=wanted, opinion="", actor=clerk)
    upgrade = import_module("tickets.offsets.migrations.0006_consents_given_anew")
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(upgrade.CONSENTS)
    assert wanted.consents.count() == 2
    prepare_offset(request=wanted, opinion="", actor=clerk)


def test_an_eco_justice_case_is_not_asked_for_by_the_plain_form() -> None:
    field = OffsetForm().fields["purpose"]
    assert isinstance(field, ChoiceField)
    purposes = [code for code in Purpose.values if field.valid_value(code)]
    assert purposes == [code for code in Purpose.values if code != Purpose.ECO_JUSTICE]
    refused = OffsetInput(data={"quantity_kg": 1, "purpose": "eco_justice", "beneficiary": "甲"})
    assert not refused.is_valid()


def test_no_more_is_asked_for_than_is_free_and_mandated(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    with pytest.raises(BlockNotFree):
        asked(bureau, ticket, quantity_kg=100_001)
    delegate = user_named("delegate")
    Mandate.objects.create(
        user=delegate, party=bureau.owner, scope=Mandate.Scope.DISPOSE, quantity_kg_max=500,
        valid_from=date(2020, 1, 1), given_by=bureau.owner_user,
    )  # fmt: skip
    with pytest.raises(MandateTooSmall):
        ask_offset(
            ticket=ticket, quantity_kg=501, purpose=Purpose.PERSON, actor=delegate,
            beneficiary=propose_name(name="张三丰", actor=delegate),
        )  # fmt: skip
    assert OffsetRequest.objects.count() == 0


def test_a_certificate_stands_for_ever_and_prints_the_same(
    bureau: Bureau, ticket: CarbonTicket, clerk: User, hands: Hands, settings: Any
) -> None:
    wanted = asked(bureau, ticket)
    review_name(beneficiary=wanted.beneficiary, accepted=True, actor=clerk)
    prepare_offset(request=wanted, opinion="", actor=clerk)
    offset = Offset.objects.get(pk=sign_offset(request=wanted, actor=bureau.signer).pk)
    address = f"http://localhost/v/{offset.code}/"
    first = offset_pdf(offset, address=address)
    bureau.offset(ticket, 5000)
    assert offset_pdf(offset, address=address) == first
    same = ", ".join(
        field.attname for field in Offset._meta.concrete_fields
        if field.name not in ("cause", "number", "code", "request")
    )  # fmt: skip
    with refused_by("certificate_is_what_was_retired"), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO offsets_offset (cause_id, number, code, {same}) "
            f"SELECT %s, 'YN-D-2026-0000099-X', reverse(code), {same} FROM offsets_offset "
            "WHERE cause_id = %s",
            [open_cause(Cause.Kind.OFFSET).pk, offset.pk],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in (
        "UPDATE offsets_offset SET quantity_kg = 2000",
        "DELETE FROM offsets_offset",
        "UPDATE offsets_emissionfactor SET kg_per_unit = 0.1",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    public = Client()
    # A person is 张* to everyone, and the name is suggested to nobody else.
    pages = [reverse("offsets:offset", args=[offset.number]), f"/v/{offset.code}/"]
    for page in (public.get(one).content.decode() for one in pages):
        assert ("张*" in page, "张三丰" in page) == (True, False)
        assert bureau.owner.name not in page
    own = hands.of(bureau.owner_user)
    assert "张三丰" in own.get(pages[0]).content.decode()
    assert "张三丰" not in hands.of(bureau.buyer_user).get(
        reverse("offsets:offsets")
    ).content.decode()  # fmt: skip
    bought = bureau.transfer(ticket, 1000)
    form = reverse("offsets:ask", args=[bought.number])
    assert "张三丰" not in hands.of(bureau.buyer_user).get(form).content.decode()
    assert "张三丰" in own.get(reverse("offsets:ask", args=[ticket.number])).content.decode()
    paper = reverse("offsets:certificate", args=[offset.number])
    assert public.get(paper).status_code == 404
    assert hands.of(bureau.buyer_user).get(paper).status_code == 404
    given = hands.of(bureau.owner_user).get(paper)
    assert given.status_code == 200
    settings.PUBLIC_ADDRESS = (
        "https://portal.example"  # Given out once, whatever is asked for later.
    )
    assert hands.of(bureau.owner_user).get(paper).content == given.content
    with refused_by("certificate_is_its_hash"):
        CertificatePaper.objects.create(offset=offset, pdf=b"x", sha256=b"y" * 32)


def test_the_estimate_multiplies_once_and_rounds_up() -> None:
    lines, total_kg = estimate({"electricity": Decimal(1000), "night": Decimal("1.5")})
    assert {line.factor.code for line in lines} == {"electricity", "night"}
    assert total_kg == 567  # 536.6 + 30 kg
    assert all(line.factor.source for line in lines)
    with pytest.raises(EstimateEmpty):
        estimate({"car": Decimal(0)})
    page = reverse("offsets:estimate")
    assert Client().get(page, {"electricity": "1000", "night": "-1"}).status_code == 422
    number = number_from(NumberKind.TICKET, 2026, 1)
    assert Client().get(page, {"ticket": number}).context["form"].is_bound is False
    asked = Client().get(page, {"electricity": "1000", "ticket": number}).content.decode()
    assert f'{reverse("offsets:ask", args=[number])}?tonnes=0.537"' in asked
    foreign = Client().get(page, {"electricity": "1000", "ticket": "../x"}).content.decode()
    assert "?tonnes=" not in foreign
