"""Addresses of the accounts."""

from django.urls import path

from portal.accounts import api, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("sign-up/", views.sign_up, name="sign-up"),
    path("second-factor/", views.second_factor, name="second-factor"),
    # Before the administration's own addresses: its form knows no second factor.
    path("admin/login/", views.admin_sign_in, name="admin-sign-in"),
    path("my/", views.my_page, name="my-page"),
    path("my/sessions/", views.sessions, name="sessions"),
    path("my/sessions/others/revoke/", views.sessions_revoke_others, name="sessions-revoke-others"),
    path("my/sessions/<uuid:key>/revoke/", views.session_revoke, name="session-revoke"),
    path("my/tokens/", views.tokens, name="tokens"),
    path("my/tokens/<uuid:key>/revoke/", views.token_revoke, name="token-revoke"),
    path("my/password/", views.PasswordChange.as_view(), name="password-change"),
    path("parties/<uuid:party>/mandates/", views.mandate_give, name="mandate-give"),
    path("mandates/<uuid:key>/end/", views.mandate_end, name="mandate-end"),
    path("password/", views.PasswordReset.as_view(), name="password-reset"),
    path("password/sent/", views.PasswordResetDone.as_view(), name="password-reset-done"),
    path(
        "password/<uidb64>/<token>/",
        views.PasswordResetConfirm.as_view(),
        name="password-reset-confirm",
    ),
    path("password/set/", views.PasswordResetComplete.as_view(), name="password-reset-complete"),
    path("api/me/", api.Me.as_view(), name="api-me"),
    path("identity-checks/", views.identity_checks, name="identity-checks"),
    path("identity-checks/<uuid:key>/", views.identity_check, name="identity-check"),
    path("identity-documents/<uuid:key>/", views.identity_document, name="identity-document"),
    path("party-links/", views.party_link, name="party-link"),
    path("party-links/<uuid:key>/end/", views.party_unlink, name="party-unlink"),
]
