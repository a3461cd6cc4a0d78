"""``import_exclusions FILE``: other programmes' projects and planned harvests (article 6)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandParser

from parcels.claims.exclusions import (
    COLUMNS,
    Assumed,
    TakenIn,
    propose_columns,
    take_in_exclusions,
)
from parcels.imports.command_line import (
    LIMITS,
    add_reading_options,
    choices_from,
    columns_from,
    ended_when_not_run,
    tell_reading,
)
from parcels.imports.reading import reading_json
from parcels.imports.suspicion import shift_notices
from parcels.intake.reader import inspect_file
from parcels.models import ExclusionArea
from portal.base.parameters import parse_day


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
        add_reading_options(parser)
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        with ended_when_not_run(self.stderr.write):
            outcome, reading = self.take_in(options)
        answer = {**as_json(outcome), "reading": reading}
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
        sys.exit(1 if outcome.rejected else 0)

    def take_in(self, options: dict[str, Any]) -> tuple[TakenIn, dict[str, Any]]:
        """What came of the file, and how it was read."""
        path, choices = options["file"], choices_from(options)
        inspection = inspect_file(path, choices=choices, limits=LIMITS)
        columns = columns_from(options, inspection, propose=propose_columns, targets=COLUMNS)
        reading = reading_json(
            inspection, columns, choices=choices, notices=shift_notices(inspection)
        )
        tell_reading(self.stderr.write, path.name, reading)
        outcome = take_in_exclusions(
            path=path,
            actor=None,
            assumed=Assumed(
                kind=ExclusionArea.Kind(options["kind"]) if options["kind"] else None,
                method=ExclusionArea.Method(options["method"]) if options["method"] else None,
                status=ExclusionArea.Status(options["status"]) if options["status"] else None,
                begins_on=parse_day(options["begins_on"], "--from"),
                ends_on=parse_day(options["ends_on"], "--to"),
            ),
            choices=choices,
            columns=columns,
            limits=LIMITS,
            dry_run=options["dry_run"],
        )
        return outcome, reading


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
