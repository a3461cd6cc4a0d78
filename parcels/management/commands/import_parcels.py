"""``import_parcels FILE``: a file into the register, feature by feature (design.md, "Interfaces")."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from parcels.imports.command_line import (
    LIMITS,
    add_reading_options,
    as_it_reads,
    choices_from,
    columns_from,
    ended_when_not_run,
    tell_reading,
)
from parcels.imports.errors import TakeoverRefused
from parcels.imports.messages import problem_message
from parcels.imports.operations import open_import, run_import, tried_only
from parcels.imports.outcome import Outcome, Problem
from parcels.imports.reading import reading_json
from parcels.imports.survey_year import parse_year, year_in
from parcels.imports.takeover import TakeoverDecision, check_decision
from parcels.intake.columns import FIELDS, propose_mapping
from parcels.intake.reader import inspect_file, read_batches
from parcels.models import ImportProblem, ImportRecord, RightKind
from portal.accounts.models import User
from portal.base.clock import today


class Command(BaseCommand):
    """Exit status 0: all in; 1: some features rejected; 2: nothing was read."""

    help = "把宗地、权属证书文件导入登记簿。 Take a file of parcels and titles into the register."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--as",
            dest="purpose",
            default=ImportRecord.Purpose.REGISTERED.value,
            choices=ImportRecord.Purpose.values,
        )
        add_reading_options(parser)
        parser.add_argument("--survey-year", default="")
        parser.add_argument(
            "--right",
            dest="rights",
            action="append",
            choices=RightKind.values,
            help="权利种类，可重复；默认林木所有权。",
        )
        parser.add_argument("--dry-run", action="store_true")
        stock = parser.add_argument_group("--as stock", "接管既有登记的决定")
        stock.add_argument("--decision", default="", help="决定文号")
        stock.add_argument("--decided-on", help="决定日期，YYYY-MM-DD；默认今天")
        stock.add_argument("--document", type=Path, help="依据文件：PDF、JPEG 或 PNG")
        stock.add_argument("--preparer", help="经办人的用户名")
        stock.add_argument("--approver", help="审批人的用户名")

    def handle(self, *args: Any, **options: Any) -> None:
        told: list[Problem] = []
        with ended_when_not_run(self.stderr.write):
            outcome, reading = self.take_in(options, told)
        sys.stdout.write(
            orjson.dumps(answer(outcome, told, reading), option=orjson.OPT_INDENT_2).decode() + "\n"
        )
        sys.exit(1 if outcome.rejected else 0)

    def take_in(
        self, options: dict[str, Any], told: list[Problem]
    ) -> tuple[Outcome, dict[str, Any]]:
        """What came of the file, and how it was read."""
        path: Path = options["file"]
        decision = decision_from(options) if options["purpose"] == "stock" else None
        choices = choices_from(options)
        survey_year = parse_year(str(options["survey_year"]))
        inspection = inspect_file(path, choices=choices, limits=LIMITS)
        mapping = columns_from(
            options,
            inspection,
            propose=propose_mapping,
            targets=[target.code for target in FIELDS],
        )
        reading = reading_json(inspection, mapping, choices=choices)
        tell_reading(self.stderr.write, path.name, reading)
        with tried_only() if options["dry_run"] else nullcontext():
            record = open_import(
                path=path,
                file_name=path.name,
                purpose=ImportRecord.Purpose(options["purpose"]),
                actor=None,
                choices=choices,
                mapping=mapping,
                survey_year=survey_year or year_in(path.name) or today().year,
                right_kinds=options["rights"] or [RightKind.TREE_OWNERSHIP.value],
                tried=options["dry_run"],
            )
            outcome = run_import(
                record=record,
                batches=read_batches(path, choices=choices, limits=LIMITS),
                mapping=mapping,
                actor=None,
                progress=as_it_reads(self.tell),
                decision=decision,
                told=told,
            )
        return outcome, reading

    def tell(self, outcome: Outcome) -> None:
        total = f"/{outcome.total}" if outcome.total else ""
        self.stderr.write(_("已读取 {read}{total}").format(read=outcome.read, total=total))


def decision_from(options: dict[str, Any]) -> TakeoverDecision:
    """The decision that a stock is taken over by; TakeoverRefused where something is missing."""
    people = []
    for name in ("preparer", "approver"):
        if not options[name]:
            raise TakeoverRefused(reason=_("须用 --{option} 写明用户名").format(option=name))
        user = User.objects.filter(username=options[name]).first()
        if user is None:
            raise TakeoverRefused(
                reason=_("没有用户“{name}”（--{option}）").format(name=options[name], option=name)
            )
        people.append(user)
    try:
        day = date.fromisoformat(options["decided_on"]) if options["decided_on"] else today()
    except ValueError as error:
        raise TakeoverRefused(reason=_("--decided-on 应为 YYYY-MM-DD")) from error
    if options["document"] is None:
        raise TakeoverRefused(reason=_("须用 --document 附上依据文件"))
    decision = TakeoverDecision(
        options["decision"],
        day,
        options["document"],
        *people,
        keeps_document=not options["dry_run"],
    )
    check_decision(decision)
    return decision


def as_json(problem: Problem) -> dict[str, Any]:
    return {
        "row": problem.row,
        "id": problem.feature_id,
        "code": problem.code,
        "message": problem_message(problem.code, problem.facts),
        "lon": problem.lon,
        "lat": problem.lat,
    }


def answer(outcome: Outcome, told: list[Problem], reading: dict[str, Any]) -> dict[str, Any]:
    """The JSON of design.md; ``problem_counts`` says how many warnings there were of a cut kind."""
    of = ImportProblem.Severity
    return {
        "read": outcome.read,
        "imported": outcome.imported,
        "changed": outcome.changed,
        "unchanged": outcome.unchanged,
        "warnings": [as_json(item) for item in told if item.severity == of.WARNING],
        "rejected": [as_json(item) for item in told if item.severity == of.REJECTED],
        "problem_counts": outcome.problem_counts,
        "reading": reading,
        **({} if outcome.taken_over is None else {"stock": asdict(outcome.taken_over)}),
    }
