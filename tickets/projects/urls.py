"""Addresses of projects, applications and filings."""

from django.urls import path

from tickets.projects import fill, views

app_name = "projects"
urlpatterns = [
    path("projects/", views.projects, name="projects"),
    path("projects/<str:number>/apply/", views.new_application, name="apply"),
    path("applications/changed-titles/", views.changed_titles, name="changed-titles"),
    path("applications/<uuid:key>/", views.application_page, name="application"),
    path("applications/<uuid:key>/consent/", fill.consent, name="consent"),
    path("applications/<uuid:key>/fill/submit/", fill.submit, name="submit"),
    path("applications/<uuid:key>/fill/<slug:slug>/", fill.fill, name="fill"),
    path("filings/<str:number>/", views.filing_page, name="filing"),
    path("filings/<str:number>/pdf/", views.filing_paper, name="filing-pdf"),
]
