"""Where things are: the checkout, its data directory, and the stamps of steps already done."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def var() -> Path:
    """The data directory: ``VAR``, a server's ``PORTAL_VAR``, or ``var/`` in the checkout."""
    return Path(os.environ.get("VAR") or os.environ.get("PORTAL_VAR") or ROOT / "var").resolve()


def secrets_folder() -> Path:
    """Where the keys are: a server's ``PORTAL_SECRETS``, else below the data directory."""
    return Path(os.environ.get("PORTAL_SECRETS") or var() / "secrets").resolve()


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over names and bytes of files, folders taken whole."""
    total = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "node_modules" not in file.parts and "dist" not in file.parts:
                total.update(str(file.relative_to(ROOT)).encode())
                total.update(file.read_bytes())
    return total.hexdigest()


def once(name: str, key: str, step: Callable[[], None], *, folder: Path) -> None:
    """Run ``step`` unless it has run before with this key; a failed step leaves no stamp."""
    stamp = folder / f".{name}.stamp"
    if stamp.exists() and stamp.read_text() == key:
        return
    step()
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)


def forget(*names: str, folder: Path) -> None:
    """Have these steps run again."""
    for name in names:
        (folder / f".{name}.stamp").unlink(missing_ok=True)
