#!/usr/bin/env python3
"""The command line of the portal. Uses the project's own environment when it is called without it."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.embedded")
    own_python = HERE / ".venv" / "bin" / "python"
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        if own_python.exists() and Path(sys.prefix).resolve() != (HERE / ".venv").resolve():
            os.execv(own_python, [str(own_python), *sys.argv])  # noqa: S606 - our own interpreter.
        sys.stderr.write("尚未安装，请先运行 make run。 Not set up yet: run make run first.\n")
        sys.exit(2)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
