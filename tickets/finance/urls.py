"""Addresses of finance."""

from django.urls import path, re_path

from tickets.finance import views

app_name = "finance"
urlpatterns = [
    path("finance/", views.finance, name="finance"),
    path("finance/register/", views.register, name="register"),
    re_path(r"^finance/register\.(?P<form>csv|xlsx)$", views.report, name="report"),
    path("finance/rows/<uuid:key>/confirm/", views.confirm, name="confirm"),
    path("finance/rows/<uuid:key>/end/", views.end, name="end"),
    path("finance/rows/<uuid:key>/strike/", views.strike, name="strike"),
    path("finance/bank/", views.bank, name="bank"),
    path("finance/insurance/", views.insurer, name="insurer"),
    path("finance/insurance/<uuid:key>/end/", views.end_insurance, name="end-insurance"),
    path("finance/claims/<uuid:key>/", views.decide, name="decide"),
]
