"""Forms of projects and applications: they read and judge; the acts are operations."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django import forms
from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from parcels.claims.errors import ClaimPeriodInvalid
from parcels.claims.queries import days, last_day
from parcels.models import ProjectAreaVersion, TitleCertificate
from portal.accounts.forms import PortalForm
from portal.accounts.models import Party, User
from portal.base.errors import InvalidInput
from portal.casework.documents import read_upload
from portal.casework.forms import PlaceField
from portal.casework.moves import VerdictKind
from tickets.projects.checklist import linked_certificates
from tickets.projects.models import KG_PER_TONNE, Application, Disqualification, Project
from tickets.projects.operations import PlannedMeasure, Share
from tickets.projects.queries import applicants_for, areas_of, covering_titles, linkable_titles

ROW_LIMIT = 500
LARGEST_INTEGER = 2**31 - 1


def day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ProjectForm(PortalForm):
    """A new project."""

    applicant = forms.ModelChoiceField(queryset=Party.objects.none(), label=gettext_lazy("业主"))
    name = forms.CharField(label=gettext_lazy("项目名称"), max_length=200)
    type = forms.ChoiceField(label=gettext_lazy("项目类型"), choices=Project.Type.choices)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = cast("forms.ModelChoiceField[Any]", self.fields["applicant"])
        choice.queryset = applicants_for(user)
        choice.empty_label = None


class AreaForm(PortalForm):
    """The land and the days."""

    name = forms.CharField(label=gettext_lazy("项目名称"), max_length=200)
    type = forms.ChoiceField(label=gettext_lazy("项目类型"), choices=Project.Type.choices)
    area = forms.ModelChoiceField(
        queryset=ProjectAreaVersion.objects.none(), label=gettext_lazy("项目范围"), required=False
    )
    first = forms.DateField(label=gettext_lazy("监测期起日"), widget=day_input(), required=False)
    last = forms.DateField(label=gettext_lazy("监测期止日"), widget=day_input(), required=False)

    def __init__(
        self,
        application: Application,
        *args: Any,
        drawn: ProjectAreaVersion | None = None,
        **kwargs: Any,
    ) -> None:
        """``drawn`` is offered in place of the area that the draft has."""
        period = application.period
        kwargs.setdefault(
            "initial",
            {
                "name": application.project.name,
                "type": application.project.type,
                "area": drawn.pk if drawn else application.area_version_id or 0,
                "first": period.lower if period else None,
                "last": last_day(period) if period else None,
            },
        )
        super().__init__(*args, **kwargs)
        choice = cast("forms.ModelChoiceField[Any]", self.fields["area"])
        versions = areas_of(application.project.applicant)
        chosen = ProjectAreaVersion.objects.filter(pk=application.area_version_id or 0)
        choice.queryset = (
            ProjectAreaVersion.objects.filter(pk__in=[*versions.values_list("pk", flat=True),
                                                      *chosen.values_list("pk", flat=True)])
            .select_related("area")
            .order_by("-made_at")
        )  # fmt: skip
        choice.label_from_instance = area_label  # type: ignore[method-assign, assignment]
        choice.empty_label = _("请选择")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        first, last = given.get("first"), given.get("last")
        if (first is None) != (last is None):
            raise ValidationError(_("监测期须同时填写起日和止日。"))
        given["period"] = None
        if first is not None and last is not None:
            try:
                given["period"] = days(first, last)
            except ClaimPeriodInvalid as refusal:
                raise ValidationError(str(refusal)) from refusal
        return given


def area_label(version: ProjectAreaVersion) -> str:
    return f"{version.area.name} v{version.number} · {version.area_m2 / 10_000:.2f} ha"


class TitlesForm(PortalForm):
    """Which verified certificates the application rests on; at first, those that cover its land."""

    titles = forms.ModelMultipleChoiceField(
        queryset=TitleCertificate.objects.none(),
        label=gettext_lazy("权属证明"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, application: Application, user: User, *args: Any, **kwargs: Any) -> None:
        wanted = linked_certificates(application)
        if not wanted and application.area_version is not None:
            covering = covering_titles(application.area_version.geom)
            wanted = list(covering.values_list("certificate", flat=True))
        kwargs.setdefault("initial", {"titles": wanted})
        super().__init__(*args, **kwargs)
        choice = cast("forms.ModelMultipleChoiceField[Any]", self.fields["titles"])
        choice.queryset = linkable_titles(application, user)


class FileForm(PortalForm):
    """One file of the materials, judged by its content."""

    file = forms.FileField(label=gettext_lazy("文件"), allow_empty_file=True)

    def clean_file(self) -> Any:
        """DocumentTooLarge passes through: its answer is 413."""
        return read_upload(cast(UploadedFile, self.cleaned_data["file"]))


class SeenForm(PortalForm):
    """The state of a step that was looked at."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=LARGEST_INTEGER)


class VerdictForm(SeenForm):
    """A verdict on a step."""

    verdict = forms.ChoiceField(choices=VerdictKind.choices)
    reason = forms.CharField(required=False, max_length=8000)


class FilingForm(SeenForm):
    """How many whole tonnes are to be signed."""

    tonnes = forms.IntegerField(
        label=gettext_lazy("签发减排量（吨）"), min_value=1, max_value=LARGEST_INTEGER
    )
    reason = forms.CharField(
        label=gettext_lazy("拟稿意见"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def quantity_kg(self) -> int:
        tonnes: int = self.cleaned_data["tonnes"]
        return tonnes * KG_PER_TONNE


class SignatureForm(SeenForm):
    """The second factor before a signature."""

    code = forms.CharField(
        label=gettext_lazy("验证码"),
        max_length=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class DisqualificationForm(PortalForm):
    """Article 7: reason, hearing, scope."""

    scope = forms.ChoiceField(label=gettext_lazy("范围"), choices=Disqualification.Scope.choices)
    until = forms.DateField(
        label=gettext_lazy("期限至（取消业主资格时）"), required=False, widget=day_input()
    )
    grounds = forms.CharField(
        label=gettext_lazy("事实和理由"), max_length=8000, widget=forms.Textarea(attrs={"rows": 3})
    )
    hearing_on = forms.DateField(label=gettext_lazy("听证日期"), widget=day_input())
    hearing_record = forms.CharField(
        label=gettext_lazy("陈述申辩及听证情况"),
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CommentForm(PortalForm):
    """A remark, pinned where it concerns a place."""

    text = forms.CharField(
        label=gettext_lazy("内容"), max_length=4000, widget=forms.Textarea(attrs={"rows": 2})
    )
    place = PlaceField(
        label=gettext_lazy("位置"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"data-ref": "place"}),
        help_text=gettext_lazy("选填：在上方地图上点一下，或写经度,纬度。"),
    )
    file = forms.FileField(label=gettext_lazy("附件"), required=False)
    public = forms.BooleanField(label=gettext_lazy("申请人可见"), required=False)

    def clean_file(self) -> Any:
        sent = self.cleaned_data.get("file")
        return read_upload(sent) if sent else None


def shares_of(sent: QueryDict, parties: dict[str, Party]) -> tuple[int, list[Share]]:
    """Rows of party and numerator; an empty numerator leaves the party out.

    The denominator is what was typed, or the numerators' sum where it was left empty (shares by
    tonnes).
    """
    rows: list[Share] = []
    for key, typed in zip(sent.getlist("party"), sent.getlist("numerator"), strict=False):
        if not typed.strip():
            continue
        if key not in parties:
            raise InvalidInput(field=_("共有人"), reason=_("不在可选范围内"))
        rows.append(Share(parties[key], whole_number(typed, _("份额"))))
    typed = sent.get("denominator", "").strip()
    total = sum(row.numerator for row in rows)
    return (whole_number(typed, _("份额分母")) if typed else total), rows


def whole_number(text: str, field: str) -> int:
    """An integer as typed; a share like 99.99 is none."""
    try:
        value = int(text.strip())
    except ValueError as error:
        raise InvalidInput(field=field, reason=_("须为整数，不能是小数或百分数")) from error
    if not 0 < value <= LARGEST_INTEGER:
        raise InvalidInput(field=field, reason=_("超出范围"))
    return value


def measures_of(sent: QueryDict) -> list[PlannedMeasure]:
    """Rows of name, days and place; a row without a name is none."""
    names = sent.getlist("measure")
    if len(names) > ROW_LIMIT:
        raise InvalidInput(field=_("措施"), reason=_("行数过多"))
    columns = (sent.getlist("done_from"), sent.getlist("done_to"), sent.getlist("place"))
    return [
        PlannedMeasure(
            name.strip()[:100], _day(begins, _("起")), _day(ends, _("止")), _place(place)
        )
        for name, begins, ends, place in zip(names, *columns, strict=False)
        if name.strip()
    ]


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput(field=field, reason=_("不是日期")) from error


def _place(text: str) -> GEOSGeometry | None:
    try:
        place: GEOSGeometry | None = PlaceField(required=False).clean(text)
    except ValidationError as error:
        raise InvalidInput(field=_("位置"), reason="；".join(error.messages)) from error
    return place
