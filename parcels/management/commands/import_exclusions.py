"""``import_exclusions FILE``: other programmes' projects and planned harvests (article 6)."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandParser

from parcels.claims.exclusions import Assumed, TakenIn, take_in_exclusions
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, parse_seven_parameters
from parcels.models import ExclusionArea
from portal.base.errors import InvalidInput, PortalError

COMMAND_LINE_LIMIT_BYTES = 16 * 1024**3


class Command(BaseCommand):
    """Exit status 0: all in; 1: some features rejected; 2: nothing was read."""

    help = "导入其他机制项目或采伐规划。 Take other programmes' projects or harvest plans in."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", choices=ExclusionArea.Kind.values, help="默认按文件的列")
        parser.add_argument("--method", choices=ExclusionArea.Method.values, help="文件没写时")
        parser.add_argument("--status", choices=ExclusionArea.Status.values, help="文件没写时")
        parser.add_argument("--from", dest="begins_on", metavar="DAY", help="文件没写时的首日")
        parser.add_argument("--to", dest="ends_on", metavar="DAY", help="文件没写时的末日")
        parser.add_argument("--layer")
        parser.add_argument("--crs", type=int, help="EPSG")
        parser.add_argument("--encoding")
        parser.add_argument("--seven-parameters", default="", metavar="X,Y,Z,RX,RY,RZ,S")
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = take_in_exclusions(
                path=options["file"],
                actor=None,
                assumed=Assumed(
                    kind=ExclusionArea.Kind(options["kind"]) if options["kind"] else None,
                    method=ExclusionArea.Method(options["method"]) if options["method"] else None,
                    status=ExclusionArea.Status(options["status"]) if options["status"] else None,
                    begins_on=parse_day(options["begins_on"], "--from"),
                    ends_on=parse_day(options["ends_on"], "--to"),
                ),
                choices=Choices(
                    layer=options["layer"],
                    crs_epsg=options["crs"],
                    encoding=options["encoding"],
                    seven_parameters=parse_seven_parameters(options["seven_parameters"]),
                ),
                limits=Limits(file_bytes=COMMAND_LINE_LIMIT_BYTES),
                dry_run=options["dry_run"],
            )
        except PortalError as error:
            self.stderr.write(f"{error.code}: {error}")
            sys.exit(2)
        sys.stdout.write(orjson.dumps(as_json(outcome), option=orjson.OPT_INDENT_2).decode() + "\n")
        sys.exit(1 if outcome.rejected else 0)


def parse_day(text: str | None, field: str) -> date | None:
    """An ISO day, None when empty; InvalidInput for anything else."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(field=field, reason=text) from error


def as_json(outcome: TakenIn) -> dict[str, Any]:
    return {
        "read": outcome.read,
        "registered": outcome.registered,
        "unchanged": outcome.unchanged,
        "areas": [
            {
                "row": one.row,
                "number": one.facts.number,
                "kind": one.facts.kind,
                "method": one.facts.method or None,
                "status": one.facts.status,
                "from": one.facts.begins_on,
                "to": one.facts.ends_on,
                "area_m2": round(one.area_m2, 2),
                "unchanged": one.stands_already,
            }
            for one in outcome.found
        ],
        "rejected": [
            {"row": row, "code": code, "message": message}
            for row, code, message in outcome.rejected
        ],
    }
