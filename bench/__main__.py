"""``python -m bench``: see the package's docstring."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import django

ROOT = Path(__file__).resolve().parents[1]
RUN = "\ndef run(bench: Bench)"


def names() -> list[str]:
    """Every bench: a module of this package that has a ``run``."""
    found = sorted(Path(__file__).parent.glob("*.py"))
    return [path.stem for path in found if RUN in path.read_text(encoding="utf-8")]


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed as ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; all when none")
    parser.add_argument("--small", action="store_true", help="small sizes, to try a bench out")
    parser.add_argument("--size", type=int, help="a size instead of each bench's own")
    parser.add_argument("--out", type=Path, help="keep the JSON in this file too")
    parser.add_argument("--list", action="store_true", help="only name them")
    return parser.parse_args(words)


def size_of(module: ModuleType, wanted: argparse.Namespace) -> int:
    if wanted.size:
        return int(wanted.size)
    return int(module.SMALL if wanted.small else module.SIZE)


def machine() -> dict[str, Any]:
    """What the times were taken on."""
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
    return {"cpus": os.cpu_count(), "memory_mib": memory_mib, "python": platform.python_version()}


def table(found: dict[str, Any]) -> str:
    """The same as the JSON, for people."""
    lines: list[str] = []
    for name, bench in found.items():
        lines.append(f"\n{name}  (size {bench['size']:,})")
        for row in bench["timings"]:
            title = " · ".join(part for part in (row["case"], row["way"]) if part)
            ratio = f"×{row['ratio']:.2f}" if row["ratio"] is not None else ""
            limit = f"≤ {row['at_most_s'] * 1000:,.0f} ms" if row["at_most_s"] else ""
            lines.append(
                f"  {'✓' if row['kept'] else '✗'} {title:<52.52} {row['median_s'] * 1000:>10,.1f} ms"
                f"  worst {row['worst_s'] * 1000:>10,.1f} ms  {ratio:>8} {limit}"
            )
        for row in bench["facts"]:
            limits = [
                f"{sign} {row[key]:,.6g}"
                for sign, key in (("≤", "at_most"), ("≥", "at_least"))
                if row[key] is not None
            ]
            lines.append(
                f"  {'✓' if row['kept'] else '✗'} {row['name']:<52.52} {row['value']:>10,.6g}"
                f" {row['unit']}  {' '.join(limits)}"
            )
    return "\n".join(lines) + "\n"


def run_one(name: str, wanted: argparse.Namespace) -> dict[str, Any]:
    """One bench on a database of its own."""
    from bench.harness import Bench, register_template
    from tests.databases import OWNER_HOME, make_template, own_database, owner_connection

    module = importlib.import_module(f"bench.{name}")
    bench = Bench(name=name, size=size_of(module, wanted))
    sys.stderr.write(f"{name}: {module.TITLE}\n")
    began = time.monotonic()
    with owner_connection(OWNER_HOME) as control:
        template = make_template(control)
        registered = getattr(module, "REGISTER", False)
        if registered:
            template = register_template(control, template, bench.size)
    with own_database(template, large=registered, durable=True):
        module.run(bench)
    return {**bench.as_json(), "seconds": round(time.monotonic() - began, 1)}


def main() -> int:
    wanted = arguments(sys.argv[1:])
    known = names()
    if wanted.list:
        sys.stdout.write("\n".join(known) + "\n")
        return 0
    if unknown := [name for name in wanted.names if name not in known]:
        sys.stderr.write(f"没有这个测量：{'、'.join(unknown)}。可选：{'、'.join(known)}\n")
        return 2
    # Nothing is pooled there: a database is changed under Django's connections.
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    os.chdir(ROOT)
    django.setup()
    from bench.harness import ResultsDiffer

    found: dict[str, Any] = {}
    unequal: list[str] = []
    for name in wanted.names or known:
        try:
            found[name] = run_one(name, wanted)
        except ResultsDiffer as differ:
            unequal.append(str(differ))
    answer = {"machine": machine(), "benches": found, "unequal": unequal}
    text = json.dumps(answer, ensure_ascii=False, indent=1)
    if wanted.out:
        wanted.out.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    sys.stderr.write(table(found))
    for line in unequal:
        sys.stderr.write(f"  ✗ {line}\n")
    return 0 if not unequal and all(bench["kept"] for bench in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
