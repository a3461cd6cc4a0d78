"""Forms of the accounts: they read and judge what was typed; the acts are operations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AuthenticationForm,
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
    UsernameField,
)
from django.contrib.auth.password_validation import (
    password_validators_help_text_html,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models.functions import Lower
from django.template.loader import render_to_string
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from portal.accounts.documents import LIMIT_FILES, LIMIT_MIB, Scan, parse_scans
from portal.accounts.errors import (
    DocumentRefused,
    IdentityNumberWrong,
    IdentityTaken,
    MandateDocumentMissing,
    MandateTermsWrong,
    PartyKindWrong,
    PartyLinked,
    ReasonMissing,
    SecondFactorWrong,
    TokenNameTaken,
    UsernameTaken,
)
from portal.accounts.identity import parse_body_number, parse_person_number
from portal.accounts.models import ApiToken, Mandate, Party, User
from portal.accounts.operations import send_password_reset, set_password
from portal.base.clock import today
from portal.base.errors import PortalError

KILOGRAMS_PER_TONNE = 1000
FEN_PER_YUAN = 100
# A refusal of an operation → the field beside which it is said.
FIELD_OF: dict[type[PortalError], str] = {
    UsernameTaken: "username",
    IdentityTaken: "identity_number",
    IdentityNumberWrong: "identity_number",
    DocumentRefused: "documents",
    ReasonMissing: "reason",
    MandateTermsWrong: "valid_to",
    MandateDocumentMissing: "document",
    SecondFactorWrong: "code",
    PartyLinked: "name_only",
    PartyKindWrong: "name_only",
    TokenNameTaken: "name",
}


class PortalForm(forms.Form):
    """Labels without colons; what an operation refuses is said beside its field."""

    template_name = "accounts/_form.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def add_refusal(self, refusal: PortalError) -> None:
        """Show a PortalError beside the field it is about, or above the form."""
        field = FIELD_OF.get(type(refusal))
        self.add_error(field if field in self.fields else None, str(refusal))

    def first_code(self) -> str:
        """Of what the fields themselves refused, the first one's code."""
        return next(
            (one.code or "invalid" for errors in self.errors.as_data().values() for one in errors),
            "",
        )


class ScansInput(forms.ClearableFileInput):
    """A file control that takes several files."""

    allow_multiple_selected = True


class ScansField(forms.FileField):
    """Several PDF, JPEG or PNG files, judged by content; cleaned to a list of ``Scan``."""

    widget: forms.FileInput = ScansInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "help_text",
            format_lazy(
                _("PDF、JPEG 或 PNG，每个不超过 {mib} MB，最多 {count} 个。"),
                mib=LIMIT_MIB,
                count=LIMIT_FILES,
            ),
        )
        super().__init__(**kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        sent: list[UploadedFile] = data if isinstance(data, list) else [data] if data else []
        files = [super(ScansField, self).clean(file, initial) for file in sent]
        if not files and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        try:
            return parse_scans(files)
        except DocumentRefused as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal


class ScanField(ScansField):
    """At most one file; cleaned to a ``Scan`` or None."""

    widget = forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "help_text", format_lazy(_("PDF、JPEG 或 PNG，不超过 {mib} MB。"), mib=LIMIT_MIB)
        )
        super().__init__(**kwargs)

    def clean(self, data: Any, initial: Any = None) -> Scan | None:
        scans = super().clean(data, initial)
        return scans[0] if scans else None


class CodeField(forms.CharField):
    """Six digits of an authenticator."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("验证码"),
            max_length=12,
            widget=forms.TextInput(
                attrs={
                    "autocomplete": "one-time-code",
                    "inputmode": "numeric",
                    "pattern": "[0-9 ]*",
                }
            ),
            help_text=_("验证器应用上显示的 6 位数字。"),
            **kwargs,
        )


class SignInForm(PortalForm, AuthenticationForm):
    """Name and password; wrong ones are counted by django-axes."""

    error_messages = {
        "invalid_login": _("用户名或密码不正确。连续输错将暂时锁定。"),
        "inactive": _("这个账户已停用。"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("用户名")
        self.fields["password"].label = _("密码")


# --- sign-up ------------------------------------------------------------------------------------
class AccountFields(PortalForm):
    """What a new account needs."""

    username = UsernameField(
        label=_("用户名"), max_length=150, help_text=_("字母、数字、中文和 @ . + - _")
    )
    password = forms.CharField(
        label=_("密码"),
        strip=False,
        help_text=password_validators_help_text_html,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("再次输入密码"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    phone = forms.CharField(
        label=_("电话"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    email = forms.EmailField(
        label=_("电子邮件"),
        required=False,
        help_text=_("用于通知核验结果和重设密码。"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        for validate in User._meta.get_field("username").validators:
            validate(name)
        taken = User.objects.annotate(small=Lower("username")).filter(small=name.lower())
        if taken.exists():
            raise ValidationError(str(UsernameTaken()), code=UsernameTaken.code)
        return name

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        password, again = given.get("password"), given.get("password_again")
        if password and again and password != again:
            self.add_error("password_again", _("两次输入的密码不一致。"))
        if password:
            asking = User(
                username=given.get("username", ""),
                full_name=given.get("full_name", ""),
                email=given.get("email", ""),
            )
            try:
                validate_password(password, asking)
            except ValidationError as error:
                self.add_error("password", error)
        return given

    def account(self) -> dict[str, str]:
        """The arguments of the sign-up operations."""
        names = ("username", "password", "phone", "email")
        return {name: self.cleaned_data[name] for name in names}


class PersonFields(PortalForm):
    """A natural person: name, 身份证号, scans."""

    full_name = forms.CharField(
        label=_("姓名"),
        max_length=100,
        help_text=_("与身份证一致。"),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    identity_number = forms.CharField(
        label=_("身份证号"),
        max_length=40,
        help_text=_("加密保存，页面上只显示首尾。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    documents = ScansField(label=_("身份证正反面"))

    def clean_identity_number(self) -> str:
        return self.checked_number(parse_person_number)

    def checked_number(self, parse: Any) -> str:
        try:
            text: str = parse(self.cleaned_data["identity_number"]).text
        except IdentityNumberWrong as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal
        return text


class BodyFields(PersonFields):
    """A legal body or collective: name, 统一社会信用代码, scans."""

    field_order = ["kind", "body_name", "identity_number", "full_name", "documents"]

    kind = forms.ChoiceField(
        label=_("类型"),
        choices=[
            (Party.Kind.LEGAL_BODY.value, Party.Kind.LEGAL_BODY.label),
            (Party.Kind.COLLECTIVE.value, _("集体（集体经济组织、联合农户）")),
        ],
    )
    body_name = forms.CharField(
        label=_("单位名称"),
        max_length=200,
        help_text=_("与证照一致。"),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    full_name = forms.CharField(
        label=_("经办人姓名"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    identity_number = forms.CharField(
        label=_("统一社会信用代码"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    documents = ScansField(label=_("证照和授权委托书"))

    def clean_identity_number(self) -> str:
        return self.checked_number(parse_body_number)


class PersonSignUpForm(AccountFields, PersonFields):
    """A visitor signs up as a natural person."""

    field_order = [
        "username",
        "password",
        "password_again",
        "full_name",
        "identity_number",
        "documents",
        "phone",
        "email",
    ]


class BodySignUpForm(AccountFields, BodyFields):
    """A visitor signs up for a legal body or collective."""

    field_order = [
        "username",
        "password",
        "password_again",
        "kind",
        "body_name",
        "identity_number",
        "full_name",
        "documents",
        "phone",
        "email",
    ]


class PersonRegistrationForm(PersonFields):
    """Somebody signed in asks to be checked as a person."""


class BodyRegistrationForm(BodyFields):
    """Somebody signed in registers a body they act for."""

    full_name = None  # type: ignore[assignment]


# --- passwords ----------------------------------------------------------------------------------
class ForgottenPasswordForm(PortalForm, PasswordResetForm):
    """The answer is the same whether the address is known or not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("注册时填写的电子邮件")

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        """Into the outbox, with its journal event, instead of to the mail server."""
        send_password_reset(
            user=context["user"],
            subject=render_to_string(subject_template_name, context).strip(),
            body=render_to_string(email_template_name, context),
        )


class NewPasswordForm(PortalForm, SetPasswordForm):  # type: ignore[type-arg]
    """A new password, twice; every session of the user ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = _("新密码")
        self.fields["new_password2"].label = _("再次输入新密码")
        self.fields["new_password2"].help_text = ""

    def save(self, commit: bool = True) -> User:
        changed = set_password(
            user=self.user, new_password=self.cleaned_data["new_password1"], actor=self.user
        )
        self.user.password = changed.password  # The caller renews its own session by it.
        return changed


class ChangePasswordForm(NewPasswordForm, PasswordChangeForm):
    """The old password, then a new one, twice."""

    field_order = ["old_password", "new_password1", "new_password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("原密码")


class CodeForm(PortalForm):
    """A code of the user's authenticator."""

    code = CodeField()


# --- the clerk's desk ---------------------------------------------------------------------------
class DecisionForm(PortalForm):
    """Accept or refuse an identity."""

    decision = forms.ChoiceField(
        label=_("决定"),
        choices=[("accept", _("通过")), ("refuse", _("不通过"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("理由"),
        required=False,
        max_length=1000,
        help_text=_("不通过时必填，会告知申请人。"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class UnmaskForm(PortalForm):
    """Why somebody needs to see a full number."""

    prefix = "unmask"
    reason = forms.CharField(
        label=_("查看完整号码的理由"), max_length=500, help_text=_("理由会存档，查看会记入日志。")
    )


class LinkSearchForm(PortalForm):
    """Words to find both sides of a link by."""

    name = forms.CharField(label=_("仅知名称的权利人"), required=False, max_length=200)
    checked = forms.CharField(label=_("已核验的权利主体"), required=False, max_length=200)


class LinkForm(PortalForm):
    """One name, one checked party, and why they are the same."""

    name_only = forms.ModelChoiceField(
        label=_("仅知名称的权利人"),
        queryset=Party.objects.filter(kind=Party.Kind.NAME_ONLY),
        to_field_name="key",
        widget=forms.HiddenInput,
        error_messages={"required": _("请选择一个仅知名称的权利人。")},
    )
    checked = forms.ModelChoiceField(
        label=_("已核验的权利主体"),
        queryset=Party.objects.filter(checked_at__isnull=False),
        to_field_name="key",
        widget=forms.HiddenInput,
        error_messages={"required": _("请选择一个已核验的权利主体。")},
    )
    evidence = forms.CharField(
        label=_("依据"),
        max_length=2000,
        help_text=_("凭什么认定是同一主体：证件、权属证书原件、村委会证明等。姓名相同不是依据。"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    document = ScanField(label=_("依据扫描件"), required=False)


class MandateForm(PortalForm):
    """Who acts for a party, in what, how long, up to where."""

    username = forms.CharField(
        label=_("受托人用户名"), max_length=150, help_text=_("受托人须先注册账户。")
    )
    scope = forms.ChoiceField(label=_("事项"), choices=Mandate.Scope.choices)
    valid_from = forms.DateField(
        label=_("起"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    valid_to = forms.DateField(
        label=_("止（含当日）"),
        required=False,
        help_text=_("不填表示至终止为止。"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    quantity_t_max = forms.DecimalField(
        label=_("处分上限（吨）"), required=False, min_value=0, max_digits=12, decimal_places=3
    )
    price_yuan_min = forms.DecimalField(
        label=_("最低价（元/吨）"), required=False, min_value=0, max_digits=10, decimal_places=2
    )
    document = ScanField(label=_("授权委托书"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"valid_from": today(), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    def clean_username(self) -> User:
        name = self.cleaned_data["username"].strip()
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise ValidationError(_("没有这个用户名的账户。"), code="user_unknown")
        return user

    def terms(self) -> dict[str, Any]:
        """The arguments of ``give_mandate``: kilograms and fen as whole numbers."""
        given = self.cleaned_data
        tonnes, yuan = given["quantity_t_max"], given["price_yuan_min"]
        return {
            "user": given["username"],
            "scope": Mandate.Scope(given["scope"]),
            "valid_from": given["valid_from"],
            "valid_to": given["valid_to"],
            "quantity_kg_max": None if tonnes is None else int(tonnes * KILOGRAMS_PER_TONNE),
            "price_fen_per_tonne_min": None if yuan is None else int(yuan * FEN_PER_YUAN),
            "document": given["document"],
        }


class TokenForm(PortalForm):
    """What a program may do for its user, and until when; a code where the user has an authenticator."""

    name = forms.CharField(
        label=_("名称"), max_length=60, help_text=_("写明哪台机器或哪个程序使用，便于日后撤销。")
    )
    scopes = forms.MultipleChoiceField(
        label=_("权限"),
        choices=ApiToken.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("只勾选用得到的。令牌办不了转让、质押和签发。"),
    )
    days = forms.TypedChoiceField(
        label=_("期限"),
        coerce=int,
        choices=[(30, _("30 天")), (90, _("90 天")), (365, _("一年"))],
        initial=90,
    )
    code = CodeField()

    def __init__(self, *args: Any, asks_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not asks_code:
            del self.fields["code"]
