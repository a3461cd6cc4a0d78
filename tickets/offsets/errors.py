"""Why an offset was refused: one class for each rule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class OffsetError(PortalError):
    """A rule of offsetting was not kept."""

    code = "offset_error"
    message = _("抵消未完成。")


@stands_for(
    "offset_request_says_its_purpose", "offset_says_its_purpose", "offset_request_is_positive",
    "offset_is_positive",
)  # fmt: skip
class PurposeIncomplete(OffsetError):
    """Each purpose says what the emissions came from."""

    code = "purpose_incomplete"
    message = _(
        "请补全用途：单位年度填年度；活动填名称、地点和起止日期；景区填地点和年度；生态司法填决定机关和文号。"
    )


class OffsetDecided(OffsetError):
    """Somebody decided meanwhile."""

    code = "offset_decided"
    message = _("该抵消申请已经办理，请刷新后查看。")


@stands_for("who_prepared_an_offset_does_not_sign_it")
class SignerPrepared(OffsetError):
    """Who prepared does not sign."""

    code = "same_person"
    message = _("经办人不能签发自己受理的抵消，请由另一位工作人员签发。")


@stands_for("offset_is_prepared_by_no_party")
class PreparerActed(OffsetError):
    """Whoever prepared it acted for an owner at that time."""

    code = "preparer_is_a_party"
    message = _("经办人在受理时代表本案的一方当事人，本案只能不予办理，另行申请。")


class NameNotReviewed(OffsetError):
    """Certificates print reviewed names only."""

    code = "name_not_reviewed"
    message = _("受益名称“{name}”尚未通过审核，不能印在凭证上。")


@stands_for("one_standing_beneficiary_of_a_name")
class NameTaken(OffsetError):
    """The name is on the list."""

    code = "name_taken"
    message = _("该名称已在名单中。")


class NameReviewed(OffsetError):
    """Reviewed already."""

    code = "name_reviewed"
    message = _("该名称已经审核。")


class EstimateEmpty(OffsetError):
    """Nothing to estimate from."""

    code = "estimate_empty"
    message = _("请至少填写一项大于零的数量。")
