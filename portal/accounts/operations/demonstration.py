"""The sign-ins of the demonstration."""

from __future__ import annotations

from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.demo import DEMO_ACCOUNTS, DEMO_MEMBERS, DEMO_PASSWORD, DemoAccount, DemoParty
from portal.accounts.errors import DemoAccountsRefused
from portal.accounts.identity import parse_body_number, parse_person_number
from portal.accounts.models import Party, User
from portal.accounts.operations.identities import ask_for_check, decide_identity_check
from portal.accounts.operations.parties import MemberShare, record_members
from portal.accounts.operations.roles import enter_role
from portal.accounts.operations.signing_up import new_user
from portal.accounts.queries import members_of
from portal.base.transactions import write_transaction


@write_transaction
def ensure_demo_accounts() -> dict[str, User]:
    """The demo sign-ins of design.md, by user name; those that are there already stay as they are.

    Each has a confirmed authenticator; owners, the collective, buyers, banks and the insurer are
    checked parties. Raises DemoAccountsRefused where the settings do not allow them.
    """
    if not settings.DEMO_ACCOUNTS or settings.INSTALLATION_KIND == "production":
        raise DemoAccountsRefused()
    known = User.objects.filter(username__in=[account.username for account in DEMO_ACCOUNTS])
    users = {user.username: user for user in known}
    for account in DEMO_ACCOUNTS:
        if account.username not in users:
            users[account.username] = _open_demo_account(account)
    for account in DEMO_ACCOUNTS:
        if account.party is not None:
            _check_demo_party(account.party, users[account.username], users["forestry"])
    collective = Party.objects.get(mandates__user=users["collective"])
    if not members_of(collective).exists():
        owners = [Party.objects.get(mandates__user=users[name]) for name in DEMO_MEMBERS]
        record_members(
            collective=collective,
            members=[MemberShare(owner, 1) for owner in owners],
            denominator=len(owners),
            actor=users["collective"],
        )
    return users


def _open_demo_account(account: DemoAccount) -> User:
    user = new_user(
        username=account.username,
        password=DEMO_PASSWORD,
        full_name=account.full_name,
        phone="",
        email="",
        actor=None,
    )
    if account.role is not None:
        enter_role(user, account.role, account.department, None)
    TOTPDevice.objects.create(user=user, name="totp", confirmed=True)
    user.refresh_from_db()
    return user


def _check_demo_party(wanted: DemoParty, user: User, clerk: User) -> None:
    if Party.objects.filter(mandates__user=user).exists():
        return
    parse = parse_person_number if wanted.kind == Party.Kind.PERSON else parse_body_number
    check = ask_for_check(
        kind=wanted.kind,
        name=wanted.name,
        number=parse(wanted.identity_number),
        documents=(),
        applicant=user,
        actor=user,
    )
    decide_identity_check(check=check, accepted=True, actor=clerk)
