"""Why an act of the accounts was refused: one class for each rule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class AccountsError(PortalError):
    """A rule about users, parties, roles or mandates was not kept."""

    code = "accounts_error"
    message = _("账户操作未完成。")


class TooManyAttempts(AccountsError):
    """Too many tries from one place, or for one name, within a span of time."""

    code = "too_many_attempts"
    message = _("尝试次数过多，请 {minutes} 分钟后再试。")


@stands_for("accounts_user_username_key", "one_user_per_name")
class UsernameTaken(AccountsError):
    """Names differ by more than capital and small letters."""

    code = "username_taken"
    message = _("这个用户名已被使用，请换一个。")


@stands_for("one_party_per_identity_number")
class IdentityTaken(AccountsError):
    """A person or body with this identity number exists; it is never registered twice."""

    code = "identity_taken"
    message = _("这个证件号码已经登记。如果不是您本人或本单位登记的，请联系市林业主管部门。")


@stands_for("former_number_is_kept", "one_present_number_per_party", "number_ends_after_it_begins")
class NumberNotKept(AccountsError):
    """A party's number gives way to one that was proposed for it, and stays on record."""

    code = "number_not_kept"
    message = _("证件号码只能凭登记变更，原号码须留存。")


class IdentityNumberWrong(AccountsError):
    """The length, an unexpected character or the check digit says that it was mistyped."""

    code = "identity_number_wrong"
    message = _("“{scheme}”的位数、字符或校验位不对，请对照证件核对。")


class NoIdentityNumber(AccountsError):
    """The party has no identity number to show: known by name only, or refused and erased."""

    code = "no_identity_number"
    message = _("该权利主体没有登记证件号码。")


class DocumentRefused(AccountsError):
    """A file is not of an allowed kind, empty, or too large."""

    code = "document_refused"
    message = _("只接受 PDF、JPEG 或 PNG 文件，每个不超过 {limit_mib} MB，最多 {count} 个。")


class ReasonMissing(AccountsError):
    """The act must say why."""

    code = "reason_missing"
    message = _("请写明理由。")


class OfficeMissing(AccountsError):
    """The actor holds no office now that may do this."""

    code = "office_missing"
    message = _("您目前的职务无权进行此操作。")


class MandateMissing(AccountsError):
    """The user does not act for this party now, or not in this matter."""

    code = "mandate_missing"
    message = _("您目前没有代表该权利主体办理此事项的委托。")


class MandateDocumentMissing(AccountsError):
    """A clerk records a mandate from its paper alone."""

    code = "mandate_document_missing"
    message = _("由工作人员登记委托时，须上传授权委托书。")


class MandateEnded(AccountsError):
    """The mandate was ended before."""

    code = "mandate_ended"
    message = _("这项委托已经终止。")


@stands_for("mandate_ends_after_it_begins", "mandate_limits_are_positive")
class MandateTermsWrong(AccountsError):
    """The last day lies before the first, or a limit is not positive."""

    code = "mandate_terms_wrong"
    message = _("委托的起止日期或限额有误：止日不得早于起日，限额须大于零。")


class PartyNotChecked(AccountsError):
    """The party's identity has not been accepted by a clerk."""

    code = "party_not_checked"
    message = _("该权利主体的身份尚未核验通过。")


@stands_for("link_joins_a_name_and_a_checked_party")
class PartyKindWrong(AccountsError):
    """The act does not fit this kind of party."""

    code = "party_kind_wrong"
    message = _("该权利主体的类型不适用于此操作。")


@stands_for("one_standing_link_per_name")
class PartyLinked(AccountsError):
    """The name is linked to a checked party already."""

    code = "party_linked"
    message = _("该名称已经关联到一个核验过的权利主体。如有误，请先解除原关联。")


@stands_for("one_standing_membership", "member_is_not_the_collective_itself")
class MemberTwice(AccountsError):
    """A member stands in the list twice, or the collective in its own list."""

    code = "member_twice"
    message = _("成员名单中有重复的成员，或包含集体自身。")


@stands_for("member_shares_sum_to_the_whole", "member_share_is_a_fraction")
class SharesDoNotSum(AccountsError):
    """Shares are numerators over one common denominator and sum to it."""

    code = "shares_do_not_sum"
    message = _("成员份额须使用同一分母，且合计为一。")


@stands_for("one_open_grant_of_a_role")
class RoleHeld(AccountsError):
    """The user holds this role in this department already."""

    code = "role_held"
    message = _("该用户已经担任这个角色。")


@stands_for("role_grant_ends_after_it_begins")
class RoleRevoked(AccountsError):
    """The role was revoked before; a revocation is never undone, a new grant is another row."""

    code = "role_revoked"
    message = _("这个角色已经收回。")


@stands_for("clerks_and_approvers_belong_to_a_department")
class DepartmentMissing(AccountsError):
    """Clerks and approvers serve one of the six departments (article 3)."""

    code = "department_missing"
    message = _("经办和审批须指明所属部门。")


@stands_for("nobody_decides_on_an_own_identity", "nobody_grants_a_role_to_themselves")
class SamePerson(AccountsError):
    """Who decides does not decide alone, nor on a matter of their own (domain.md)."""

    code = "same_person"
    message = _("不能由本人办理本人的事项，请由另一位工作人员办理。")


class AlreadyDecided(AccountsError):
    """Somebody decided meanwhile."""

    code = "already_decided"
    message = _("这一事项已经作出决定，请刷新后查看。")


@stands_for("one_waiting_check_per_party")
class CheckWaiting(AccountsError):
    """The party's identity waits for its decision already."""

    code = "check_waiting"
    message = _("该权利主体的身份核验正在等待办理。")


class SessionUnknown(AccountsError):
    """The session ended before."""

    code = "session_unknown"
    message = _("这个会话已经结束。")


@stands_for("one_standing_token_of_a_name")
class TokenNameTaken(AccountsError):
    """Two standing tokens of one name could not be told apart in the list."""

    code = "token_name_taken"
    message = _("您已有一个同名的令牌，请换个名称，或先撤销原来的。")


@stands_for("token_has_known_scopes", "token_has_a_name", "token_lasts_at_most_a_year")
class TokenTermsWrong(AccountsError):
    """A token has a name, one or more known scopes, and ends within a year."""

    code = "token_terms_wrong"
    message = _("令牌须有名称和至少一项权限，期限为 1 至 {days} 天。")


class TooManyTokens(AccountsError):
    """More standing tokens than one person keeps an eye on."""

    code = "too_many_tokens"
    message = _("最多保留 {limit} 个令牌，请先撤销不用的。")


class TokenUnknown(AccountsError):
    """The token was revoked before."""

    code = "token_unknown"
    message = _("这个令牌已经撤销。")


class ScopeMissing(AccountsError):
    """The token is good, but not for this."""

    code = "scope_missing"
    message = _("令牌没有所需的权限“{scope}”。请新建一个含此权限的令牌。")


class SecondFactorWrong(AccountsError):
    """The code is wrong, has passed, or was used before."""

    code = "second_factor_wrong"
    message = _("验证码不正确、已过期或已经用过。每个验证码只能用一次，请等下一个再试。")


class SecondFactorMissing(AccountsError):
    """The user has not set an authenticator up."""

    code = "second_factor_missing"
    message = _("您还没有设置验证器，请先在“两步验证”页设置。")


class SecondFactorStands(AccountsError):
    """An authenticator is set up; it must be removed before another one is."""

    code = "second_factor_stands"
    message = _("您已经设置了验证器。更换前请先移除原有的验证器。")


class DemoAccountsRefused(AccountsError):
    """Everybody knows the demo's password: only a demonstration or test has such accounts."""

    code = "demo_accounts_refused"
    message = _("本安装不允许演示账号。")
