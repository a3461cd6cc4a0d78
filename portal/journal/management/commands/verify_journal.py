"""``verify_journal``: recompute every chain, head and seal from the events."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from portal.journal.queries import verify_journal


class Command(BaseCommand):
    """JSON on standard output; exit 0 whole, 1 faults found, 2 not run."""

    help = "重新计算日志的每条链、链头和每日封存，报告首个不符之处。"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = verify_journal()
        except DatabaseError as error:
            self.stderr.write(str(error))
            sys.exit(2)
        self.stdout.write(json.dumps(asdict(report), ensure_ascii=False))
        sys.exit(1 if report.faults else 0)
