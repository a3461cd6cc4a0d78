"""kill -9 of server processes and of PostgreSQL under load: all or nothing of each act."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from deploy.local import backup as backups
from deploy.local.cluster import Cluster, ensure_cluster
from tests.databases import own_database
from tests.tickets.registry.kills import Doomed, doomed_cluster
from tests.tickets.registry.register import Bureau

VICTIMS = ("server", "postgres")
SOAK_ROUNDS = 20


@pytest.fixture(scope="module")
def doomed(
    filed_template: str, filed_db: str, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Doomed]:
    folder: Path = tmp_path_factory.mktemp("doomed")
    with django_db_blocker.unblock(), own_database(filed_template) as name:
        bureau = Bureau()
        for _ in range(2):
            bureau.issue(2_242_000)
        connections.close_all()
        with doomed_cluster(folder, name) as made:
            yield made


@pytest.mark.parametrize("victim", VICTIMS)
def test_after_kill_9_each_act_is_whole_or_not_at_all(doomed: Doomed, victim: str) -> None:
    doomed.round(victim, random.Random(victim))
    assert len(doomed.acknowledged) > 3


def test_a_backup_restored_into_a_second_cluster_replays_clean(
    doomed: Doomed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    before = doomed.verify()
    monkeypatch.setenv("VAR", str(doomed.cluster.folder))
    archive = backups.backup()
    monkeypatch.setenv("VAR", str(tmp_path))
    second = Cluster(tmp_path)
    try:
        ensure_cluster()
        backups.restore(archive)
        assert Doomed(second).verify() == before
        assert before["faults"] == []
        assert before["counts"]["entries"] >= 2
    finally:
        second.stop()
        shutil.rmtree(second.data.resolve(), ignore_errors=True)
        shutil.rmtree(second.sockets, ignore_errors=True)


@pytest.mark.soak
def test_twenty_kills_lose_nothing(doomed: Doomed) -> None:
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**9))
    sys.stderr.write(f"SOAK_SEED={seed}\n")
    dice = random.Random(seed)
    for _round in range(SOAK_ROUNDS):
        doomed.round(dice.choice(VICTIMS), dice)
