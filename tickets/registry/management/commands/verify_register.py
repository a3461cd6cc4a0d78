"""``verify_register [--replay]``: derive every guarantee again from the data."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection, transaction

from tickets.registry.verification.checks import all_checks, find_faults
from tickets.registry.verification.replay import COMPARE, find_differences

COUNTED = {
    "issuances": "registry_issuance",
    "tickets": "registry_carbonticket",
    "entries": "registry_ledgerentry",
    "blocks": "registry_block",
    "claims": "parcels_claim",
    "events": "journal_event",
}


class Command(BaseCommand):
    """JSON on standard output; exit 0 whole, 1 faults found, 2 not run."""

    help = "由数据重新推导并核对登记簿的每一项保证；--replay 仅凭登记事项重建并比对。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--replay", action="store_true", help="仅凭登记事项重建并比对")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = self.verify(replay=options["replay"])
        except DatabaseError as error:
            self.stderr.write(str(error))
            sys.exit(2)
        self.stdout.write(json.dumps(report, ensure_ascii=False))
        sys.exit(1 if report["faults"] else 0)

    def verify(self, *, replay: bool) -> dict[str, Any]:
        """Counts and the first fault of each kind, all of one moment of the database."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            faults = [asdict(fault) for fault in find_faults(self.tell)]
            if replay:
                faults += [asdict(fault) for fault in find_differences(self.tell)]
            counts = {}
            for name, table in COUNTED.items():
                cursor.execute(f"SELECT count(*) FROM {table}")
                counts[name] = cursor.fetchone()[0]
            transaction.set_rollback(True)
        return {
            "checks": len(all_checks()) + 2 + (len(COMPARE) if replay else 0),
            "replayed": replay,
            "counts": counts,
            "faults": faults,
        }

    def tell(self, step: str) -> None:
        self.stderr.write(step)
