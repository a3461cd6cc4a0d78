"""``migrate`` runs as the owner: the application's role may not change the schema."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
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
