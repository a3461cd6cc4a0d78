from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "tickets.projects"
    label = "projects"
    verbose_name = "项目与申请"
