"""Addresses of accounting."""

from django.urls import path, re_path

from tickets.accounting import drafts, views

app_name = "accounting"
_KINDS = "(?P<kind>plots|trees|report)"
_REPORT = "accounting/(?P<key>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
urlpatterns = [
    path("accounting/", views.reports, name="reports"),
    path("applications/<uuid:key>/accounting/", drafts.application_report, name="report"),
    path("applications/<uuid:key>/accounting/share/", views.share, name="share"),
    path("accounting/areas/<uuid:key>/new/", drafts.new_report, name="new"),
    path("accounting/<uuid:key>/", drafts.draft_page, name="draft"),
    path("accounting/<uuid:key>/result/", views.result_page, name="result"),
    path("accounting/<uuid:key>/report.pdf", views.pdf, name="pdf"),
    path("accounting/<uuid:key>/sign/", views.sign, name="sign"),
    path("accounting/<uuid:key>/hand-in/", views.hand_in, name="hand-in"),
    path("accounting/<uuid:key>/revise/", views.revise, name="revise"),
    path("accounting/<uuid:key>/state/", drafts.state, name="state"),
    path("accounting/<uuid:key>/shapes/", drafts.shapes, name="shapes"),
    path("accounting/<uuid:key>/stands/", drafts.stands, name="stands"),
    path("accounting/<uuid:key>/strata/add/", drafts.stratum_add, name="stratum-add"),
    path("accounting/<uuid:key>/strata/pick/", drafts.strata_pick, name="strata-pick"),
    path(
        "accounting/<uuid:key>/strata/<uuid:stratum>/change/",
        drafts.stratum_change,
        name="stratum-change",
    ),
    path(
        "accounting/<uuid:key>/strata/<uuid:stratum>/remove/",
        drafts.stratum_remove,
        name="stratum-remove",
    ),
    path("accounting/<uuid:key>/follow/", drafts.follow, name="follow"),
    path("accounting/<uuid:key>/terms/", drafts.terms, name="terms"),
    path("accounting/<uuid:key>/verifier/", drafts.verifier, name="verifier"),
    re_path(rf"^{_REPORT}/files/{_KINDS}/$", views.file, name="file"),
    re_path(rf"^{_REPORT}/files/{_KINDS}/add/$", drafts.file_add, name="file-add"),
]
