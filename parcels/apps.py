from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ParcelsConfig(AppConfig):
    name = "parcels"
    label = "parcels"
    verbose_name = "宗地与权属"

    def ready(self) -> None:
        from parcels.reviews.access import may_read_certificate, may_read_review
        from parcels.reviews.pages import certificate_page, review_page
        from portal.casework.subjects import Subject, register_subject

        register_subject(Subject("title_review", _("权属审核"), review_page, may_read_review))
        register_subject(
            Subject("title_certificate", _("权属证书"), certificate_page, may_read_certificate)
        )
