"""Tables as CSV and XLSX in which no text can become a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from openpyxl import Workbook

from portal.base.clock import today

# What spreadsheet programs take for the beginning of a formula.
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Row = Sequence[Any]


def safe_text(value: Any) -> Any:
    """Numbers as they are; a text that begins like a formula gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.lstrip(" ").startswith(_BEGINNINGS) else value


def csv_of(head: Row, rows: Sequence[Row]) -> bytes:
    """UTF-8 with a mark that tells Excel so, CRLF."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([str(cell) for cell in head])
    writer.writerows([[safe_text(cell) for cell in row] for row in rows])
    return written.getvalue().encode("utf-8-sig")


def xlsx_of(head: Row, rows: Sequence[Row]) -> bytes:
    """One sheet; every text is stored as a text and marked so that editing keeps it one."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for number, row in enumerate([[str(cell) for cell in head], *rows], 1):
        for column, value in enumerate(row, 1):
            cell = sheet.cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"  # The library takes "=…" for a formula.
                cell.quotePrefix = True
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def table_bytes(form: str, head: Row, rows: Sequence[Row]) -> bytes:
    """A table as ``csv`` or ``xlsx``."""
    return (csv_of if form == "csv" else xlsx_of)(head, rows)


def table_answer(name: str, form: str, content: bytes) -> HttpResponse:
    """A table to keep; the file's name tells the day."""
    response = HttpResponse(content, content_type=CSV if form == "csv" else XLSX)
    file_name = f"{name}-{today().isoformat()}.{form}"
    response.headers["Content-Disposition"] = content_disposition_header(True, file_name) or ""
    return response


def table_file(name: str, form: str, head: Row, rows: Sequence[Row]) -> HttpResponse:
    """A table to keep, made for this answer."""
    return table_answer(name, form, table_bytes(form, head, rows))
