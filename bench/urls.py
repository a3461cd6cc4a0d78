"""The portal's addresses and, behind the same middleware, the loop that a bench compares with."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from bench.geodjango_loop import check
from portal.urls import urlpatterns as portal_urls

LOOP = "bench/loop/"
urlpatterns = [*portal_urls, path(LOOP, csrf_exempt(check))]
