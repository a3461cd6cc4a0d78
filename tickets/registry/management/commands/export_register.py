"""``export_register [--out FILE]``: the open register, for whoever wants to check it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from tickets.registry.verification.export import write_export


class Command(BaseCommand):
    """JSON lines to the file (or standard output); exit 0 written, 2 not run."""

    help = "导出公开登记簿（登记事项、日志链与每日封存根的证明），供任何人核对。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, help="写入的文件；省略则写到标准输出")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path | None = options["out"]
        try:
            if out is None:
                write_export(self.stdout.write)
                return
            with out.open("w", encoding="utf-8") as target:
                lines = write_export(target.write)
        except (DatabaseError, OSError) as error:
            self.stderr.write(str(error))
            sys.exit(2)
        self.stdout.write(json.dumps({"lines": lines, "file": str(out)}, ensure_ascii=False))
