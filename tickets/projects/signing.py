"""What the ecology bureau signs: the filing as canonical JSON, and whether a signature holds."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from portal.base.clock import CITY_TIME
from portal.casework.signatures import Signature, is_valid
from tickets.projects.models import Filing

FORM = "yining-filing/2"
# Named people by their keys: what is public of several filings could be put together by them.
FORMER_FORM = "yining-filing/1"


def content_of(filing: Filing) -> bytes:
    """What was signed, in the form that has the kept hash; of a new filing, in the present one."""
    former = _content(filing, FORMER_FORM)
    if hashlib.sha256(former).hexdigest() == filing.content_sha256:
        return former
    return _content(filing, FORM)


def public_content(filing: Filing) -> str:
    """The signed content as everyone may read it; empty where it names people by their keys."""
    content = content_of(filing)
    return "" if json.loads(content)["form"] == FORMER_FORM else content.decode()


def _content(filing: Filing, form: str) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; every value is a string, so nothing is rounded."""
    period, run = filing.period, filing.uniqueness_report
    facts: dict[str, Any] = {
        "form": form,
        "number": filing.number,
        "code": filing.code,
        "project": filing.application.project.number,
        "applicant": _person(filing, filing.application.project.applicant.key, form),
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
        "prepared_by": _person(filing, filing.prepared_by.key, form),
        "signed_by": _person(filing, filing.signed_by.key, form),
        "signed_at": filing.signed_at.astimezone(CITY_TIME).isoformat(),
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _person(filing: Filing, key: uuid.UUID, form: str) -> str:
    """Who knows the key can check it; of two filings nobody can tell that it is the same person's."""
    if form == FORMER_FORM:
        return str(key)
    return hashlib.sha256(f"{filing.code}:{key}".encode()).hexdigest()


def signature_holds(filing: Filing) -> bool:
    """Whether the row says today what the bureau signed."""
    content = content_of(filing)
    if hashlib.sha256(content).hexdigest() != filing.content_sha256:
        return False
    signature = Signature(
        bytes(filing.signature), filing.signature_algorithm, filing.signing_key_id
    )
    return is_valid(content, signature)
