"""What the ecology bureau signs: the filing as canonical JSON, and whether a signature holds."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from portal.base.clock import CITY_TIME
from portal.casework.signatures import Signature, is_valid
from tickets.projects.models import Filing

FORM = "yining-filing/1"


def content_of(filing: Filing) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; every value is a string, so nothing is rounded."""
    period, run = filing.period, filing.uniqueness_report
    facts: dict[str, Any] = {
        "form": FORM,
        "number": filing.number,
        "code": filing.code,
        "project": filing.application.project.number,
        "applicant": str(filing.application.project.applicant.key),
        "case": filing.application.case.number if filing.application.case else "",
        "quantity_kg": str(filing.quantity_kg),
        "area_version": str(filing.area_version.key),
        "area_sha256": hashlib.sha256(bytes(filing.area_version.geom.wkb)).hexdigest(),
        "period_from": str(period.lower),
        "period_before": str(period.upper),
        "report_sha256": filing.accounting_result.report_sha256,
        "method": f"{filing.method_code} {filing.method_version}",
        "parameters_sha256": filing.parameters_sha256,
        "uniqueness_report": run.number,
        "uniqueness_sha256": bytes(run.content_sha256).hex(),
        "regulation": filing.regulation.version,
        "prepared_by": str(filing.prepared_by.key),
        "signed_by": str(filing.signed_by.key),
        "signed_at": filing.signed_at.astimezone(CITY_TIME).isoformat(),
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signature_holds(filing: Filing) -> bool:
    """Whether the row says today what the bureau signed."""
    content = content_of(filing)
    if hashlib.sha256(content).hexdigest() != filing.content_sha256:
        return False
    signature = Signature(
        bytes(filing.signature), filing.signature_algorithm, filing.signing_key_id
    )
    return is_valid(content, signature)
