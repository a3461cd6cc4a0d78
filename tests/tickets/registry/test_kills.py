"""A backup in a second cluster; there, kill -9 of what acts, of the web server and of PostgreSQL."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from tests.databases import own_database
from tests.soak.seeds import announced_seed
from tests.tickets.registry.kills import Doomed, doomed_cluster
from tests.tickets.registry.register import Bureau

VICTIMS = ("program", "postgres")
WEB = "web server"
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


def test_a_backup_restored_into_a_second_cluster_replays_clean(doomed: Doomed) -> None:
    report = doomed.verify()
    assert report["faults"] == []
    assert report["counts"]["tickets"] == 2
    assert report["counts"]["entries"] == 2


def test_after_kill_9_each_act_is_whole_or_not_at_all(doomed: Doomed) -> None:
    for victim in VICTIMS:
        doomed.round(victim, random.Random(victim))
    assert len(doomed.acknowledged) > 3
    assert doomed.verify()["faults"] == []


def test_after_kill_9_of_the_web_server_the_same_buttons_are_pressed_again(doomed: Doomed) -> None:
    doomed.web_round(random.Random(WEB))
    assert doomed.verify()["faults"] == []


@pytest.mark.soak
def test_twenty_kills_lose_nothing(doomed: Doomed) -> None:
    dice = random.Random(announced_seed())
    for _round in range(int(os.environ.get("SOAK_ROUNDS") or SOAK_ROUNDS)):
        victim = dice.choice((*VICTIMS, WEB))
        if victim == WEB:
            doomed.web_round(dice)
        else:
            doomed.round(victim, dice)
        assert doomed.verify()["faults"] == []
