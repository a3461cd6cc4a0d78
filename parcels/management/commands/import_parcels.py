"""``import_parcels FILE``: a file into the register, feature by feature (design.md, "Interfaces")."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from parcels.imports.errors import TakeoverRefused
from parcels.imports.messages import problem_message
from parcels.imports.operations import open_import, run_import
from parcels.imports.outcome import Outcome, Problem
from parcels.imports.survey_year import year_in
from parcels.imports.takeover import TakeoverDecision, check_decision
from parcels.intake.columns import propose_mapping
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, inspect_file, parse_seven_parameters, read_batches
from parcels.models import ImportProblem, ImportRecord, RightKind
from portal.accounts.models import User
from portal.base.clock import today
from portal.base.errors import PortalError

COMMAND_LINE_LIMIT_BYTES = 16 * 1024**3  # The operator's own files; the web has its own limit.


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
        parser.add_argument("--layer")
        parser.add_argument("--crs", type=int, help="EPSG")
        parser.add_argument("--encoding")
        parser.add_argument(
            "--seven-parameters",
            default="",
            metavar="X,Y,Z,RX,RY,RZ,S",
            help="西安80、北京54 到 CGCS2000 的七参数（米、秒、ppm，布尔莎模型）",
        )
        parser.add_argument("--survey-year", type=int)
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
        try:
            outcome = self.take_in(options, told)
        except PortalError as error:
            self.stderr.write(f"{error.code}: {error}")
            sys.exit(2)
        sys.stdout.write(
            orjson.dumps(answer(outcome, told), option=orjson.OPT_INDENT_2).decode() + "\n"
        )
        sys.exit(1 if outcome.rejected else 0)

    def take_in(self, options: dict[str, Any], told: list[Problem]) -> Outcome:
        path: Path = options["file"]
        decision = decision_from(options) if options["purpose"] == "stock" else None
        choices = Choices(
            layer=options["layer"],
            crs_epsg=options["crs"],
            encoding=options["encoding"],
            seven_parameters=parse_seven_parameters(options["seven_parameters"]),
        )
        limits = Limits(file_bytes=COMMAND_LINE_LIMIT_BYTES)
        inspection = inspect_file(path, choices=choices, limits=limits)
        self.stderr.write(
            _("{name}：{format}，图层 {layer}，编码 {encoding}，坐标系 {crs}").format(
                name=path.name,
                format=inspection.format,
                layer=inspection.layer,
                encoding=inspection.encoding.value if inspection.encoding else "-",
                crs=inspection.crs.name if inspection.crs else "-",
            )
        )
        mapping = propose_mapping([field.name for field in inspection.fields])
        record = open_import(
            path=path,
            file_name=path.name,
            purpose=ImportRecord.Purpose(options["purpose"]),
            actor=None,
            choices=choices,
            mapping=mapping,
            survey_year=options["survey_year"] or year_in(path.name) or today().year,
            right_kinds=options["rights"] or [RightKind.TREE_OWNERSHIP.value],
        )
        return run_import(
            record=record,
            batches=read_batches(path, choices=choices, limits=limits),
            mapping=mapping,
            actor=None,
            progress=self.tell,
            decision=decision,
            told=told,
            dry_run=options["dry_run"],
        )

    def tell(self, outcome: Outcome) -> None:
        total = f"/{outcome.total}" if outcome.total else ""
        self.stderr.write(_("已读取 {read}{total}").format(read=outcome.read, total=total))


def decision_from(options: dict[str, Any]) -> TakeoverDecision:
    """The decision that a stock is taken over by; TakeoverRefused where something is missing."""
    people = []
    for name in ("preparer", "approver"):
        user = User.objects.filter(username=options[name] or "").first()
        if user is None:
            raise TakeoverRefused(
                reason=_("没有用户“{name}”（--{option}）").format(
                    name=options[name] or "", option=name
                )
            )
        people.append(user)
    try:
        day = date.fromisoformat(options["decided_on"]) if options["decided_on"] else today()
    except ValueError as error:
        raise TakeoverRefused(reason=_("--decided-on 应为 YYYY-MM-DD")) from error
    if options["document"] is None:
        raise TakeoverRefused(reason=_("须用 --document 附上依据文件"))
    decision = TakeoverDecision(options["decision"], day, options["document"], *people)
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


def answer(outcome: Outcome, told: list[Problem]) -> dict[str, Any]:
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
        **({} if outcome.taken_over is None else {"stock": asdict(outcome.taken_over)}),
    }
