"""Users at their pages: each fills in a form as a browser would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Department, Party, Role, User
from portal.accounts.second_factor import confirmed_device, present_code
from portal.base.clock import advance_clock
from tests.accounts.people import officer, with_authenticator
from tests.tickets.projects.story import PDF
from tests.tickets.registry.register import Bureau, unissued
from tickets.registry.models import CarbonTicket, Registration, TicketRequest


def scan() -> SimpleUploadedFile:
    return SimpleUploadedFile("材料.pdf", PDF, content_type="application/pdf")


def line(party: Party, rest: str = "") -> str:
    """As a form names a party."""
    return f"{party.name},{party.identity_last4}" + (f",{rest}" if rest else "")


class Hands:
    """Everyone's browser."""

    def __init__(self, bureau: Bureau) -> None:
        self.bureau = bureau
        self.clients: dict[int, Client] = {}

    def of(self, user: User) -> Client:
        if user.pk not in self.clients:
            self.clients[user.pk] = Client()
            self.clients[user.pk].force_login(user)
        return self.clients[user.pk]

    def code(self, user: User) -> str:
        """The present code of the user's authenticator; each counts once."""
        device = confirmed_device(user) or with_authenticator(user)
        advance_clock(timedelta(seconds=31))
        return present_code(device)[0]

    def ask(self, user: User, kind: str, subject: str, **fields: Any) -> Any:
        if kind in ("sale", "gift"):
            fields.setdefault("code", self.code(user))
        fields.setdefault("request_key", uuid4().hex)
        return self.of(user).post(reverse("registry:ask", args=[kind, subject]), fields)

    def asked(self, user: User, kind: str, subject: str, **fields: Any) -> TicketRequest:
        answer = self.ask(user, kind, subject, **fields)
        assert answer.status_code == 302, answer.content.decode()[-3000:]
        found = TicketRequest.objects.order_by("-pk").first()
        assert found is not None
        return found

    def request(self, user: User, asked: TicketRequest, **fields: Any) -> Any:
        fields.setdefault("request_key", uuid4().hex)
        return self.of(user).post(reverse("registry:request", args=[asked.key]), fields)

    def decide(self, user: User, registration: Registration, **fields: Any) -> Any:
        fields.setdefault("request_key", uuid4().hex)
        return self.of(user).post(reverse("registry:registration", args=[registration.key]), fields)

    def through(self, asked: TicketRequest) -> Registration:
        """Clerk and approver of its office say yes."""
        finance = asked.department == Department.FINANCE
        bureau = self.bureau
        clerk = bureau.finance if finance else bureau.clerk
        approver = bureau.finance_approver if finance else bureau.approver
        if asked.registration is None:
            answer = self.request(clerk, asked, action="take", paper_seen="on")
            assert answer.status_code == 302, answer.content.decode()[:6000]
            asked.refresh_from_db()
        assert asked.registration is not None
        answer = self.decide(approver, asked.registration, action="approve")
        assert answer.status_code == 302, answer.content.decode()
        asked.registration.refresh_from_db()
        return asked.registration

    def issue(self, tonnes: str = "100") -> CarbonTicket:
        """From the next filing, on its owner's request."""
        filing = unissued()
        party = filing.application.project.applicant
        user = User.objects.get(mandates__party=party)
        self.bureau.owner, self.bureau.owner_user = party, user
        done = self.through(self.asked(user, "issue", filing.number, quantity=tonnes))
        return CarbonTicket.objects.get(opened_by__registration=done.key)


def bank_of(bureau: Bureau) -> User:
    """A user who serves the bank."""
    from portal.accounts.models import RoleGrant

    RoleGrant.objects.get_or_create(user=bureau.bank_user, role=Role.BANK, department="")
    return bureau.bank_user


def ecology_clerk() -> User:
    return officer("ec-hands", Role.CLERK, Department.ECOLOGY)
