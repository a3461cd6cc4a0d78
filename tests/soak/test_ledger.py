"""The long forms of the ledger's tests: a minute of sixteen clients, hundreds of random courses."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, core, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.seeds import announced_seed
from tests.tickets.registry.conftest import (  # noqa: F401 - fixtures
    committed_register,
    filed_db,
    filed_template,
    own_folders,
)
from tests.tickets.registry.machine import Register
from tests.tickets.registry.register import Bureau, covered
from tests.tickets.registry.test_races import assert_whole, clients


@pytest.mark.soak
def test_sixteen_clients_for_a_minute_lose_and_double_nothing(committed_register: str) -> None:  # noqa: F811
    bureau = Bureau()
    tickets = [bureau.issue(2_242_000) for _ in range(3)]
    done = clients(bureau, tickets, seconds=60, count=16, first_seed=announced_seed())
    assert min(done) > 1
    assert all(covered(ticket.issuance) for ticket in tickets)
    assert_whole()


@pytest.mark.soak
def test_hundreds_of_random_courses_agree_with_the_model(
    committed_register: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failing course is printed with the blob that plays it again."""
    monkeypatch.setattr(core, "global_force_seed", announced_seed())
    run_state_machine_as_test(
        Register,
        settings=settings(
            max_examples=200,
            stateful_step_count=50,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
