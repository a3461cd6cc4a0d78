"""Documents as PDF/A by typst: a template, facts as JSON, pictures as SVG; equal input, equal bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import segno
import typst

from portal.base.clock import CITY_TIME


def compile_pdf(
    template: Path, *, facts: Mapping[str, Any], pictures: Mapping[str, str], dated: datetime
) -> bytes:
    """``template`` reads ``sys.inputs``: ``facts`` (JSON text), ``date`` and one SVG a picture.

    ``dated`` is the document's own date, so that a signed document can be made again.
    """
    day = dated.astimezone(CITY_TIME)
    inputs = {
        "facts": json.dumps(facts, ensure_ascii=False, sort_keys=True),
        "year": str(day.year),
        "month": str(day.month),
        "day": str(day.day),
        **pictures,
    }
    return typst.compile(template, format="pdf", sys_inputs=inputs, pdf_standards="a-2b")


def qr_svg(text: str) -> str:
    """A QR code as SVG text, without a border: the page leaves its own."""
    picture = io.BytesIO()
    segno.make_qr(text, error="m").save(picture, kind="svg", border=0, scale=4, xmldecl=False)
    return picture.getvalue().decode()
