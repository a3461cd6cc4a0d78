"""Addresses of the bench."""

from django.urls import path

from parcels.reviews import views

urlpatterns = [
    path("bench/titles/", views.bench_list, name="bench"),
    path("bench/titles/<uuid:key>/", views.bench_case, name="bench-case"),
    path("bench/titles/<uuid:key>/picture/", views.bench_picture, name="bench-picture"),
    path("bench/titles/<uuid:key>/take/", views.bench_take, name="bench-take"),
    path("bench/titles/<uuid:key>/verdict/", views.bench_verdict, name="bench-verdict"),
    path("bench/titles/<uuid:key>/return/", views.bench_return, name="bench-return"),
    path("bench/titles/<uuid:key>/sign/", views.bench_sign, name="bench-sign"),
    path("bench/titles/<uuid:key>/send-back/", views.bench_send_back, name="bench-send-back"),
    path("bench/titles/<uuid:key>/side/", views.bench_side, name="bench-side"),
    path("bench/titles/<uuid:key>/comment/", views.bench_comment, name="bench-comment"),
    path("bench/titles/<uuid:key>/message/", views.bench_message, name="bench-message"),
    path("bench/titles/<uuid:key>/recheck/", views.bench_recheck, name="bench-recheck"),
    path("bench/titles/<uuid:key>/follow/", views.bench_follow, name="bench-follow"),
    path("bench/titles/<uuid:key>/recall/", views.bench_recall, name="bench-recall"),
    path("bench/changes/<uuid:key>/", views.open_change, name="bench-change"),
    path("bench/takeovers/<uuid:key>/", views.open_takeover, name="bench-takeover"),
    path("boundary/<uuid:key>/", views.boundary_message, name="boundary-message"),
    path("rules/", views.rules_page, name="rules"),
]
