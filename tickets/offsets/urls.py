"""Addresses of offsets."""

from django.urls import path

from tickets.offsets import api, views

app_name = "offsets"
urlpatterns = [
    path("offsets/", views.offsets_list, name="offsets"),
    path("offsets/estimate/", views.estimate_page, name="estimate"),
    path("offsets/of/<uuid:cause>/", views.offset_of_entry, name="of-entry"),
    path("offsets/<str:number>/", views.offset_page, name="offset"),
    path("offsets/<str:number>/certificate.pdf", views.certificate, name="certificate"),
    path("offset-requests/<uuid:key>/", views.request_page, name="request"),
    path("tickets/<str:number>/offset/", views.ask, name="ask"),
    path("api/tickets/<str:number>/offsets/", api.OffsetAsk.as_view(), name="api-ask"),
    path("api/offset-requests/<uuid:key>/", api.OffsetFollow.as_view(), name="api-request"),
]
