"""``export_register [--out FILE]``: the open register, for whoever wants to check it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection, transaction

from tickets.registry.verification.export import export_lines


class Command(BaseCommand):
    """JSON lines to the file (or standard output); exit 0 written, 2 not run."""

    help = "导出公开登记簿（登记事项、日志链与每日封存根的证明），供任何人核对。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, help="写入的文件；省略则写到标准输出")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path | None = options["out"]
        lines = 0
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                target = out.open("w", encoding="utf-8") if out else self.stdout
                try:
                    for line in export_lines():
                        target.write(line + "\n")
                        lines += 1
                finally:
                    if out:
                        target.close()
        except (DatabaseError, OSError) as error:
            self.stderr.write(str(error))
            sys.exit(2)
        if out:
            self.stdout.write(json.dumps({"lines": lines, "file": str(out)}, ensure_ascii=False))
