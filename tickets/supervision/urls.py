"""Addresses of supervision."""

from django.urls import path, re_path

from tickets.supervision.views import complaints, dashboards, disclosure, inspections, justice

app_name = "supervision"
urlpatterns = [
    path("supervision/", complaints.supervision, name="supervision"),
    path("complaints/new/", complaints.new, name="complaint-new"),
    path("complaints/", complaints.find, name="complaint-find"),
    path("complaints/desk/", complaints.desk, name="complaint-desk"),
    path("complaints/cases/<uuid:key>/", complaints.case, name="complaint-case"),
    path("inspections/", inspections.inspections, name="inspections"),
    path("inspections/worker.js", inspections.worker, name="inspection-worker"),
    path("inspections/new/", inspections.new, name="inspection-new"),
    path("inspections/<uuid:key>/", inspections.inspection, name="inspection"),
    path("inspections/<uuid:key>/photos/", inspections.photos, name="inspection-photos"),
    path("eco-justice/", justice.public, name="justice"),
    path("eco-justice/forests.geojson", justice.forests, name="justice-forests"),
    path("eco-justice/cases/", justice.cases, name="justice-cases"),
    path("eco-justice/cases/new/", justice.new, name="justice-new"),
    path("eco-justice/cases/<uuid:key>/", justice.case, name="justice-case"),
    path("disclosure/", disclosure.disclosure, name="disclosure"),
    path("disclosure/feed.atom", disclosure.feed, name="feed"),
    re_path(
        r"^disclosure/(?P<name>[a-z]+)\.(?P<form>csv|xlsx)$", disclosure.download, name="download"
    ),
    path("disclosure/news/", disclosure.news, name="news"),
    path("disclosure/news/<uuid:key>/", disclosure.news_item, name="news-item"),
    path("disclosure/import/", disclosure.watch, name="watch"),
    path("dashboards/", dashboards.home, name="dashboards"),
    path("dashboards/<slug:department>/", dashboards.dashboard, name="dashboard"),
    re_path(
        r"^dashboards/(?P<department>[a-z_]+)\.(?P<form>csv|xlsx)$",
        dashboards.export,
        name="dashboard-file",
    ),
    path("complaints/<str:code>/", complaints.complaint, name="complaint"),
]
