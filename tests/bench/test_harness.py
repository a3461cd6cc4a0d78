"""A bench tells the truth: unequal results and broken limits are failures, not numbers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

from bench.__main__ import names, table
from bench.harness import Bench, ResultsDiffer


@pytest.fixture
def bench() -> Bench:
    return Bench(name="example", size=10)


def test_ways_that_give_different_results_are_not_compared(bench: Bench) -> None:
    with pytest.raises(ResultsDiffer):
        bench.compare("sum", {"one": lambda: 1, "other": lambda: 2})
    assert bench.timings == []


def test_ways_are_compared_to_the_first_by_their_medians(bench: Bench) -> None:
    bench.compare("sum", {"short": lambda: sum(range(10)), "long": lambda: len([0] * 45)}, rounds=3)
    first, second = bench.timings
    assert (first.way, first.ratio, first.rounds) == ("short", 1.0, 3)
    assert second.ratio == pytest.approx(second.median_s / first.median_s)


def test_results_are_made_comparable_before_they_are_compared(bench: Bench) -> None:
    bench.compare("rows", {"a": lambda: [2, 1], "b": lambda: [1, 2]}, rounds=1, same=sorted)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [({}, True), ({"at_most": 5}, True), ({"at_most": 4}, False), ({"at_least": 6}, False)],
)
def test_a_broken_limit_is_a_failure(bench: Bench, limits: dict[str, Any], kept: bool) -> None:
    bench.fact("tiles", 5, "KB", **limits)
    assert bench.kept is kept
    assert ("✓" if kept else "✗") in table({"example": bench.as_json()})


def test_the_worst_round_keeps_the_limit_not_the_median(bench: Bench) -> None:
    bench.taken("tile", [0.1, 0.1, 0.9], at_most_s=0.5)
    assert not bench.kept


def test_the_command_names_its_benches_and_refuses_an_unknown_one() -> None:
    assert "tiles" in names()
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nothing"],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "没有这个测量" in done.stderr
