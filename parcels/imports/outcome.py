"""What came of an import: counts, and the problems that people are told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parcels.models import ImportProblem

if TYPE_CHECKING:
    from parcels.imports.takeover import TakenOver

# Warnings of one kind that are kept; beyond it only the count goes on. A rejected feature is
# always kept: it is missing in the register, and somebody has to mend it.
KEPT_WARNINGS_PER_CODE = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """One feature rejected, or taken with a warning."""

    severity: ImportProblem.Severity
    row: int
    feature_id: str
    code: str
    facts: dict[str, Any]
    lon: float | None
    lat: float | None


@dataclass(slots=True)
class Outcome:
    """Counts of an import; its problems are handed to ``keep`` as they come, so memory stays flat."""

    keep: Callable[[Problem], None]
    read: int = 0
    imported: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    warnings: int = 0
    total: int | None = None
    problem_counts: dict[str, int] = field(default_factory=dict)
    taken_over: TakenOver | None = None

    def add(self, problem: Problem, times: int = 1) -> None:
        """One problem; ``times`` more than one where only the first of its kind are handed on."""
        seen = self.problem_counts.get(problem.code, 0)
        self.problem_counts[problem.code] = seen + times
        if problem.severity == ImportProblem.Severity.REJECTED:
            self.rejected += times
        else:
            self.warnings += times
            if seen >= KEPT_WARNINGS_PER_CODE:
                return
        self.keep(problem)


# Told after each batch; raises ImportCancelled to stop.
Progress = Callable[[Outcome], None]
