"""Addresses of supervision."""

from django.urls import path

from tickets.supervision.views import complaints, inspections

app_name = "supervision"
urlpatterns = [
    path("supervision/", complaints.supervision, name="supervision"),
    path("complaints/new/", complaints.new, name="complaint-new"),
    path("complaints/", complaints.find, name="complaint-find"),
    path("complaints/desk/", complaints.desk, name="complaint-desk"),
    path("complaints/cases/<uuid:key>/", complaints.case, name="complaint-case"),
    path("inspections/", inspections.inspections, name="inspections"),
    path("inspections/new/", inspections.new, name="inspection-new"),
    path("inspections/<uuid:key>/", inspections.inspection, name="inspection"),
    path("complaints/<str:code>/", complaints.complaint, name="complaint"),
]
