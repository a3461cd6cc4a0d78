from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProjectsConfig(AppConfig):
    name = "tickets.projects"
    label = "projects"
    verbose_name = "项目与申请"

    def ready(self) -> None:
        from portal.casework.subjects import Subject, register_subject
        from portal.casework.waiting import WorkList, register_work
        from tickets.projects.access import access_application, access_inside
        from tickets.projects.pages import application_page, disqualification_page
        from tickets.projects.queries import changed_titles_count

        register_subject(
            Subject(
                "application",
                _("碳票项目申请"),
                application_page,
                access_application,
                access_inside,
            )
        )
        register_subject(
            Subject("application_inside", _("碳票项目申请"), application_page, access_inside)
        )
        register_subject(
            Subject(
                "disqualification", _("取消申报资格"), disqualification_page, access_application
            )
        )
        register_work(
            WorkList(_("权属已变动的申请"), "projects:changed-titles", changed_titles_count)
        )
