"""Pages of the accounts: sign in and up, one's own page, the clerk's desk."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from axes.helpers import get_client_ip_address, get_cool_off
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST
from django_otp import login as note_second_factor
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.access import (
    access_document,
    access_identity_check,
    access_identity_desk,
    access_link,
    access_mandate,
    access_party_to_mandate,
    access_session,
    access_token,
    signed_in,
)
from portal.accounts.demo import DEMO_ACCOUNTS, DEMO_NAMES, DEMO_PASSWORD
from portal.accounts.documents import path_of
from portal.accounts.forms import (
    BodyRegistrationForm,
    BodySignUpForm,
    ChangePasswordForm,
    CodeForm,
    DecisionForm,
    ForgottenPasswordForm,
    LinkForm,
    LinkSearchForm,
    MandateForm,
    NewPasswordForm,
    PersonRegistrationForm,
    PersonSignUpForm,
    PortalForm,
    SignInForm,
    TokenForm,
    UnmaskForm,
)
from portal.accounts.models import (
    ApiToken,
    Attempt,
    Department,
    IdentityCheck,
    Mandate,
    Party,
    Role,
    User,
)
from portal.accounts.operations import (
    confirm_second_factor,
    decide_identity_check,
    end_mandate,
    enrol_second_factor,
    give_mandate,
    link_party,
    note_attempt,
    read_document,
    register_legal_body,
    register_person,
    remove_second_factor,
    require_second_factor,
    revoke_other_sessions,
    revoke_session,
    sign_up_legal_body,
    sign_up_person,
    unlink_party,
    unmask_identity,
)
from portal.accounts.queries import (
    live_sessions,
    mandates_in_force,
    may_unmask,
    members_of,
    open_grants,
    session_hash,
    standing_links,
    waiting_checks,
)
from portal.accounts.second_factor import (
    confirmed_device,
    due_at_sign_in,
    present_code,
    qr_image,
    secret_text,
    waiting_device,
)
from portal.accounts.tokens import NewToken, make_token, revoke_token, tokens_of
from portal.base.answers import REQUEST_KEY, sent_once, typed_into
from portal.base.clock import now
from portal.base.errors import NotFound, PortalError

# Where a sign-in waits for its second factor: who, by which backend, with which password, until.
PENDING = "pending_sign_in"
PENDING_FOR = timedelta(minutes=10)
BACKEND = "django.contrib.auth.backends.ModelBackend"
REFUSED = 422
ROWS = 20
FOUND_ROWS = 20


# --- signing in ---------------------------------------------------------------------------------
@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password; then the second factor where one is due."""
    target = wanted_page(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = SignInForm(request, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = form.get_user()
        if not isinstance(user, User):
            raise NotFound()
        if due_at_sign_in(user):
            remember_pending(request, user)
            return redirect(f"{reverse('accounts:second-factor')}?{urlencode({'next': target})}")
        login(request, user, backend=BACKEND)
        return redirect(target)
    context = {
        "form": form,
        "next": target,
        "demo_accounts": DEMO_ACCOUNTS if settings.DEMO_ACCOUNTS else (),
        "demo_password": DEMO_PASSWORD,
    }
    return form_page(request, "accounts/sign_in.html", context, form)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session, here and in the list of sessions."""
    if isinstance(request.user, User) and request.session.session_key:
        mine = live_sessions(request.user).filter(
            session_key_hash=session_hash(request.session.session_key)
        )
        if session := mine.first():
            revoke_session(session=session, actor=request.user)
    logout(request)
    return redirect(resolve_url(settings.LOGOUT_REDIRECT_URL))


def locked_out(
    request: HttpRequest,
    response: HttpResponse | None = None,
    credentials: dict[str, Any] | None = None,
) -> HttpResponse:
    """What django-axes answers after too many wrong passwords: 429 and when to come back."""
    cool_off = get_cool_off(request) or timedelta(0)
    minutes = max(1, int(cool_off.total_seconds() // 60))
    page = render(request, "accounts/locked_out.html", {"minutes": minutes}, status=429)
    page.headers["Retry-After"] = str(int(cool_off.total_seconds()))
    return page


@never_cache
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The administration has no door of its own: one way in, with its second factor."""
    if isinstance(request.user, User) and request.user.is_staff:
        return redirect("admin:index")
    if request.user.is_authenticated:
        raise NotFound()
    target = request.GET.get("next") or reverse("admin:index")
    return redirect(f"{reverse('accounts:sign-in')}?{urlencode({'next': target})}")


@sensitive_post_parameters("code")
@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """Set an authenticator up, give a code at sign-in or before a weighty act, or remove it."""
    pending = pending_user(request)
    user = request.user if isinstance(request.user, User) else pending
    if user is None:
        return redirect(f"{reverse('accounts:sign-in')}?{urlencode({'next': request.path})}")
    target = wanted_page(request)
    action = request.POST.get("action", "")
    form = CodeForm(request.POST if action in ("confirm", "verify", "remove") else None)
    if action == "enrol":
        enrol_second_factor(user=user, actor=user)
        return redirect(f"{request.path}?{urlencode({'next': target})}")
    if form.is_bound and form.is_valid():
        try:
            return act_on_code(request, user, action, form.cleaned_data["code"], target)
        except PortalError as refusal:
            form.add_refusal(refusal)
    device, waiting = confirmed_device(user), waiting_device(user)
    context = {
        "form": form,
        "next": target,
        "signing_in": not isinstance(request.user, User),
        "device": device,
        "verified": is_verified(request),
        "waiting": waiting if device is None else None,
        "secret": secret_text(waiting) if waiting and device is None else "",
        "qr": qr_image(waiting) if waiting and device is None else "",
        "demo_code": demo_code(user, device or waiting),
    }
    return form_page(request, "accounts/second_factor.html", context, form)


def act_on_code(
    request: HttpRequest, user: User, action: str, code: str, target: str
) -> HttpResponse:
    """What a right code does, by the button that sent it."""
    if action == "confirm":
        device = confirm_second_factor(user=user, code=code, actor=user)
    else:
        device = require_second_factor(user=user, code=code)
    if action == "remove" and isinstance(request.user, User):
        remove_second_factor(user=user, actor=user)
        messages.success(request, _("验证器已移除。"))
        return redirect("accounts:second-factor")
    if not isinstance(request.user, User):
        request.session.pop(PENDING, None)
        login(request, user, backend=BACKEND)
    note_second_factor(request, device)
    return redirect(target)


def remember_pending(request: HttpRequest, user: User) -> None:
    """The password was right; who it was waits in the anonymous session for the code."""
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": user.pk,
        "password": user.get_session_auth_hash(),
        "until": (now() + PENDING_FOR).isoformat(),
    }


def pending_user(request: HttpRequest) -> User | None:
    """Whose sign-in waits here, unless it waits too long or the password changed meanwhile."""
    pending = request.session.get(PENDING)
    if pending is None or datetime.fromisoformat(pending["until"]) < now():
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    if user is None or user.get_session_auth_hash() != pending["password"]:
        return None
    return user


# --- signing up ---------------------------------------------------------------------------------
@sensitive_post_parameters("password", "password_again", "identity_number")
@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    """A visitor opens an account and asks for a check; somebody signed in only asks."""
    body = request.GET.get("kind") == "body"
    actor = request.user if isinstance(request.user, User) else None
    form = sign_up_form(body, actor, request)
    if form.is_bound and form.is_valid():
        note_attempt(
            kind=Attempt.Kind.SIGN_UP, source=str(actor.key) if actor else address_of(request)
        )
        try:
            check = ask_for_check(form, body, actor)
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            if actor is None:
                login(request, check.applicant, backend=BACKEND)
            messages.success(request, _("已提交。身份核验通过后即可办理业务。"))
            return redirect("accounts:my-page")
    return form_page(request, "accounts/sign_up.html", {"form": form, "body": body}, form)


def sign_up_form(body: bool, actor: User | None, request: HttpRequest) -> PortalForm:
    kinds: dict[tuple[bool, bool], type[PortalForm]] = {
        (False, False): PersonSignUpForm,
        (False, True): PersonRegistrationForm,
        (True, False): BodySignUpForm,
        (True, True): BodyRegistrationForm,
    }
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    return kinds[body, actor is not None](*sent)


def ask_for_check(form: PortalForm, body: bool, actor: User | None) -> IdentityCheck:
    given = form.cleaned_data
    number, documents = given["identity_number"], given["documents"]
    if body and actor is not None:
        return register_legal_body(
            body_name=given["body_name"],
            kind=Party.Kind(given["kind"]),
            identity_number=number,
            documents=documents,
            actor=actor,
        )
    if actor is not None:
        return register_person(
            full_name=given["full_name"],
            identity_number=number,
            documents=documents,
            actor=actor,
        )
    account = {name: given[name] for name in ("username", "password", "phone", "email")}
    if body:
        return sign_up_legal_body(
            **account,
            full_name=given["full_name"],
            body_name=given["body_name"],
            kind=Party.Kind(given["kind"]),
            identity_number=number,
            documents=documents,
            actor=None,
        )
    return sign_up_person(
        **account,
        full_name=given["full_name"],
        identity_number=number,
        documents=documents,
        actor=None,
    )


# --- one's own page -----------------------------------------------------------------------------
@login_required
@require_GET
@never_cache
def my_page(request: HttpRequest) -> HttpResponse:
    """Who I am here: parties, checks, mandates given and held, offices."""
    user = signed_in(request)
    held = mandates_in_force(user).select_related("party").order_by("party__name", "pk")
    mandated = [mandate.party for mandate in held if mandate.scope == Mandate.Scope.ALL]
    parties = {party.pk: party for party in mandated}
    context = {
        "checks": user.identity_checks.select_related("party").order_by("-asked_at"),
        "mandates": held,
        "parties": [
            {
                "party": party,
                "members": members_of(party) if party.kind == Party.Kind.COLLECTIVE else [],
                "former_numbers": party.numbers.filter(ended_at__isnull=False).order_by("ended_at"),
                "names": standing_links().filter(checked=party).select_related("name_only"),
                "given": party.mandates.filter(ended_at__isnull=True)
                .exclude(user=user)
                .select_related("user", "document"),
            }
            for party in parties.values()
        ],
        "offices": [
            (role.label, Department(department).label if department else "")
            for role, department in open_grants(user)
        ],
        "device": confirmed_device(user),
        "administers": any(role is Role.ADMINISTRATOR for role, _where in open_grants(user)),
    }
    return render(request, "accounts/my_page.html", context)


@login_required
@require_GET
@never_cache
def sessions(request: HttpRequest) -> HttpResponse:
    """Every browser in which I am signed in."""
    user = signed_in(request)
    here = session_hash(request.session.session_key or "")
    rows = [(row, bytes(row.session_key_hash) == here) for row in live_sessions(user)]
    return render(request, "accounts/sessions.html", {"rows": rows})


@login_required
@require_POST
def session_revoke(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    user = signed_in(request)
    revoke_session(session=access_session(key, user), actor=user)
    messages.success(request, _("会话已结束，该浏览器下一次操作时须重新登录。"))
    return redirect("accounts:sessions")


@login_required
@require_POST
def sessions_revoke_others(request: HttpRequest) -> HttpResponse:
    revoke_other_sessions(session_key=request.session.session_key or "", actor=signed_in(request))
    messages.success(request, _("其他浏览器上的会话都已结束。"))
    return redirect("accounts:sessions")


# --- tokens of programs -------------------------------------------------------------------------
@sensitive_post_parameters("code")
@login_required
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """My programs' tokens, and a form for another; a new secret is shown by this answer alone."""
    user = signed_in(request)
    device = confirmed_device(user)
    form = TokenForm(request.POST or None, asks_code=device is not None)
    made: NewToken | None = None
    if form.is_bound and form.is_valid():
        try:
            made = _make_token(form, user)
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            form = TokenForm(asks_code=device is not None)
    moment = now()
    context = {
        "form": form,
        "made": made,
        "rows": [
            (
                token,
                [ApiToken.Scope(scope).label for scope in token.scopes],
                token.expires_at > moment,
            )
            for token in tokens_of(user)
        ],
        "demo_code": demo_code(user, device),
    }
    return form_page(request, "accounts/tokens.html", context, form)


def _make_token(form: TokenForm, user: User) -> NewToken:
    given = form.cleaned_data
    if "code" in given:
        require_second_factor(user=user, code=given["code"])
    scopes = [ApiToken.Scope(scope) for scope in given["scopes"]]
    return make_token(name=given["name"], scopes=scopes, days=given["days"], actor=user)


@login_required
@require_POST
def token_revoke(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    user = signed_in(request)
    revoke_token(token=access_token(key, user), actor=user)
    messages.success(request, _("令牌已撤销，使用它的程序不能再访问。"))
    return redirect("accounts:tokens")


# --- mandates -----------------------------------------------------------------------------------
@login_required
@never_cache
def mandate_give(request: HttpRequest, party: uuid.UUID) -> HttpResponse:
    """Let another user act for a party."""
    user = signed_in(request)
    principal = access_party_to_mandate(party, user)
    form = MandateForm(request.POST or None, request.FILES or None)
    if form.is_bound and form.is_valid():
        terms = form.terms()

        def act() -> None:
            give_mandate(party=principal, actor=user, **terms)

        scan = terms["document"]
        content = [typed_into(request), scan.sha256.hex() if scan else ""]
        try:
            sent_once(request, "give_mandate", content, act, actor_key=user.key)
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("委托已登记。"))
            return redirect("accounts:my-page")
    key = request.POST.get(REQUEST_KEY) or uuid.uuid4()
    context = {"form": form, "party": principal, "request_key": key}
    return form_page(request, "accounts/mandate.html", context, form)


@login_required
@require_POST
def mandate_end(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    user = signed_in(request)
    end_mandate(mandate=access_mandate(key, user), actor=user)
    messages.success(request, _("委托已终止。"))
    return redirect("accounts:my-page")


# --- the clerk's desk ---------------------------------------------------------------------------
@login_required
@require_GET
@never_cache
def identity_checks(request: HttpRequest) -> HttpResponse:
    """What waits, or what was decided."""
    access_identity_desk(request.user)
    decided = request.GET.get("state") == "decided"
    rows = (
        IdentityCheck.objects.exclude(state=IdentityCheck.State.WAITING)
        .select_related("party", "applicant", "decided_by")
        .order_by("-decided_at")
        if decided
        else waiting_checks()
    )
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "decided": decided}
    return render(request, "accounts/identity_checks.html", context)


@login_required
@never_cache
def identity_check(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One identity: its papers, its number behind a reason, the decision."""
    user = signed_in(request)
    check = access_identity_check(key, user)
    action = request.POST.get("action", "")
    form = DecisionForm(request.POST if action == "decide" else None)
    unmask = UnmaskForm(request.POST if action == "unmask" else None)
    number = ""
    if form.is_bound and form.is_valid():
        try:
            decide_identity_check(
                check=check,
                accepted=form.cleaned_data["decision"] == "accept",
                reason=form.cleaned_data["reason"],
                actor=user,
            )
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("决定已登记。"))
            return redirect("accounts:identity-checks")
    if unmask.is_bound and unmask.is_valid():
        try:
            number = unmask_identity(
                party=check.party, reason=unmask.cleaned_data["reason"], actor=user
            )
        except PortalError as refusal:
            unmask.add_refusal(refusal)
    namesakes = Party.objects.filter(kind=Party.Kind.NAME_ONLY, name=check.party.name).count()
    context = {
        "check": check,
        "party": check.party,
        "documents": [(row, path_of(row).exists()) for row in check.documents.order_by("pk")],
        "form": form,
        "unmask": unmask if may_unmask(user) else None,
        "number": number,
        "namesakes": namesakes,
    }
    return form_page(request, "accounts/identity_check.html", context, form, unmask)


@login_required
@require_GET
@never_cache
def identity_document(request: HttpRequest, key: uuid.UUID) -> FileResponse:
    """A scan for a clerk's eyes; the reading is journalled before the first byte leaves."""
    user = signed_in(request)
    document = access_document(key, user)
    path = path_of(document)
    if not path.exists():
        raise NotFound()
    read_document(document=document, actor=user)
    return FileResponse(path.open("rb"), content_type=document.media_type)


@login_required
@never_cache
def party_link(request: HttpRequest) -> HttpResponse:
    """Say, on evidence, that an imported name is a checked party."""
    user = signed_in(request)
    access_identity_desk(user)
    form = LinkForm(request.POST or None, request.FILES or None)
    if form.is_bound and form.is_valid():
        try:
            link_party(**form.cleaned_data, actor=user)
        except PortalError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, _("关联已登记。"))
            return redirect("accounts:party-link")
    search = LinkSearchForm(request.GET)
    wanted = search.cleaned_data if search.is_valid() else {"name": "", "checked": ""}
    context = {
        "form": form,
        "search": search,
        "names": names_found(wanted["name"]),
        "checked": checked_found(wanted["checked"]),
        "links": standing_links()
        .select_related("name_only", "checked", "linked_by", "document")
        .order_by("-linked_at")[:ROWS],
    }
    return form_page(request, "accounts/party_link.html", context, form)


@login_required
@require_POST
def party_unlink(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    user = signed_in(request)
    unlink_party(link=access_link(key, user), actor=user)
    messages.success(request, _("关联已解除。"))
    return redirect("accounts:party-link")


def names_found(text: str) -> list[Party]:
    """Name-only parties that no link holds, whose name contains ``text``."""
    if not text.strip():
        return []
    free = Party.objects.filter(kind=Party.Kind.NAME_ONLY, name__contains=text.strip())
    free = free.exclude(pk__in=standing_links().values("name_only"))
    return list(free.order_by("name", "pk")[:FOUND_ROWS])


def checked_found(text: str) -> list[Party]:
    """Checked parties by name or by the last four characters of their number."""
    if not text.strip():
        return []
    wanted = text.strip()
    found = Party.objects.filter(
        Q(name__contains=wanted) | Q(identity_last4=wanted.upper()), checked_at__isnull=False
    )
    return list(found.order_by("name", "pk")[:FOUND_ROWS])


# --- passwords ----------------------------------------------------------------------------------
class RefusedAs422:
    """Django answers a refused form with 200; programs and tests want to tell."""

    def form_invalid(self, form: Any) -> HttpResponse:
        page: HttpResponse = self.render_to_response(  # type: ignore[attr-defined]
            self.get_context_data(form=form),  # type: ignore[attr-defined]
            status=REFUSED,
        )
        return page


class PasswordReset(RefusedAs422, auth_views.PasswordResetView):
    """Ask for a link; the answer never says whether the address is known."""

    form_class = ForgottenPasswordForm
    template_name = "accounts/password_reset.html"
    email_template_name = "accounts/password_reset_email.txt"
    subject_template_name = "accounts/password_reset_subject.txt"
    success_url = reverse_lazy("accounts:password-reset-done")

    def form_valid(self, form: Any) -> HttpResponse:
        note_attempt(kind=Attempt.Kind.PASSWORD_RESET, source=address_of(self.request))
        note_attempt(kind=Attempt.Kind.PASSWORD_RESET, source=form.cleaned_data["email"].casefold())
        return super().form_valid(form)


class PasswordResetDone(auth_views.PasswordResetDoneView):
    """Look into the mailbox."""

    template_name = "accounts/password_reset_done.html"


class PasswordResetConfirm(RefusedAs422, auth_views.PasswordResetConfirmView):
    """The link of the message: a new password."""

    form_class = NewPasswordForm
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("accounts:password-reset-complete")


class PasswordResetComplete(auth_views.PasswordResetCompleteView):
    """Sign in with it."""

    template_name = "accounts/password_reset_complete.html"


class PasswordChange(RefusedAs422, auth_views.PasswordChangeView):
    """The old password, then a new one; every other session ends."""

    form_class = ChangePasswordForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("accounts:my-page")

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.save()
        update_session_auth_hash(self.request, user)  # This session goes on under a new key.
        messages.success(self.request, _("密码已修改，其他浏览器上的会话都已结束。"))
        return redirect(self.get_success_url())


# --- what views share ---------------------------------------------------------------------------
def form_page(
    request: HttpRequest, template: str, context: dict[str, Any], *forms: PortalForm
) -> HttpResponse:
    """A page with forms: 422 when one was sent and refused."""
    refused = any(form.is_bound and form.errors for form in forms)
    return render(request, template, context, status=REFUSED if refused else 200)


def wanted_page(request: HttpRequest) -> str:
    """Where ``next`` leads, if it is a page of ours; otherwise one's own page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return target
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def address_of(request: HttpRequest) -> str:
    return str(get_client_ip_address(request) or "")


def is_verified(request: HttpRequest) -> bool:
    """Whether this session has given its second factor."""
    verified = getattr(request.user, "is_verified", None)
    return bool(verified and verified())


def demo_code(user: User, device: TOTPDevice | None) -> str:
    """The code that a demo user's page shows under its banner; empty for everybody else."""
    if not settings.DEMO_ACCOUNTS or device is None or user.username not in DEMO_NAMES:
        return ""
    return present_code(device)[0]
