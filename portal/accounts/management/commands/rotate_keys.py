"""``rotate_keys``: a new key for identity numbers, and every number sealed with it."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.operations import rotate_identity_keys
from portal.accounts.queries import may_administer
from portal.base.errors import PortalError
from portal.base.secrets import KEY_FILES, add_key, key_path


class Command(BaseCommand):
    """JSON on standard output; exit 0 done, 2 not run.

    Earlier keys stay in the file: backups made before need them.
    """

    # A new production has no keys yet, which its checks refuse: this command is what makes them.
    requires_system_checks: list[str] = []
    help = "更换身份号码的加密密钥，并用新密钥重新加密全部号码。旧密钥保留在文件中，供旧备份使用。"

    def add_arguments(self, parser: CommandParser) -> None:
        only = parser.add_mutually_exclusive_group()
        only.add_argument(
            "--create", action="store_true", help=_("新安装：只生成缺少的密钥文件，不重新加密")
        )
        only.add_argument(
            "--resume", action="store_true", help=_("不换密钥，只完成上次中断的重新加密")
        )
        parser.add_argument("--actor", help=_("执行者的用户名（系统管理员），记入日志"))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = self.create() if options["create"] else self.rotate(options)
        except (PortalError, DatabaseError, OSError) as error:
            self.stderr.write(str(error))
            sys.exit(2)
        self.stdout.write(json.dumps(answer, ensure_ascii=False))

    def create(self) -> dict[str, Any]:
        """Make the files that are missing; one that exists is left alone."""
        made = {file: add_key(file).id for file in KEY_FILES if not key_path(file).exists()}
        return {"created": made}

    def rotate(self, options: dict[str, Any]) -> dict[str, Any]:
        actor = None
        if options["actor"]:
            actor = User.objects.filter(username=options["actor"]).first()
            if actor is None or not may_administer(actor):
                self.stderr.write(_("--actor 不是系统管理员。"))
                sys.exit(2)
        key, resealed = rotate_identity_keys(actor=actor, with_new_key=not options["resume"])
        return {"key": key.id, "resealed": resealed}
