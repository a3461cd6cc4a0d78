"""``seed_demo``: demo sign-ins, the sample land and its story, through the real operations, once."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from layers.cells import prepare_cells
from parcels.imports.command_line import as_it_reads
from parcels.imports.operations import open_import, run_import
from parcels.imports.outcome import Outcome
from parcels.intake.columns import propose_mapping
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, inspect_file, read_batches
from parcels.models import ImportRecord, Parcel, RightKind
from portal.accounts.demo import DEMO_NAMES
from portal.accounts.models import User
from portal.accounts.operations import ensure_demo_accounts
from portal.base.clock import today
from portal.base.errors import PortalError
from portal.site.story import tell_story

SAMPLE = settings.FIXTURES / "samples" / "stands.gpkg"


class Command(BaseCommand):
    """Exit status 0: the demo is there; 1 (with --check): it is not; 2: it could not be loaded."""

    help = "载入演示账号与示例林地。 Load demo sign-ins and the sample land."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="只检查，不写入。 Only look.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            try:
                self.seed()
            except PortalError as error:
                self.stderr.write(f"{error.code}: {error}")
                sys.exit(2)
        found = {
            "accounts": User.objects.filter(username__in=DEMO_NAMES).count(),
            "parcels": Parcel.objects.in_being().count(),
        }
        self.stdout.write(orjson.dumps(found).decode())
        if found["accounts"] < len(DEMO_NAMES) or not found["parcels"]:
            sys.exit(1)

    def seed(self) -> None:
        """Everything that is missing; what is there stays as it is."""
        users = ensure_demo_accounts()
        self.stderr.write(_("演示账号 {n} 个").format(n=len(users)))
        if not ImportRecord.objects.filter(file_name=SAMPLE.name, state="done").exists():
            self.import_sample(users["natural_resources"])
            prepare_cells()
        by_name = {user.username: user for user in User.objects.filter(username__in=DEMO_NAMES)}
        tell_story(by_name, self.stderr.write)

    def import_sample(self, clerk: User) -> None:
        limits = Limits(file_bytes=settings.UPLOAD_LIMIT_BYTES)
        inspection = inspect_file(SAMPLE, choices=Choices(), limits=limits)
        mapping = propose_mapping([field.name for field in inspection.fields])
        record = open_import(
            path=SAMPLE,
            file_name=SAMPLE.name,
            purpose=ImportRecord.Purpose.REGISTERED,
            actor=clerk,
            mapping=mapping,
            survey_year=today().year - 1,
            right_kinds=[RightKind.TREE_OWNERSHIP.value],
        )
        run_import(
            record=record,
            batches=read_batches(SAMPLE, choices=Choices(), limits=limits),
            mapping=mapping,
            actor=clerk,
            progress=as_it_reads(self.tell),
        )

    def tell(self, outcome: Outcome) -> None:
        self.stderr.write(
            _("示例林地 {read}/{total}").format(read=outcome.read, total=outcome.total)
        )
