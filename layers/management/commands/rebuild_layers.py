"""``rebuild_layers``: prepare the low zooms of the map, all of them or only what changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from layers.cells import prepare_cells


class Command(BaseCommand):
    """Prints how many cells of the finest prepared zoom were made."""

    help = "重新准备小比例尺图层。 Prepare the low zooms of the map."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", dest="everything")

    def handle(self, *args: Any, **options: Any) -> None:
        cells = prepare_cells(everything=options["everything"])
        self.stdout.write(f'{{"cells": {cells}}}')
