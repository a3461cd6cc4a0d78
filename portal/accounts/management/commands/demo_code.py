"""``demo_code USER``: the present code of a demonstration user's authenticator."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.second_factor import confirmed_device, present_code


class Command(BaseCommand):
    """JSON on standard output; exit 0 printed, 2 not run."""

    help = "显示演示账号当前的两步验证码（仅限演示和测试安装）。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help=_("用户名"))

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["user"]
        if settings.INSTALLATION_KIND == "production" or not settings.DEMO_ACCOUNTS:
            self.refuse(_("本安装不允许演示账号。"))
        user = User.objects.filter(username=name).first()
        device = confirmed_device(user) if user else None
        if device is None:
            self.refuse(_("没有这个用户，或其未设置验证器。"))
        code, seconds = present_code(device)
        self.stdout.write(json.dumps({"user": name, "code": code, "valid_for_s": seconds}))

    def refuse(self, why: str) -> None:
        self.stderr.write(why)
        sys.exit(2)
