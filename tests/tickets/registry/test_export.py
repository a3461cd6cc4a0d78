"""An outsider with Python alone checks an export against a noted root."""

from __future__ import annotations

import hashlib
import io
import json
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from portal.base.clock import advance_clock
from portal.journal.models import Seal
from portal.journal.operations import (
    EMPTY_ROOT,
    chains_leaf,
    merkle_proofs,
    merkle_root,
    seal_day,
)
from tests.base.sessions import PATIENCE_SECONDS, as_owner, meanwhile
from tests.databases import own_database
from tests.tickets.registry.register import Bureau
from tickets.registry.moves import MOVES
from tickets.registry.tasks import renew_open_export
from tickets.registry.verification.export import WRITING, export_file

SCRIPT = Path(settings.ROOT) / "docs" / "verify_export.py"


@pytest.fixture(scope="module")
def export(
    filed_template: str, filed_db: str, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[tuple[Path, dict[str, str]]]:
    """An export of two sealed days and a third that is not sealed; the roots as noted."""
    path: Path = tmp_path_factory.mktemp("export") / "register.jsonl"
    with django_db_blocker.unblock(), own_database(filed_template):
        bureau = Bureau()
        ticket = bureau.issue(10_000)
        other = bureau.issue(5000)
        seal_day()
        advance_clock(timedelta(days=1))
        bureau.offset(bureau.transfer(ticket, 4000), 100)
        seal_day()
        roots = {seal.day.isoformat(): bytes(seal.root).hex() for seal in Seal.objects.all()}
        advance_clock(timedelta(days=1))
        bureau.offset(other, 1)
        call_command("export_register", "--out", str(path), stdout=io.StringIO())
        yield path, roots


def run(path: Path, roots: dict[str, str]) -> tuple[int, dict[str, Any]]:
    words = [word for day, root in roots.items() for word in ("--root", f"{day}={root}")]
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout or "{}")


def test_an_honest_export_leads_to_the_noted_roots(export: tuple[Path, dict[str, str]]) -> None:
    path, roots = export
    status, report = run(path, roots)
    assert report["faults"] == []
    assert status == 0
    assert report["kg"] == {"held": 14_899, "offset": 101}
    assert report["counts"]["issuances"] == 2
    assert report["not_wholly_sealed_yet"] == 1
    assert len(roots) >= 2


def test_the_page_of_roots_gives_export_and_script_away(
    export: tuple[Path, dict[str, str]], settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    _path, roots = export
    public = Client()
    page = public.get(reverse("registry:roots")).content.decode()
    got: dict[str, bytes] = {}
    for name in ("open-export", "checking-script"):
        address = reverse(f"registry:{name}")
        assert f'href="{address}"' in page
        first, again = (b"".join(public.get(address)) for _reader in range(2))
        assert first == again
        got[name] = first
    assert got["checking-script"] == SCRIPT.read_bytes()
    assert len(list((tmp_path / "register").iterdir())) == 1
    fetched = tmp_path / "fetched.jsonl"
    fetched.write_bytes(got["open-export"])
    status, report = run(fetched, roots)
    assert (status, report["kg"]) == (0, {"held": 14_899, "offset": 101})


def test_who_asks_while_the_export_is_written_waits_for_it(
    export: tuple[Path, dict[str, str]], settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    renew_open_export(0)
    [written] = (tmp_path / "register").iterdir()
    content = written.read_bytes()
    written.unlink()
    with as_owner() as writer:
        writer.execute(f"SELECT pg_advisory_lock({WRITING})")
        with meanwhile(export_file) as reader:
            while not writer.execute(
                "SELECT FROM pg_locks JOIN pg_database AS here ON here.oid = database "
                "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
            ).fetchall():
                assert not reader.done()
            written.write_bytes(b"by the one before")
            writer.execute(f"SELECT pg_advisory_unlock({WRITING})")
            assert reader.result(PATIENCE_SECONDS).read_bytes() == b"by the one before"
    assert content.count(b"\n") > 10


def changed(path: Path, change: Callable[[list[dict[str, Any]]], object], to: Path) -> Path:
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    change(lines)
    to.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return to


def entries(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] == "entry"]


def without(lines: list[dict[str, Any]], *, kind: str, issuance: str, day: str = "") -> None:
    """Leave out an issuance's entries (field 0), events (field 1), or proofs of a day or all."""
    place = {"entry": 0, "event": 1}.get(kind)
    lines[:] = [
        line for line in lines
        if line["kind"] != kind
        or (line["issuance"] if place is None else line["fields"][place]) != issuance
        or day not in ("", line.get("day"))
    ]  # fmt: skip


def issuances(lines: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(line["fields"][0] for line in entries(lines)))


def rechain(lines: list[dict[str, Any]]) -> None:
    """What a forger does who has everything: every hash anew, and the sums."""
    entry_hashes: dict[tuple[str, str], str] = {}
    for kind, at in (("entry", 0), ("event", 1)):
        heads: dict[str, bytes] = {}
        for line in (line for line in lines if line["kind"] == kind):
            fields = line["fields"]
            end = -1 if kind == "entry" else -2
            if kind == "event":
                facts = json.loads(fields[6])
                fields[6] = fields[6].replace(
                    facts["hash"], entry_hashes[fields[1], fields[2]]
                )  # The text stays as PostgreSQL writes it.
            parts = b"".join(b"%d:%s" % (len(x.encode()), x.encode()) for x in fields[:end])
            found = hashlib.sha256(heads.get(fields[at], bytes(32)) + parts)
            heads[fields[at]], fields[end] = found.digest(), found.hexdigest()
            entry_hashes.setdefault((fields[at], fields[1]), found.hexdigest())


def forge_the_first_day(lines: list[dict[str, Any]]) -> None:
    """A register of the first day with another document, and no proof that could contradict it."""
    first = issuances(lines)[0]
    entries(lines)[0]["fields"][12] = "ab" * 32
    rechain(lines)
    without(lines, kind="proof", issuance=first)


def roll_back(lines: list[dict[str, Any]]) -> None:
    """The second day never was."""
    first = issuances(lines)[0]
    lines[:] = [
        line for line in lines[:-1]
        if line["kind"] not in ("entry", "event")
        or first not in line["fields"][:2] or "1" in line["fields"][1:3]
    ]  # fmt: skip
    second = max(line["day"] for line in lines if line["kind"] == "seal")
    without(lines, kind="proof", issuance=first, day=second)


def leave_out_the_last(lines: list[dict[str, Any]]) -> None:
    last = issuances(lines)[-1]
    for kind in ("entry", "event", "proof"):
        without(lines, kind=kind, issuance=last)
    lines[:] = [line for line in lines if line["kind"] != "totals"]


def resurrect(lines: list[dict[str, Any]]) -> None:
    """What was offset is said to be held, by an entry that is chained as it should be."""
    offset = next(line for line in reversed(entries(lines)) if line["fields"][3] == "offset")
    content = json.loads(offset["fields"][13])
    for block in content["opens"]:
        block.pop("because", None)
        block["state"] = "held"
    content["opens"][0]["ticket"] = "00000000-0000-0000-0000-000000000000"
    offset["fields"][13] = json.dumps(content)
    rechain(lines)


def move_by_no_act(lines: list[dict[str, Any]]) -> None:
    """An offset is called a freeze."""
    next(line for line in reversed(entries(lines)) if line["fields"][3] == "offset")["fields"][3] = "freeze"  # fmt: skip
    rechain(lines)


def make_up_the_first_day(lines: list[dict[str, Any]]) -> None:
    """Who noted the second root alone is shown another first day, with a tree of its own."""
    seals = [line for line in lines if line["kind"] == "seal"]
    first, second = seals
    proofs = [line for line in lines if line["kind"] == "proof" and line["day"] == first["day"]]
    counts = {"issuance": len(proofs)}
    leaves = [
        first["day"].encode(), EMPTY_ROOT, chains_leaf(counts),
        *(bytes.fromhex(line["leaf"]) for line in proofs),
    ]  # fmt: skip
    paths = [
        [[side, sibling.hex()] for side, sibling in path]
        for path in merkle_proofs(leaves, list(range(len(leaves))))
    ]
    first |= {
        "root": merkle_root(leaves).hex(), "chains": counts,
        "day_path": paths[0], "previous_path": paths[1], "chains_path": paths[2],
    }  # fmt: skip
    for line, path in zip(proofs, paths[3:], strict=True):
        line["path"] = path
    second["previous_root"] = first["root"]


def write_shares_anew(lines: list[dict[str, Any]]) -> None:
    """An owner has twice the ticket, by an entry that is chained as it should be."""
    offset = next(line for line in reversed(entries(lines)) if line["fields"][3] == "offset")
    content = json.loads(offset["fields"][13])
    ticket = content["opens"][0]["ticket"]
    content["shares"] = [{"ticket": ticket, "shares": [[ticket, 2]]}]
    offset["fields"][13] = json.dumps(content)
    rechain(lines)


def test_a_noted_root_holds_the_days_before_it(
    export: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    path, roots = export
    day = max(roots)
    assert run(path, {day: roots[day]})[0] == 0
    made_up = changed(path, make_up_the_first_day, tmp_path / "x.jsonl")
    status, report = run(made_up, {day: roots[day]})
    assert status == 1
    assert report["faults"] == [f"seal {day}: is not over the root before it"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (forge_the_first_day, "not under the root of"),
        (forge_the_first_day, "issuances, proved are"),
        (roll_back, "not under the root of"),
        (leave_out_the_last, "issuances, proved are"),
        (resurrect, "a ticket that was never opened"),
        (move_by_no_act, "held -> offset by freeze"),
        (write_shares_anew, "shares that are written anew do not sum"),
        (
            lambda lines: lines.remove(next(one for one in lines if one["kind"] == "seal")),
            "does not follow the seal before it",
        ),
        (
            lambda lines: [
                line.update(chains={"issuance": 1}) for line in lines if line["kind"] == "seal"
            ],
            "is not over so many chains",
        ),
        (
            lambda lines: [
                line.update(chains=None) for line in lines if line["kind"] == "seal"
            ],
            "does not say how many chains",
        ),
        (lambda lines: entries(lines)[0]["fields"].__setitem__(5, "x"), "chain broken"),
        (lambda lines: lines.remove(entries(lines)[2]), "chain broken"),
        (lambda lines: lines.remove(entries(lines)[-1]), "not the hash of entry"),
        (lambda lines: lines[-1]["kg"].update(offset=100), "totals"),
        (
            lambda lines: [
                line.update(root="0" * 64) for line in lines if line["kind"] == "seal"
            ],
            "not the published root",
        ),
        (
            lambda lines: [
                line.update(leaf="0" * 64) for line in lines if line["kind"] == "proof"
            ],
            "does not lead to the root",
        ),
    ],
)  # fmt: skip
def test_an_export_that_was_touched_is_found_out(
    export: tuple[Path, dict[str, str]],
    change: Callable[[list[dict[str, Any]]], object],
    said: str,
    tmp_path: Path,
) -> None:
    path, roots = export
    status, report = run(changed(path, change, tmp_path / "x.jsonl"), roots)
    assert status == 1
    assert any(said in fault for fault in report["faults"])


def test_a_register_of_which_no_day_is_sealed_is_sound_unless_a_root_was_published(
    export: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    path, roots = export

    def unseal(lines: list[dict[str, Any]]) -> None:
        lines[:] = [line for line in lines if line["kind"] not in ("seal", "proof")]

    unsealed = changed(path, unseal, tmp_path / "x.jsonl")
    status, report = run(unsealed, {})
    assert (status, report["faults"], report["not_wholly_sealed_yet"]) == (0, [], 2)
    assert not report["sealed"]
    status, report = run(unsealed, roots)
    assert status == 1
    assert all("published, but not in the export" in fault for fault in report["faults"])


def test_the_scripts_table_of_moves_is_the_registers() -> None:
    assert runpy.run_path(str(SCRIPT))["MOVES"] == {
        tuple(value.value for value in move) for move in MOVES
    }


def test_something_else_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("no\n")
    assert run(path, {}) == (2, {})
