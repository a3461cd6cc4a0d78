"""Why a bulk screening stopped, or could not be stopped."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from parcels.rules.errors import RulesRefused


class ScreeningCancelled(RulesRefused):
    """Somebody asked to stop."""

    code = "screening_cancelled"
    message = _("筛查已取消，没有留下结果。")


class ScreeningNotRunning(RulesRefused):
    """There is nothing to cancel."""

    code = "screening_not_running"
    message = _("这次筛查没有在进行，不能取消。")


class ResultMissing(RulesRefused):
    """The screening has no result yet, or its files are gone."""

    code = "result_missing"
    message = _("这次筛查还没有结果。")
