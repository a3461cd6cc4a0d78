"""Every address of the portal: the only place, with asgi.py, that knows every app."""

from django.contrib import admin
from django.urls import include, path

from layers.api_docs import OpenApiDocument, api_docs

urlpatterns = [
    path("", include("portal.site.urls")),
    path("", include("portal.accounts.urls")),
    path("", include("portal.casework.urls")),
    path("", include("parcels.urls")),
    path("", include("tickets.projects.urls")),
    path("", include("tickets.accounting.urls")),
    path("", include("tickets.registry.urls")),
    path("", include("tickets.offsets.urls")),
    path("", include("tickets.market.urls")),
    path("", include("tickets.finance.urls")),
    path("", include("tickets.supervision.urls")),
    path("", include("layers.urls")),
    path("admin/", admin.site.urls),
    path("api/schema/", OpenApiDocument.as_view(), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
]

handler400 = "portal.site.error_pages.bad_request"
handler403 = "portal.site.error_pages.permission_denied"
handler404 = "portal.site.error_pages.page_not_found"
handler500 = "portal.site.error_pages.server_error"
