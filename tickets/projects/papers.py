"""The papers of an application and of a filing, as PDF from their data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from textwrap import wrap
from typing import Any

from django.conf import settings
from django.utils.translation import override

from portal.accounts.models import User
from portal.base.base_map import as_shape, read_base_map
from portal.base.clock import CITY_TIME, now
from portal.base.map_sheet import SheetShape, map_sheet
from portal.base.numbers import grouped_code
from portal.base.pdf import compile_pdf, qr_svg
from portal.base.policy import policy_text
from portal.casework.documents import PDF, Upload
from tickets.projects.checklist import facts_digest, latest_result, period_text
from tickets.projects.models import KG_PER_TONNE, Application, Filing, Material

SHEETS = Path(__file__).parent / "sheets"
M2_PER_HA, MU_PER_HA = 10_000, 15
MAP_WIDTH_MM, MAP_HEIGHT_MM = 165, 84
COMMITMENT = (
    "本业主对本项目的唯一性负责：项目涉及的林地、林木未参与其他温室气体减排交易机制，不存在项目重复认定或者"
    "减排量重复计算的情形（第二十四条）。",
    "监测期内对项目涉及的林地、林木没有规划采伐；以森林经营为目的的抚育采伐除外（第六条）。",
    "本业主对所提供材料的真实性、完整性和有效性负责。材料和信息弄虚作假的，同意取消申报资格（第七条），"
    "并依法承担责任。",
)
OFFICE = "伊宁市生态环境主管部门"


def area_text(area_m2: float) -> str:
    hectares = area_m2 / M2_PER_HA
    return f"{hectares:.4f} 公顷（{hectares * MU_PER_HA:.2f} 亩）"


def shares_text(application: Application) -> str:
    return "、".join(
        f"{share.party.name} {share.numerator}/{application.share_denominator}"
        for share in application.shares.select_related("party")
    )


def registration_rows(application: Application) -> list[tuple[str, str]]:
    """The registration form's lines, for the page and for the paper."""
    project, version = application.project, application.area_version
    result = latest_result(application)
    with override("zh-hans"):
        return [
            ("项目编号", project.number),
            ("项目名称", project.name),
            ("项目类型", str(project.get_type_display())),
            ("项目业主", f"{project.applicant.name} {project.applicant.identity_masked}"),
            ("项目面积", area_text(version.area_m2) if version else "—"),
            ("监测期", period_text(application.period) or "—"),
            (
                "权属证明",
                "、".join(
                    row.certificate.number
                    for row in application.titles.select_related("certificate")
                )
                or "—",
            ),
            (
                "项目措施",
                "；".join(
                    f"{one.name} {one.done_from} 至 {one.done_to}"
                    for one in application.measures.all()
                )
                or "—",
            ),
            (
                "核算减排量",
                f"{result.quantity_kg_calculated // KG_PER_TONNE} 吨二氧化碳当量"
                if result
                else "—",
            ),
            ("收益份额", shares_text(application) or "—"),
        ]


def signed_paper(application: Application, kind: Material.Kind, signer: User) -> Upload:
    """The registration form or the commitment as the signer signs it now."""
    moment = now()
    with override("zh-hans"):
        title = str(kind.label)
    facts = {
        "title": title,
        "number": application.project.number,
        "rows": registration_rows(application)[: None if kind == "registration" else 6],
        "lines": list(COMMITMENT) if kind == Material.Kind.COMMITMENT else [],
        "signer": signer.get_full_name(),
        "signed_at": day_and_time(moment),
        "sha256": facts_digest(application, kind),
    }
    data = compile_pdf(SHEETS / "letter.typ", facts=facts, pictures={}, dated=moment)
    return Upload(data, PDF, f"{title}.pdf")


def filing_rows(filing: Filing) -> list[tuple[str, str]]:
    """What the certificate says, in order."""
    application = filing.application
    project = application.project
    return [
        ("项目", f"{project.name}（{project.number}）"),
        ("项目业主", project.applicant.name),
        ("收益份额", shares_text(application)),
        ("项目面积", area_text(filing.area_version.area_m2)),
        ("监测期", period_text(filing.period)),
        (
            "核算方法",
            f"{filing.method_code} {filing.method_version}，参数摘要 {filing.parameters_sha256[:16]}…",
        ),
        ("唯一性核查报告", filing.uniqueness_report.number),
        ("审核案件", application.case.number if application.case else ""),
        ("依据", f"《{filing.regulation.title}》（{filing.regulation.version}）第三条、第八条"),
        ("签发", f"{filing.signed_by.get_full_name()}，{day_and_time(filing.signed_at)}"),
    ]


def filing_pdf(filing: Filing, *, address: str, public: bool) -> bytes:
    """The certificate with its map and a QR code that opens ``address``.

    Made anew from the signed row each time, dated by the signature, so the bytes are the same.
    ``public`` draws the generalised outline instead of the exact one.
    """
    version = filing.area_version
    shape = version.shown_to_all if public else version.geom
    with override("zh-hans"):
        sheet = map_sheet(
            shapes=[SheetShape(as_shape(shape), label=filing.application.project.number)],
            base=read_base_map(),
            width_mm=MAP_WIDTH_MM,
            height_mm=MAP_HEIGHT_MM,
            approval_number=settings.MAP_APPROVAL_NUMBER,
        )
        facts: dict[str, Any] = {
            "title": "林业碳汇减排量备案签发证书",
            "office": OFFICE,
            "number": filing.number,
            "statement": "经审核，准予下列项目在监测期内产生的林业碳汇减排量备案，现予签发：",
            "tonnes": f"{filing.quantity_kg // KG_PER_TONNE:,}",
            "rows": filing_rows(filing),
            "code": grouped_code(filing.code),
            "algorithm": filing.signature_algorithm,
            "key_id": filing.signing_key_id,
            "sha256": filing.content_sha256,
            "signature": " ".join(wrap(bytes(filing.signature).hex(), 32)),
            "notice": policy_text("notice.not_ccer"),
        }
    return compile_pdf(
        SHEETS / "filing.typ",
        facts=facts,
        pictures={"map": sheet, "qr": qr_svg(address)},
        dated=filing.signed_at,
    )


def day_and_time(moment: datetime) -> str:
    return moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
