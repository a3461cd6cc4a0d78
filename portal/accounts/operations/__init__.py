"""Writes of the accounts: who signs in, who stands for whom, who may do what."""

from portal.accounts.operations.attempts import ATTEMPT_LIMITS, note_attempt
from portal.accounts.operations.demonstration import ensure_demo_accounts
from portal.accounts.operations.identities import (
    change_number,
    decide_identity_check,
    erase_proposed_number,
    propose_number,
    read_document,
    rename_party,
    unmask_identity,
)
from portal.accounts.operations.mandates import end_mandate, end_mandates_of, give_mandate
from portal.accounts.operations.parties import MemberShare, link_party, record_members, unlink_party
from portal.accounts.operations.roles import grant_role, revoke_role
from portal.accounts.operations.second_factor import (
    confirm_second_factor,
    enrol_second_factor,
    remove_second_factor,
    require_second_factor,
)
from portal.accounts.operations.sessions import (
    note_session,
    revoke_other_sessions,
    revoke_session,
    send_password_reset,
    set_password,
)
from portal.accounts.operations.signing_up import (
    close_account,
    open_account,
    register_legal_body,
    register_person,
    sign_up_legal_body,
    sign_up_person,
)
from portal.accounts.operations.upkeep import (
    erase_refused_files,
    forget_old_traces,
    rotate_identity_keys,
)

__all__ = [
    "ATTEMPT_LIMITS",
    "MemberShare",
    "change_number",
    "close_account",
    "confirm_second_factor",
    "decide_identity_check",
    "end_mandate",
    "end_mandates_of",
    "enrol_second_factor",
    "ensure_demo_accounts",
    "erase_proposed_number",
    "erase_refused_files",
    "forget_old_traces",
    "give_mandate",
    "grant_role",
    "link_party",
    "note_attempt",
    "note_session",
    "open_account",
    "propose_number",
    "read_document",
    "record_members",
    "register_legal_body",
    "register_person",
    "remove_second_factor",
    "rename_party",
    "require_second_factor",
    "revoke_other_sessions",
    "revoke_role",
    "revoke_session",
    "rotate_identity_keys",
    "send_password_reset",
    "set_password",
    "sign_up_legal_body",
    "sign_up_person",
    "unlink_party",
    "unmask_identity",
]
