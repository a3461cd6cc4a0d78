from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SupervisionConfig(AppConfig):
    name = "tickets.supervision"
    label = "supervision"
    verbose_name = "监督"

    def ready(self) -> None:
        from portal.casework.subjects import Subject, register_subject
        from tickets.supervision.access import (
            access_complaint,
            access_inspection,
            access_justice_papers,
        )
        from tickets.supervision.pages import complaint_page, inspection_page, justice_page

        register_subject(Subject("complaint", _("举报"), complaint_page, access_complaint))
        inspection = pgettext_lazy("supervision", "检查")
        register_subject(Subject("inspection", inspection, inspection_page, access_inspection))
        register_subject(
            Subject("justice_case", _("生态司法案件"), justice_page, access_justice_papers)
        )
