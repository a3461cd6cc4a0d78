"""``migrate`` runs as the owner: the application's role may not change the schema."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.utils.translation import gettext as _

from portal.base.database_roles import OWNER
from portal.base.story import STORY_SPAN

CLOCK = {"app_label": "base", "migration_name": "0001_roles_and_clock"}


class Command(migrate.Command):
    """Django's command with the owner's connection as its default."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=OWNER)
        parser.add_argument(
            "--story",
            action="store_true",
            help="新建的演示库从示例故事的第一天开始计时。 A new demonstration begins in the past.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if OWNER not in settings.DATABASES:
            raise CommandError(_("迁移需要 DATABASE_OWNER_URL（数据库所有者的连接）。"))
        writes = not options["plan"] and not options["check_unapplied"]
        if options["story"] and writes and settings.INSTALLATION_KIND == "embedded" and is_empty():
            super().handle(*args, **{**options, **CLOCK})
            set_clock_back()
        super().handle(*args, **options)
        if options["database"] == OWNER and writes:
            close_search_paths()
            mark_installation()


def is_empty() -> bool:
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT to_regclass('base_installation') IS NULL")
        return bool(cursor.fetchone()[0])


def set_clock_back() -> None:
    """Once, before anything but the clock is there: whatever the other migrations install takes its
    time from the past, so that policy is in force when the story begins. From here on the clock only
    moves forward."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "UPDATE base_installation SET kind = 'embedded', clock_offset = - make_interval(days => %s)",
            [STORY_SPAN.days],
        )


# A temporary table of the same name would otherwise stand in for the real one in a trigger.
CLOSE_SEARCH_PATHS = """
DO $$ DECLARE found regprocedure; BEGIN
  FOR found IN
    SELECT function.oid::regprocedure FROM pg_proc AS function
    JOIN pg_language AS language ON language.oid = function.prolang
    WHERE function.pronamespace = 'public'::regnamespace AND language.lanname = 'plpgsql'
      AND function.proconfig IS NULL AND pg_has_role(current_user, function.proowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = function.oid AND deptype = 'e')
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = public, pg_temp', found);
  END LOOP;
END $$
"""


def close_search_paths() -> None:
    """Every function of ours looks for tables in ``public`` first."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(CLOSE_SEARCH_PATHS)


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
        # A database that has acts in it keeps what it was when they were recorded. Policy values that
        # migrations bring are events too, of nobody.
        cursor.execute(
            "UPDATE base_installation SET kind = %s "
            "WHERE kind = 'production' AND NOT EXISTS (SELECT FROM journal_event "
            "WHERE subject_kind <> 'policy' OR actor_key IS NOT NULL)",
            [settings.INSTALLATION_KIND],
        )
