"""Addresses of the roof."""

from django.urls import include, path

from portal.site import verification, views
from portal.site.handbooks import views as handbooks
from portal.site.yearly import views as yearly

app_name = "site"
urlpatterns = [
    path("", views.home, name="home"),
    path("embed/", views.embed, name="embed"),
    path("statistics/<int:year>.pdf", yearly.report, name="yearly"),
    path("help/", handbooks.help_page, name="help"),
    path("help/page/<str:name>/", handbooks.page_help, name="page-help"),
    path("help/<slug:slug>/", handbooks.handbook, name="handbook"),
    path("healthz", views.health, name="health"),
    path("v/", verification.verify_form, name="verify-form"),
    path("v/<str:code>/", verification.verify, name="verify"),
    path("basemap/<slug:name>.geojson", views.base_map, name="base-map"),
    path("i18n/", include("django.conf.urls.i18n")),
]
