"""Why a question about land was not answered."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError


class QuestionRefused(PortalError):
    """A question that cannot be answered as asked."""

    code = "land_question_refused"
    message = _("无法按此查询。")


class PlaceMissing(QuestionRefused):
    """Neither a shape nor a point nor a file."""

    code = "place_missing"
    message = _("请在地图上点一下、画一块，或上传一个文件。")


class PlaceInvalid(QuestionRefused):
    """A shape that crosses itself, or none at all."""

    code = "place_invalid"
    message = _("图形有误（自相交或为空），请修正后再查询。")


class PlaceTooLarge(QuestionRefused):
    """More land than one question may ask about."""

    code = "place_too_large"
    message = _("一次最多查询 {limit_km2} 平方千米，这块约 {area_km2} 平方千米。请分块查询。")


class PlaceOutside(QuestionRefused):
    """Far from the city."""

    code = "place_outside"
    message = _("位置不在伊犁州范围内。坐标须为经度、纬度（CGCS2000）。")


class PeriodMissing(QuestionRefused):
    """A claim is for a period; so is a question."""

    code = "period_missing"
    message = _("请填写监测期的起止日期。")


class TooManyQuestions(QuestionRefused):
    """One source asked more than its share."""

    code = "too_many_questions"
    message = _(
        "同一来源每小时最多查询 {limit} 次，请 {minutes} 分钟后再试。登录后按账户单独计数；"
        "也可以到市林业主管部门窗口查询，或下载公开图层自行比对。"
    )
