"""``migrate`` runs as the owner: the application's role may not change the schema."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.utils.translation import gettext as _

from portal.base.database_roles import OWNER


class Command(migrate.Command):
    """Django's command with the owner's connection as its default."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=OWNER)

    def handle(self, *args: Any, **options: Any) -> None:
        if OWNER not in settings.DATABASES:
            raise CommandError(_("迁移需要 DATABASE_OWNER_URL（数据库所有者的连接）。"))
        super().handle(*args, **options)
        if options["database"] == OWNER and not options["plan"] and not options["check_unapplied"]:
            mark_installation()


def mark_installation() -> None:
    """Say in the database what kind of installation it belongs to; a production stays one.

    Only the owner may: the clock of an embedded or test database can be moved forward.
    """
    if settings.INSTALLATION_KIND == "production":
        return
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT to_regclass('journal_event') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return
        # A database that has acts in it keeps what it was when they were recorded.
        cursor.execute(
            "UPDATE base_installation SET kind = %s "
            "WHERE kind = 'production' AND NOT EXISTS (SELECT FROM journal_event)",
            [settings.INSTALLATION_KIND],
        )
