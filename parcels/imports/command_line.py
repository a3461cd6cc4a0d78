"""What the command lines share: how a file is to be read, and saying how it is read.

The reader chooses nothing silently: what it took from the file, and what it only guessed, stands on
standard error before the work begins and in the answer, beside the option that sets it.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError
from django.utils.translation import gettext as _

from parcels.imports.errors import ColumnMissing
from parcels.imports.outcome import Outcome, Progress
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, Inspection, parse_seven_parameters
from portal.base.errors import InvalidInput, PortalError

# The operator's own files; the web has its own limit.
LIMITS = Limits(file_bytes=16 * 1024**3)
# Classes of SQLSTATE: connection exception, and the server's own shutting down or starting up.
CONNECTION_LOST = ("08", "57P")


@contextmanager
def ended_when_not_run(write: Callable[[str], object]) -> Iterator[None]:
    """What keeps a command from running, a database that is away or gives up too, ends it with status
    2 and a reason on standard error.
    """
    try:
        yield
    except PortalError as error:
        write(f"{error.code}: {error}")
        sys.exit(2)
    except OperationalError as error:
        code = "database_away" if is_away(error) else "database_gave_up"
        write(f"{code}: {error}")
        sys.exit(2)


def is_away(error: OperationalError) -> bool:
    """Whether the connection failed, rather than a statement: a lock, a time or a disk that ran out."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(CONNECTION_LOST)


def as_it_reads(say: Callable[[Outcome], object]) -> Progress:
    """An import's progress for ``say``, once for each count of features that were read: it goes on
    while they are written, when no more are.
    """
    said = -1

    def tell(outcome: Outcome) -> None:
        nonlocal said
        if outcome.read != said:
            said = outcome.read
            say(outcome)

    return tell


def add_reading_options(parser: ArgumentParser) -> None:
    """Every choice that a person has at the pages where a file is looked at."""
    parser.add_argument("--layer")
    parser.add_argument("--crs", type=int, help="EPSG")
    parser.add_argument("--encoding")
    parser.add_argument(
        "--column",
        dest="columns",
        action="append",
        default=[],
        metavar="FACT=COLUMN",
        help="某项内容取自哪一列，可重复；“FACT=”表示不取。默认按列名。",
    )
    parser.add_argument(
        "--seven-parameters",
        default="",
        metavar="X,Y,Z,RX,RY,RZ,S",
        help="西安80、北京54 到 CGCS2000 的七参数（米、秒、ppm，布尔莎模型）",
    )


def choices_from(options: Mapping[str, Any]) -> Choices:
    """IntakeError where the seven parameters are none."""
    return Choices(
        layer=options["layer"],
        crs_epsg=options["crs"],
        encoding=options["encoding"],
        seven_parameters=parse_seven_parameters(options["seven_parameters"]),
    )


def columns_from(
    options: Mapping[str, Any],
    inspection: Inspection,
    *,
    propose: Callable[[Iterable[str]], dict[str, str]],
    targets: Iterable[str],
) -> dict[str, str]:
    """The proposed column of each fact, or the one that ``--column`` names.

    InvalidInput for a fact that is none of ``targets``, ColumnMissing for a column not in the file.
    """
    names = [found.name for found in inspection.fields]
    columns = propose(names)
    known = list(targets)
    for word in options["columns"]:
        target, sign, column = word.partition("=")
        if not sign or target not in known:
            raise InvalidInput(field="--column", reason=f"{word} ∉ {'、'.join(known)}")
        if not column:
            columns.pop(target, None)
        elif column not in names:
            raise ColumnMissing(column=column)
        else:
            columns[target] = column
    return columns


def tell_reading(
    write: Callable[[str], object], file_name: str, reading: Mapping[str, Any]
) -> None:
    """``reading_json`` of a file in words, with the option that sets what was guessed."""
    encoding = reading["encoding"]
    write(
        _("{name}：{format}，图层 {layer}，编码 {encoding}，坐标系 {crs}").format(
            name=file_name,
            format=reading["format"],
            layer=reading["layer"],
            encoding=encoding["value"] if encoding else "-",
            crs=reading["crs"]["name"],
        )
    )
    columns = "、".join(f"{fact}={column}" for fact, column in reading["columns"].items())
    write(_("所取的列：{columns}（--column 可改）").format(columns=columns or "-"))
    guesses = {
        "layer": _("文件有多个图层（{layers}），读取的是 {layer}。用 --layer 选定。"),
        "crs": _("文件没有写明坐标系，推测为 {crs}。用 --crs 选定。"),
        "encoding": _(
            "文件没有写明文字编码，推测为 {encoding}，可能出现乱码。用 --encoding 选定。"
        ),
    }
    for name in reading["guessed"]:
        write(
            guesses[name].format(
                layers="、".join(reading["layers"]),
                layer=reading["layer"],
                crs=reading["crs"]["name"],
                encoding=encoding and encoding["value"],
            )
        )
    for notice in reading["notices"]:
        write(notice["message"])
