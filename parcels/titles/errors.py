"""Why a title was not registered or changed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError


class RegistrationRefused(PortalError):
    """A title cannot be registered as given."""

    code = "registration_refused"
    message = _("权属不能登记。")


class LandMissing(RegistrationRefused):
    """Neither shapes nor parcels were given."""

    code = "land_missing"
    message = _("还没有图形。请上传文件、输入界址点，或在地图上点选宗地。")


class LandUnreadable(RegistrationRefused):
    """A shape among those chosen is refused by the reader; the reason says where."""

    code = "land_unreadable"
    message = _("{place}：{reason}")


class TooMuchLand(RegistrationRefused):
    """More parcels than one certificate takes in a browser."""

    code = "too_much_land"
    message = _(
        "一本证书一次最多登记 {limit} 宗地（现为 {count} 宗）。请分次登记或联系自然资源部门导入。"
    )


class NumberInUse(RegistrationRefused):
    """The user has a title of this number already."""

    code = "number_in_use"
    message = _("您已登记过证号 {number}。请在“我的权属”中打开它。")


class RegisterNumbersKept(RegistrationRefused):
    """The numbers of land that the register took from a file are the bureau's to correct."""

    code = "register_numbers_kept"
    message = _("此宗地的编号来自登记簿，由自然资源部门更正。请在提交后向经办人说明。")


class TapTooMuch(RegistrationRefused):
    """A parcel that was tapped is not in the register any more."""

    code = "parcel_gone"
    message = _("所选宗地已不存在或已变更，请在地图上重新选择。")


class SharesNotWhole(RegistrationRefused):
    """The shares of a right's holders are its whole, no more and no less."""

    code = "shares_not_whole"
    message = _("各权利人份额合计 {sum} 份，应等于总份数 {of}。")


class CoOwnerUnknown(RegistrationRefused):
    """No checked party has this name and number; one answer, whichever of them differs."""

    code = "co_owner_unknown"
    message = _("没有姓名与身份号码均为所填的已核验主体：{name}。请核对，或只填姓名。")


class CoOwnerTwice(RegistrationRefused):
    """One holder has one share."""

    code = "co_owner_twice"
    message = _("{name} 填写了不止一次。每个权利人只填一次份额。")
