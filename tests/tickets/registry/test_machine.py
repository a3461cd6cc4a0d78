"""Hypothesis plays the register against the model; a failing seed is printed and replayable."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.tickets.registry.machine import Register


def test_random_acts_agree_with_the_model(committed_register: str) -> None:
    run_state_machine_as_test(
        Register,
        settings=settings(
            max_examples=4,
            stateful_step_count=25,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
