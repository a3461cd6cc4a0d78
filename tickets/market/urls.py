"""Addresses of the market."""

from django.urls import path, re_path

from tickets.market.pages import listings, market, offers, reserve, retail, trades

app_name = "market"
urlpatterns = [
    path("market/", market.home, name="market"),
    re_path(r"^market/prices\.(?P<form>svg|csv|xlsx)$", market.prices, name="prices"),
    path("market/work/", market.work, name="work"),
    path("market/offer/<str:number>/", offers.offer, name="offer"),
    path("market/listings/<str:number>/", listings.listing_page, name="listing"),
    path("market/listings/<str:number>/live.json", listings.live, name="live"),
    path("market/listings/<str:number>/protocol.pdf", listings.protocol, name="protocol"),
    path("market/trades/<str:number>/", trades.trade_page, name="trade"),
    path("market/listings/<str:number>/pool/", retail.new_pool, name="new-pool"),
    path("market/pools/<uuid:key>/", retail.pool_page, name="pool"),
    path("market/orders/<str:code>/", retail.order_page, name="order"),
    path("market/orders/<str:code>/certificate.pdf", retail.certificate, name="order-certificate"),
    path("market/reserve/", reserve.contracts, name="contracts"),
    path("market/reserve/<uuid:key>/", reserve.contract_page, name="contract"),
]
