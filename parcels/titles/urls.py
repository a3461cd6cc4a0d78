"""Addresses of the owner's side."""

from django.urls import path

from parcels.titles import api, views

urlpatterns = [
    path("api/titles/", api.TitleList.as_view(), name="api-titles"),
    path("api/titles/<uuid:key>/", api.TitleDetail.as_view(), name="api-title"),
    path("titles/mine/", views.my_titles, name="my-titles"),
    path("titles/register/", views.register_page, name="title-register-page"),
    path("titles/register/shapes/", views.shapes, name="title-shapes"),
    path("titles/register/commit/", views.register, name="title-register"),
    path("titles/mine/<uuid:key>/", views.my_title, name="my-title"),
    path("titles/mine/<uuid:key>/picture/", views.my_title_picture, name="my-title-picture"),
    path("titles/mine/<uuid:key>/submit/", views.submit, name="my-title-submit"),
    path("titles/mine/<uuid:key>/withdraw/", views.withdraw, name="my-title-withdraw"),
    path("titles/mine/<uuid:key>/repair/", views.repair, name="my-title-repair"),
    path("titles/mine/<uuid:key>/split/", views.split, name="my-title-split"),
    path("titles/mine/<uuid:key>/merge/", views.merge, name="my-title-merge"),
    path("titles/mine/<uuid:key>/correct/", views.correct, name="my-title-correct"),
    path("titles/mine/<uuid:key>/facts/", views.facts, name="my-title-facts"),
    path("titles/mine/<uuid:key>/place/", views.place, name="my-title-place"),
    path("titles/mine/<uuid:key>/owners/", views.owners, name="my-title-owners"),
    path("titles/mine/<uuid:key>/comment/", views.comment, name="my-title-comment"),
    path("titles/mine/<uuid:key>/message/", views.message, name="my-title-message"),
    path("titles/mine/<uuid:key>/follow/", views.follow, name="my-title-follow"),
    path("bench/titles/<uuid:key>/repair/", views.bench_repair, name="bench-repair"),
    path("bench/titles/<uuid:key>/correct/", views.bench_correct, name="bench-correct"),
    path("bench/titles/<uuid:key>/facts/", views.bench_facts, name="bench-facts"),
    path("titles/documents/<uuid:key>/", views.document, name="title-document"),
    path("titles/<uuid:key>/change/", views.change, name="title-change"),
]
